//! The only reader of the environment: what the caller lends to the daemon, and what the terminal can show.
#![allow(clippy::disallowed_methods, reason = "the one file that may")]

mod lent;

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;

use deployer_proto::endpoint::{Endpoint, EndpointError, endpoint};
use deployer_proto::v1::{Backend, CallContext, FullEnvironment, InlineSignIn, Mode};
use deployer_proto::version::PROTOCOL;

use self::lent::{DAEMON_NAMES, SECRETS, is_lent};
use crate::args::Globals;
use crate::connect::Way;
use crate::private::Private;
use crate::report::Report;

/// The environment and the place that the program was started in.
#[derive(Debug)]
pub struct Surroundings {
    variables: Vec<(String, String)>,
    cwd: String,
    host: String,
    umask: u32,
}

impl Surroundings {
    /// Reads them once.
    pub fn read() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let cwd = std::env::current_dir().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { variables, cwd, host, umask: umask() }
    }

    /// The value of a variable; an empty one counts as absent.
    pub fn value(&self, name: &str) -> Option<&str> {
        let variable = self.variables.iter().find(|(own, _)| own == name);
        variable.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The protocol that this program speaks; tests make it a program of another release.
    pub fn protocol(&self) -> u32 {
        self.value("DEPLOYER_TEST_PROTOCOL").and_then(|given| given.parse().ok()).unwrap_or(PROTOCOL)
    }

    /// Whether a CI system runs this.
    pub fn in_ci(&self) -> bool {
        self.value("CI").is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
    }

    /// Whether text may hold more than ASCII.
    pub fn utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| self.value(name));
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    }

    /// Whether the terminal understands nothing but lines.
    pub fn dumb_terminal(&self) -> bool {
        matches!(self.value("TERM"), None | Some("dumb"))
    }

    fn lent(&self) -> HashMap<String, String> {
        self.variables.iter().filter(|(name, _)| is_lent(name)).cloned().collect()
    }

    fn everything(&self) -> FullEnvironment {
        let kept = self.variables.iter().filter(|(name, _)| !SECRETS.contains(&name.as_str()));
        FullEnvironment { variables: kept.cloned().collect() }
    }

    /// The backend that the variables name, if they do.
    pub fn backend(&self) -> Result<Option<Backend>, Report> {
        let address = address(
            Given { value: self.value("DEPLOYER_BACKEND"), name: "DEPLOYER_BACKEND" },
            Given { value: self.value("DEPLOYER_BUCKET"), name: "DEPLOYER_BUCKET" },
        )?;
        Ok(address.map(|address| Backend {
            address,
            region: self.value("DEPLOYER_REGION").unwrap_or_default().to_owned(),
            profile: String::new(),
            role_arn: self.value("DEPLOYER_ROLE_ARN").unwrap_or_default().to_owned(),
        }))
    }

    fn sign_in(&self, mode: Mode) -> Result<Option<InlineSignIn>, Report> {
        let (tenant, secret) = match mode {
            Mode::Admin => ("", self.value("DEPLOYER_ADMIN_PASSWORD")),
            Mode::Tenant => (self.value("DEPLOYER_TENANT").unwrap_or_default(), self.value("DEPLOYER_SECRET")),
            Mode::Unspecified => return Ok(None),
        };
        // As from stdin: the line's end that a CI system keeps is none of it.
        let Some(secret) = secret.map(|secret| secret.trim_end_matches(['\n', '\r'])) else { return Ok(None) };
        if mode == Mode::Tenant && tenant.is_empty() {
            return Err(Report::usage("DEPLOYER_SECRET is set, but DEPLOYER_TENANT is not")
                .hint("set DEPLOYER_TENANT to the tenant that the secret belongs to"));
        }
        let Some(backend) = self.backend()? else {
            return Err(Report::usage("no backend to sign in to")
                .hint("set DEPLOYER_BACKEND to s3://BUCKET or local:PATH, or DEPLOYER_BUCKET to a bucket"));
        };
        Ok(Some(InlineSignIn {
            backend: Some(backend),
            tenant: tenant.to_owned(),
            secret: secret.to_owned(),
            otp: self.value("DEPLOYER_OTP").filter(|_| mode == Mode::Admin).unwrap_or_default().to_owned(),
        }))
    }

    /// Builds what travels with every call. `mode` decides whose credentials a call without a daemon carries.
    pub fn call(&self, globals: &Globals, mode: Mode) -> Result<CallContext, Report> {
        let sign_in = if self.private(globals) { self.sign_in(mode)? } else { None };
        Ok(CallContext {
            protocol: self.protocol(),
            client: concat!("deployer/", env!("CARGO_PKG_VERSION")).to_owned(),
            cwd: self.cwd.clone(),
            actor: globals.actor.clone().unwrap_or_default(),
            host: self.host.clone(),
            environment: self.lent(),
            full_environment: None,
            context: globals
                .context
                .clone()
                .or_else(|| self.value("DEPLOYER_CONTEXT").map(str::to_owned))
                .unwrap_or_default(),
            request_id: request_id(),
            sign_in,
            umask: Some(self.umask),
        })
    }

    /// The same for calls that run commands: they see the whole environment, less the secrets.
    pub fn call_with_commands(&self, globals: &Globals, mode: Mode) -> Result<CallContext, Report> {
        Ok(CallContext { full_environment: Some(self.everything()), ..self.call(globals, mode)? })
    }

    /// The daemon's socket and files.
    pub fn endpoint(&self) -> Result<Endpoint, EndpointError> {
        let path = |name| self.value(name).map(Path::new);
        endpoint(path("DEPLOYER_SOCKET"), path("DEPLOYER_STATE_DIR"))
    }

    /// What must be known to find or start the daemon.
    pub fn way(&self, globals: &Globals, endpoint: Result<Endpoint, EndpointError>) -> Way {
        let kept = |name: &str| DAEMON_NAMES.contains(&name) || name.starts_with("DEPLOYER_TEST_");
        Way {
            endpoint,
            protocol: self.protocol(),
            ahead: RefCell::default(),
            program: self.value("DEPLOYER_DAEMON").map(str::to_owned),
            search_path: self.value("PATH").map(str::to_owned),
            environment: self.variables.iter().filter(|(name, _)| kept(name)).cloned().collect(),
            private: self.private(globals).then(Private::default),
        }
    }

    /// Whether the command runs without the background daemon.
    pub fn private(&self, globals: &Globals) -> bool {
        globals.is_private() || self.in_ci()
    }
}

