//! Free functions between wire types and domain types.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use deployer_domain::actor::{self, Actor};
use deployer_domain::backend::{BackendAddress, BackendRef};
use deployer_domain::caller::{Caller, InlineSignIn};
use deployer_domain::error::{Error, Reason};
use deployer_domain::session::Mode;
use deployer_proto::v1::{self, CallContext};
use deployer_proto::version::{Compatibility, compare};
use secrecy::SecretString;
use tonic::Status;

use super::Server;
use super::status::to_status;
use crate::git_email::{Places, git_email};
use crate::os_user::user_name;

impl Server {
    /// Checks the protocol version of a call and answers who calls.
    pub(crate) fn caller(&self, context: Option<CallContext>) -> Result<Caller, Status> {
        let context = context.unwrap_or_default();
        tracing::debug!(client = ?context.client, request = ?context.request_id, "called");
        protocol(context.protocol, self.config.protocol, self.config.oldest_protocol).map_err(|e| to_status(&e))?;
        caller(context).map_err(|e| to_status(&e))
    }
}

/// Refuses a guest that this daemon cannot serve, in both directions.
pub fn protocol(guest: u32, daemon: u32, oldest: u32) -> Result<(), Error> {
    let (what, hint) = match compare(guest, daemon, oldest) {
        Compatibility::Compatible => return Ok(()),
        Compatibility::DaemonTooOld => (
            "the running daemon is older than its caller",
            "run `deployer daemon restart`; where that does not help, install `deployer` and `deployerd` of the same release",
        ),
        Compatibility::GuestTooOld => (
            "this program is older than the running daemon serves",
            "upgrade it; or, if it is to stay, `deployer daemon restart` starts the daemon that came with it",
        ),
    };
    Err(Error::new(Reason::ProtocolMismatch, what)
        .fact("Caller's protocol", guest)
        .fact("Daemon's protocols", format!("{oldest} to {daemon}"))
        .hint(hint))
}

fn caller(context: CallContext) -> Result<Caller, Error> {
    let cwd = PathBuf::from(&context.cwd);
    if !context.cwd.is_empty() && !cwd.is_absolute() {
        return Err(Error::new(Reason::InvalidRequest, "context.cwd must be an absolute path"));
    }
    let actor = actor_of(&context);
    let sign_in = context.sign_in.map(|given| sign_in(given, &cwd)).transpose()?;
    let environment = secret_map(context.environment);
    let full_environment = context.full_environment.map(|full| secret_map(full.variables));
    Ok(Caller {
        cwd,
        actor,
        host: context.host,
        environment,
        full_environment,
        context: Some(context.context).filter(|name| !name.is_empty()),
        request_id: context.request_id,
        sign_in,
        umask: context.umask,
    })
}

fn actor_of(context: &CallContext) -> Actor {
    let variable = |name: &str| context.environment.get(name).filter(|value| !value.is_empty()).cloned();
    if let Some(said) = actor::said(&context.actor, &variable) {
        return said.into();
    }
    let path = |name: &str| variable(name).map(PathBuf::from);
    let places = Places { cwd: PathBuf::from(&context.cwd), home: path("HOME"), config_home: path("XDG_CONFIG_HOME") };
    let (user, host) = (variable("USER").or_else(|| variable("LOGNAME")), context.host.clone());
    // The daemon serves nobody but its own user.
    let user = || user.unwrap_or_else(|| user_name(rustix::process::getuid().as_raw()));
    Actor::found(move || actor::unsaid(git_email(&places), user, &host))
}

fn sign_in(sign_in: v1::InlineSignIn, cwd: &Path) -> Result<InlineSignIn, Error> {
    let tenant = Some(sign_in.tenant).filter(|tenant| !tenant.is_empty()).map(|tenant| tenant.parse()).transpose()?;
    let mut backend = backend_from_proto(sign_in.backend.unwrap_or_default(), cwd)?;
    backend.tenant.clone_from(&tenant);
    Ok(InlineSignIn {
        backend,
        tenant,
        secret: sign_in.secret.into(),
        otp: Some(sign_in.otp).filter(|otp| !otp.is_empty()).map(SecretString::from),
    })
}

/// A backend as a request names it; a relative path is taken from the caller's working directory.
pub(crate) fn backend_from_proto(backend: v1::Backend, cwd: &Path) -> Result<BackendRef, Error> {
    let address = match backend.address.strip_prefix("local:") {
        // Joined by components, so that `./x` and `x` are one context.
        Some(path) if !path.is_empty() => {
            BackendAddress::Local(cwd.join(path).components().collect()).to_string().parse()?
        }
        _ => backend.address.parse()?,
    };
    Ok(BackendRef {
        address,
        region: given(backend.region),
        profile: given(backend.profile),
        role_arn: given(backend.role_arn),
        tenant: None,
    })
}

/// A backend as it is answered.
pub(crate) fn backend_to_proto(backend: &BackendRef) -> v1::Backend {
    v1::Backend {
        address: backend.address.to_string(),
        region: backend.region.clone().unwrap_or_default(),
        profile: backend.profile.clone().unwrap_or_default(),
        role_arn: backend.role_arn.clone().unwrap_or_default(),
    }
}

/// A text that a request may leave out.
pub(crate) fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

/// A mode that a request may leave out.
pub(crate) fn mode_from_proto(mode: i32) -> Option<Mode> {
    match v1::Mode::try_from(mode) {
        Ok(v1::Mode::Admin) => Some(Mode::Admin),
        Ok(v1::Mode::Tenant) => Some(Mode::Tenant),
        Ok(v1::Mode::Unspecified) | Err(_) => None,
    }
}

/// A mode as it is answered.
pub(crate) fn mode_to_proto(mode: Mode) -> v1::Mode {
    match mode {
        Mode::Admin => v1::Mode::Admin,
        Mode::Tenant => v1::Mode::Tenant,
    }
}

fn secret_map(variables: HashMap<String, String>) -> BTreeMap<String, SecretString> {
    variables.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_too_new_or_too_old_is_told_what_to_do() {
        assert!(protocol(2, 3, 1).is_ok());
        let newer = protocol(4, 3, 1).unwrap_err();
        assert_eq!(newer.reason, Reason::ProtocolMismatch);
        assert!(newer.hints[0].contains("daemon restart"));
        let older = protocol(0, 3, 1).unwrap_err();
        assert_eq!(older.reason, Reason::ProtocolMismatch);
        assert!(older.hints[0].contains("upgrade"));
    }

    #[test]
    fn a_relative_backend_is_taken_from_the_callers_directory() {
        let at = |address: &str| {
            backend_from_proto(
                v1::Backend { address: address.to_owned(), ..v1::Backend::default() },
                Path::new("/work"),
            )
        };
        assert_eq!(at("local:./d.db").unwrap().address, at("local:d.db").unwrap().address);
        assert_eq!(at("local:d.db").unwrap().address, BackendAddress::Local("/work/d.db".into()));
        assert_eq!(at("local:/d.db").unwrap().address, BackendAddress::Local("/d.db".into()));
        assert_eq!(at("local:").unwrap_err().reason, Reason::InvalidRequest);
        assert!(at("s3://bucket").is_ok());
    }

    #[test]
    fn a_relative_working_directory_is_refused() {
        let context = CallContext { cwd: "here".to_owned(), ..CallContext::default() };
        assert_eq!(caller(context).unwrap_err().reason, Reason::InvalidRequest);
    }
}
