//! Says to a person what a port said to an operation: the one place where a [`PortError`] becomes an [`Error`].

use std::fmt;

use crate::backend::BackendAddress;
use crate::error::{Error, Reason, Result};
use crate::object::{PortError, PortResult};

/// Adds to a port's answer what was attempted.
pub trait Attempted<T> {
    /// `what` completes "cannot …", such as `read tenants.yaml`.
    fn attempted(self, what: impl fmt::Display, backend: &BackendAddress) -> Result<T>;
}

impl<T> Attempted<T> for PortResult<T> {
    fn attempted(self, what: impl fmt::Display, backend: &BackendAddress) -> Result<T> {
        self.map_err(|error| explain(error, what, backend))
    }
}

/// Turns a port's error into the error that an operation answers: what was attempted, why it failed, what to do next.
pub fn explain(error: PortError, what: impl fmt::Display, backend: &BackendAddress) -> Error {
    let local = matches!(backend, BackendAddress::Local(_));
    let reason = reason(&error);
    let answer = Error::new(reason, format!("cannot {what} ({backend})")).caused_by(&error);
    match error {
        PortError::Conflict => answer.hint("somebody else changed it at the same moment: run the command again"),
        PortError::Gone => answer.hint("somebody else deleted it at the same moment: look before you run it again"),
        PortError::NoSuchBackend(_) => answer
            .hint("check the name given with --backend or --bucket")
            .hint(format!("create it with `deployer admin bootstrap --backend {backend}`")),
        PortError::NoCredentials(_) => answer
            .hint("name a profile with --profile or AWS_PROFILE; for one with SSO run `aws sso login --profile NAME`")
            .hint("or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        PortError::CredentialsExpired(_) => {
            answer.hint("renew them, for example with `aws sso login`, and run the command again")
        }
        PortError::Denied(_) if local => answer.hint("check who may write the file and its directory"),
        PortError::Denied(_) => answer
            .hint("check whose credentials these are with `aws sts get-caller-identity`")
            .hint("ask for access to the bucket, the lock table and the admin secret, or use --profile or --role-arn"),
        PortError::Throttled(_) => answer.hint("wait a moment and run the command again"),
        PortError::Unavailable(_) if local => answer.hint("check the disk that holds the file"),
        PortError::Unavailable(_) => answer
            .hint("check the network, the region, and the proxy or AWS_ENDPOINT_URL where one is set")
            .hint("it is safe to run the command again"),
        PortError::Invalid(_) if local => answer.hint("name another file with --backend local:PATH"),
        PortError::Invalid(_) => {
            answer.hint("check --backend, --region, --profile and the AWS_* variables of your environment")
        }
    }
}

fn reason(error: &PortError) -> Reason {
    match error {
        PortError::Conflict | PortError::Gone => Reason::StateConflict,
        PortError::NoSuchBackend(_) => Reason::NotFound,
        PortError::NoCredentials(_) | PortError::Denied(_) | PortError::CredentialsExpired(_) => Reason::BackendDenied,
        PortError::Throttled(_) | PortError::Unavailable(_) => Reason::BackendUnavailable,
        PortError::Invalid(_) => Reason::InvalidRequest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every() -> Vec<PortError> {
        let text = || "the reason".to_owned();
        vec![
            PortError::Conflict,
            PortError::Gone,
            PortError::NoSuchBackend(text()),
            PortError::NoCredentials(text()),
            PortError::Denied(text()),
            PortError::CredentialsExpired(text()),
            PortError::Throttled(text()),
            PortError::Unavailable(text()),
            PortError::Invalid(text()),
        ]
    }

    #[test]
    fn every_error_says_what_was_attempted_why_it_failed_and_what_to_do() {
        for address in ["s3://acme-state", "local:/tmp/a.db"] {
            let address: BackendAddress = address.parse().unwrap();
            for error in every() {
                let cause = error.to_string();
                let answer = explain(error, "read tenants.yaml", &address);
                assert_eq!(answer.message, format!("cannot read tenants.yaml ({address})"));
                assert_eq!(answer.causes, [cause]);
                assert!(!answer.hints.is_empty(), "{answer}");
            }
        }
    }

    #[test]
    fn a_missing_backend_names_the_command_that_creates_it() {
        let address: BackendAddress = "s3://acme-state".parse().unwrap();
        let answer = explain(PortError::NoSuchBackend("no bucket acme-state".to_owned()), "sign in", &address);
        assert_eq!(answer.reason, Reason::NotFound);
        assert!(answer.hints.iter().any(|hint| hint.contains("deployer admin bootstrap --backend s3://acme-state")));
    }

    #[test]
    fn a_local_file_is_not_explained_with_a_cloud() {
        let address: BackendAddress = "local:/tmp/a.db".parse().unwrap();
        for error in [PortError::Denied(String::new()), PortError::Unavailable(String::new())] {
            let hints = explain(error, "x", &address).hints.concat();
            assert!(!hints.contains("AWS") && !hints.contains("aws"), "{hints}");
        }
    }
}
