//! All that is known of who calls: it travels with each request, never from the daemon's own environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::backend::BackendRef;
use crate::name::TenantId;

/// One caller, as the call context describes it.
#[derive(Clone, Default)]
pub struct Caller {
    /// Absolute working directory of the caller.
    pub cwd: PathBuf,
    /// Who acts: shown in locks, history and audit. Never a proof of identity.
    pub actor: String,
    /// The caller's host name.
    pub host: String,
    /// The allow-listed environment (`AWS_*`, `HOME`, proxies …). Values may be credentials: never printed.
    pub environment: BTreeMap<String, SecretString>,
    /// The whole environment, only on calls that run commands; kept in memory for as long as the run lives.
    pub full_environment: Option<BTreeMap<String, SecretString>>,
    /// The context that `--context` names.
    pub context: Option<String>,
    /// The request's id, for logs.
    pub request_id: String,
    /// Credentials that travel with the call instead of a stored session; nothing of it is stored.
    pub sign_in: Option<InlineSignIn>,
}

/// Sign-in for one call.
#[derive(Debug, Clone)]
pub struct InlineSignIn {
    /// Where.
    pub backend: BackendRef,
    /// The tenant; `None` for an admin.
    pub tenant: Option<TenantId>,
    /// The tenant's secret or the admin's password.
    pub secret: SecretString,
    /// The one-time password, where the admin secret asks for one.
    pub otp: Option<SecretString>,
}

impl Caller {
    /// An allow-listed variable, if it is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&SecretString> {
        use secrecy::ExposeSecret;
        self.environment.get(name).filter(|value| !value.expose_secret().is_empty())
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("cwd", &self.cwd)
            .field("actor", &self.actor)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}