/// A value and what it is called where it came from.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The value, if there is one.
    pub value: Option<&'a str>,
    /// The flag or variable.
    pub name: &'a str,
}

/// Joins a backend's address and a bucket's name; two that disagree are an error.
pub fn address(backend: Given<'_>, bucket: Given<'_>) -> Result<Option<String>, Report> {
    let from_bucket = bucket.value.map(|bucket| format!("s3://{}", bucket.trim_start_matches("s3://")));
    match (backend.value, from_bucket) {
        (Some(backend_value), Some(from_bucket))
            if backend_value.trim_end_matches('/') != from_bucket.trim_end_matches('/') =>
        {
            Err(Report::usage(format!("{} and {} disagree", backend.name, bucket.name))
                .fact(backend.name, backend_value)
                .fact(bucket.name, bucket.value.unwrap_or_default())
                .hint(format!(
                    "give only one of them; {} s3://BUCKET says the same as {} BUCKET",
                    backend.name, bucket.name
                )))
        }
        (Some(backend), _) => Ok(Some(backend.to_owned())),
        (None, bucket) => Ok(bucket),
    }
}

/// The mask of the files that this process would write; to ask for it is to set it.
fn umask() -> u32 {
    let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    rustix::process::umask(mask);
    mask.as_raw_mode() as u32
}

/// Random enough to find one call in a log; nothing depends on it.
fn request_id() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}", random())
}

#[cfg(test)]
mod tests;
