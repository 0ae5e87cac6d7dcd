//! All that is known of who calls: it travels with each request, never from the daemon's own environment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::SecretString;

use crate::actor::Actor;
use crate::backend::BackendRef;
use crate::name::TenantId;

/// One caller, as the call context describes it.
#[derive(Clone, Default)]
pub struct Caller {
    /// Absolute working directory of the caller.
    pub cwd: PathBuf,
    /// Who acts: shown in locks, history and audit. Never a proof of identity.
    pub actor: Actor,
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
    /// The mask of the files that are written for the caller, such as 0o022.
    pub umask: Option<u32>,
}

/// The mask of callers that name none.
const UMASK: u32 = 0o022;

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

impl InlineSignIn {
    fn is_alike(&self, other: &Self) -> bool {
        use secrecy::ExposeSecret;
        fn otp(it: &InlineSignIn) -> Option<&str> {
            it.otp.as_ref().map(ExposeSecret::expose_secret)
        }
        let same_secrets = self.secret.expose_secret() == other.secret.expose_secret() && otp(self) == otp(other);
        same_secrets && (&self.backend, &self.tenant) == (&other.backend, &other.tenant)
    }
}

impl Caller {
    /// The mask of the files that are written for the caller; the daemon's own would keep them from everybody else.
    pub fn umask(&self) -> u32 {
        self.umask.unwrap_or(UMASK) & 0o777
    }

    /// An allow-listed variable, if it is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&SecretString> {
        use secrecy::ExposeSecret;
        self.environment.get(name).filter(|value| !value.expose_secret().is_empty())
    }

    /// Whether two calls come from the same place in the same environment, with the same credentials: what was worked out for
    /// one holds for the other.
    pub fn is_alike(&self, other: &Self) -> bool {
        fn exposed(variables: &BTreeMap<String, SecretString>) -> impl Iterator<Item = (&str, &str)> {
            use secrecy::ExposeSecret;
            variables.iter().map(|(name, value)| (name.as_str(), value.expose_secret()))
        }
        let signs_in_alike = match (&self.sign_in, &other.sign_in) {
            (None, None) => true,
            (Some(one), Some(other)) => one.is_alike(other),
            _ => false,
        };
        signs_in_alike
            && (&self.cwd, self.umask, &self.context) == (&other.cwd, other.umask, &other.context)
            && exposed(&self.environment).eq(exposed(&other.environment))
            && self.full_environment.iter().flat_map(exposed).eq(other.full_environment.iter().flat_map(exposed))
    }

    /// A variable of the whole environment, where the call carries that, if it is set and not empty.
    pub fn any_variable(&self, name: &str) -> Option<&SecretString> {
        use secrecy::ExposeSecret;
        self.full_environment.as_ref()?.get(name).filter(|value| !value.expose_secret().is_empty())
    }
}

/// Variables that hold credentials.
const CREDENTIALS: [&str; 4] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"];
/// Variables that say where credentials are and how the cloud is reached.
const WAYS: [&str; 22] = [
    "HOME",
    "USER",
    "LOGNAME",
    "PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CA_BUNDLE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_EC2_METADATA_DISABLED",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT",
    "DEPLOYER_ROLE_ARN",
    "DEPLOYER_REGION",
];

impl Caller {
    /// The variables that lead to the caller's credentials without being any, so that they may be written down;
    /// `None` where the environment itself holds credentials, a proxy's password included.
    pub fn way_to_credentials(&self) -> Option<BTreeMap<String, String>> {
        use secrecy::ExposeSecret;
        if CREDENTIALS.iter().any(|name| self.variable(name).is_some()) {
            return None;
        }
        let is_way = |name: &str| {
            WAYS.contains(&name)
                || name.starts_with("AWS_ENDPOINT_URL")
                || name.to_ascii_uppercase().ends_with("_PROXY")
        };
        let ways = self.environment.iter().filter(|(name, _)| is_way(name));
        let ways = ways.map(|(name, value)| (name.clone(), value.expose_secret().to_owned()));
        let ways: BTreeMap<String, String> = ways.collect();
        let has_password = |value: &String| value.contains("://") && value.contains('@');
        (!ways.values().any(has_password)).then_some(ways)
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller").field("cwd", &self.cwd).field("request_id", &self.request_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(variables: &[(&str, &str)]) -> Caller {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        Caller { environment, ..Caller::default() }
    }

    #[test]
    fn only_a_caller_with_the_same_environment_is_alike() {
        let with = |value: &str| Caller {
            full_environment: Some([("PATH".to_owned(), value.into())].into()),
            ..caller(&[("AWS_PROFILE", "work")])
        };
        assert!(with("/bin").is_alike(&with("/bin")));
        assert!(!with("/bin").is_alike(&with("/usr/bin")));
        let other = Caller { environment: caller(&[("AWS_PROFILE", "play")]).environment, ..with("/bin") };
        assert!(!with("/bin").is_alike(&other));
        assert!(!with("/bin").is_alike(&Caller { cwd: "/elsewhere".into(), ..with("/bin") }));
        assert!(!with("/bin").is_alike(&Caller { context: Some("other".to_owned()), ..with("/bin") }));
    }

    #[test]
    fn a_profile_may_be_written_down_and_a_key_or_a_proxys_password_may_not() {
        let way = |variables: &[(&str, &str)]| caller(variables).way_to_credentials();
        let profile = [("AWS_PROFILE", "work"), ("HOME", "/home/a"), ("AWS_SOMETHING_NEW", "x"), ("CI", "true")];
        let written = way(&profile).unwrap();
        assert_eq!(written.keys().map(String::as_str).collect::<Vec<_>>(), ["AWS_PROFILE", "HOME"]);
        assert_eq!(way(&[("AWS_PROFILE", "work"), ("AWS_SECRET_ACCESS_KEY", "s")]), None);
        assert_eq!(way(&[("https_proxy", "http://user:word@proxy:3128")]), None);
        assert!(way(&[("https_proxy", "http://proxy:3128")]).is_some());
    }
}
