//! The caller's environment, in the form that the SDK takes instead of the daemon's own.

use std::collections::HashMap;
use std::path::Path;

use aws_types::os_shim_internal::Env;
use deployer_domain::backend::BackendRef;
use deployer_domain::caller::Caller;
use secrecy::ExposeSecret;

/// Variables that name files; a relative one means a place in the caller's directory, not in the daemon's.
const FILES: [&str; 5] = [
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CA_BUNDLE",
];
/// Variables that would win over a profile that was named at sign-in.
const CREDENTIALS: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
];

/// What of a caller's environment AWS clients depend on.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct CallerEnvironment {
    variables: HashMap<String, String>,
}

impl CallerEnvironment {
    /// Takes the caller's variables as far as they matter, with what the backend's place says put over them.
    pub(super) fn new(caller: &Caller, place: &BackendRef) -> Self {
        let mut variables: HashMap<String, String> = caller
            .environment
            .iter()
            .filter(|(name, value)| matters(name) && !value.expose_secret().is_empty())
            .map(|(name, value)| (name.clone(), anchored(name, value.expose_secret(), &caller.cwd)))
            .collect();
        if let Some(profile) = &place.profile {
            CREDENTIALS.iter().for_each(|name| drop(variables.remove(*name)));
            variables.insert("AWS_PROFILE".to_owned(), profile.clone());
        }
        if let Some(region) = &place.region {
            variables.insert("AWS_REGION".to_owned(), region.clone());
        }
        Self { variables }
    }

    /// A variable, if it is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The first of several spellings that is set.
    pub(super) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.variable(name))
    }

    /// As the SDK takes it.
    pub(super) fn as_sdk(&self) -> Env {
        Env::from(self.variables.clone())
    }

    /// Everything, for a child process of the caller's.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl std::fmt::Debug for CallerEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CallerEnvironment({} variables)", self.variables.len())
    }
}

fn matters(name: &str) -> bool {
    let proxy = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];
    name.starts_with("AWS_")
        || name.starts_with("DEPLOYER_")
        || ["HOME", "PATH", "USER", "LOGNAME", "LANG", "TMPDIR"].contains(&name)
        || proxy.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn anchored(name: &str, value: &str, directory: &Path) -> String {
    let relative = FILES.contains(&name) && !value.starts_with(['/', '~']);
    if relative { directory.join(value).to_string_lossy().into_owned() } else { value.to_owned() }
}
