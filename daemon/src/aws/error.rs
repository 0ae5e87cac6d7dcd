//! Says an error of the SDK in the words of the ports.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ErrorMetadata, ProvideErrorMetadata, SdkError};
use deployer_domain::object::PortError;

use super::credentials::Expired;
use super::same_role::SomebodyElses;

use super::ask::Refused;

/// Codes that mean "later", and that nothing was done.
pub(super) const THROTTLED: [&str; 9] = [
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
];
/// Codes that mean that the signature was made with a wrong clock, and that nothing was done.
pub(super) const SKEWED: [&str; 3] = ["RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch"];
const EXPIRED: [&str; 4] = ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];
const DENIED: [&str; 16] = [
    "AccessDenied",
    "AccessDeniedException",
    "AccountProblem",
    "AllAccessDisabled",
    "AuthFailure",
    "Forbidden",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "NotSignedUp",
    "OptInRequired",
    "SignatureDoesNotMatch",
    "UnauthorizedOperation",
    "UnrecognizedClientException",
];

/// Turns an SDK error into a port's; `place` is what was asked, such as `the bucket acme-state`.
pub(super) fn port_error<E>(error: SdkError<E, HttpResponse>, place: &str) -> PortError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    if let Some(known) = below(&error) {
        return known;
    }
    match &error {
        SdkError::ServiceError(answer) => service_error(answer.err(), answer.raw(), place),
        SdkError::TimeoutError(_) => PortError::Unavailable(format!("{place} did not answer in time")),
        SdkError::ResponseError(_) => {
            PortError::Unavailable(format!("the answer of {place} could not be read: {}", root(&error)))
        }
        SdkError::DispatchFailure(failure) if failure.is_user() => PortError::Invalid(root(&error)),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            PortError::Unavailable(format!("{place} did not answer in time"))
        }
        SdkError::DispatchFailure(_) => PortError::Unavailable(format!("{place} cannot be reached: {}", root(&error))),
        _ => PortError::Invalid(format!("{place} cannot be asked: {}", root(&error))),
    }
}

fn service_error<E: ProvideErrorMetadata>(error: &E, raw: &HttpResponse, place: &str) -> PortError {
    let status = raw.status().as_u16();
    let code = error.code().unwrap_or_default();
    match (code, status) {
        ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "TemporaryRedirect" | "IncorrectEndpoint", _)
        | (_, 301 | 307) => PortError::Invalid(elsewhere(raw, place)),
        _ => refused((code, error.message().unwrap_or_default()), status, place),
    }
}

/// What a refusal means that was read without an SDK.
pub(super) fn service_answer(refusal: &Refused, place: &str) -> PortError {
    refused((&refusal.code, &refusal.message), refusal.status, place)
}

fn refused((code, message): (&str, &str), status: u16, place: &str) -> PortError {
    let said = match (code, message) {
        ("", "") => format!("{place} answered with status {status}"),
        (code, "") => format!("{place} answered {code}"),
        (code, message) => format!("{place} answered {code}: {message}"),
    };
    match (code, status) {
        ("RequestTimeTooSkewed", _) => {
            PortError::Denied("this computer's clock is wrong: set it, then run the command again".to_owned())
        }
        (code, _) if EXPIRED.contains(&code) => {
            PortError::CredentialsExpired("your AWS credentials expired".to_owned())
        }
        (code, _) if THROTTLED.contains(&code) => PortError::Throttled(format!("{place} asks to slow down")),
        ("NoSuchBucket" | "ResourceNotFoundException" | "TableNotFoundException", _) => {
            PortError::NoSuchBackend(format!("{place} does not exist"))
        }
        ("PreconditionFailed" | "ConditionalRequestConflict" | "OperationAborted", _) | (_, 409 | 412) => {
            PortError::Conflict
        }
        (code, _) if DENIED.contains(&code) => PortError::Denied(said),
        (_, 401 | 403) => PortError::Denied(said),
        (_, 429) => PortError::Throttled(format!("{place} asks to slow down")),
        (_, 500..) => PortError::Unavailable(said),
        _ => PortError::Invalid(said),
    }
}

fn elsewhere(raw: &HttpResponse, place: &str) -> String {
    match raw.headers().get("x-amz-bucket-region") {
        Some(region) => format!("{place} is in the region {region}"),
        None => format!("{place} is in another region"),
    }
}

/// Credentials that could not be had come as an error somewhere below the request's own.
fn below(error: &(dyn Error + 'static)) -> Option<PortError> {
    chain(error).find_map(|error| error.downcast_ref::<CredentialsError>()).map(credentials_error)
}

pub(super) fn no_credentials() -> PortError {
    PortError::NoCredentials("there are no AWS credentials in your environment".to_owned())
}

/// Says why there are no credentials.
pub(super) fn credentials_error(error: &CredentialsError) -> PortError {
    let text = root(error);
    let said =
        |words: &[&str]| chain(error).map(ToString::to_string).any(|text| words.iter().any(|word| text.contains(word)));
    match error {
        _ if error.source().is_some_and(|cause| cause.is::<Expired>()) => {
            PortError::CredentialsExpired(format!("your AWS credentials expired and could not be renewed: {text}"))
        }
        _ if error.source().is_some_and(|cause| cause.is::<SomebodyElses>()) => PortError::Denied(text),
        CredentialsError::CredentialsNotLoaded(_) => no_credentials(),
        CredentialsError::InvalidConfiguration(_) => {
            PortError::Invalid(format!("your AWS profile is not valid: {text}"))
        }
        CredentialsError::ProviderTimedOut(_) => {
            PortError::Unavailable(format!("your AWS credentials did not come in time: {text}"))
        }
        // The machine's own credentials are the last that the SDK asks for: there were no others.
        _ if said(&["IMDS"]) => no_credentials(),
        // Most often the token of SSO before the first sign-in.
        _ if chain(error).any(is_missing_file) => {
            PortError::NoCredentials(format!("a file that your AWS profile needs is not there: {text}"))
        }
        _ if chain(error).any(|cause| cause.is::<std::io::Error>()) => {
            PortError::Unavailable(format!("your AWS credentials cannot be had: {text}"))
        }
        // What SSO and STS say has no type that could be asked from here.
        _ if said(&["expired", "UnauthorizedException"]) => {
            PortError::CredentialsExpired(format!("your AWS sign-in ended: {text}"))
        }
        _ if said(&["AccessDenied", "not authorized"]) => PortError::Denied(text),
        _ => PortError::NoCredentials(format!("your AWS credentials could not be had: {text}")),
    }
}

fn is_missing_file(cause: &(dyn Error + 'static)) -> bool {
    cause.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// The innermost cause that says something.
fn root(error: &(dyn Error + 'static)) -> String {
    chain(error).map(in_words).filter(|text| !text.is_empty()).last().unwrap_or_default()
}

/// What a service said, in its own words: the SDK shows it as a value of Rust.
fn in_words(error: &(dyn Error + 'static)) -> String {
    match error.downcast_ref::<ErrorMetadata>().map(|said| (said.code(), said.message())) {
        Some((Some(code), Some(message))) => format!("{code}: {message}"),
        Some((code, message)) => code.or(message).unwrap_or_default().to_owned(),
        None => error.to_string(),
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let current = next?;
        next = current.source();
        Some(current)
    })
}
