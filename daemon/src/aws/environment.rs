//! The caller's environment, in the form that the SDK takes instead of the daemon's own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_types::os_shim_internal::Env;
use deployer_domain::backend::BackendRef;
use deployer_domain::caller::Caller;
use deployer_domain::object::{PortError, PortResult};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

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
/// Those that travel in the headers of requests.
const KEYS: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
/// What else clients, and programs that print credentials, depend on.
const OTHERS: [&str; 5] = ["DEPLOYER_ROLE_ARN", "HOME", "PATH", "USER", "LOGNAME"];
const PROXIES: [&str; 4] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"];

/// What of a caller's environment AWS clients depend on.
#[derive(Clone)]
pub(super) struct CallerEnvironment {
    variables: BTreeMap<String, SecretString>,
    directory: PathBuf,
}

impl CallerEnvironment {
    /// Takes the caller's variables as far as they matter, with what the backend's place says put over them.
    pub(super) fn new(caller: &Caller, place: &BackendRef) -> Self {
        let mut variables: BTreeMap<String, SecretString> = caller
            .environment
            .iter()
            .filter(|(name, value)| matters(name) && !value.expose_secret().is_empty())
            .map(|(name, value)| (name.clone(), anchored(name, value.expose_secret(), &caller.cwd).into()))
            .collect();
        if let Some(profile) = &place.profile {
            CREDENTIALS.iter().for_each(|name| drop(variables.remove(*name)));
            variables.insert("AWS_PROFILE".to_owned(), profile.clone().into());
        }
        if let Some(region) = &place.region {
            variables.insert("AWS_REGION".to_owned(), region.clone().into());
        }
        if !variables.contains_key("AWS_EC2_METADATA_SERVICE_ENDPOINT") && !on_amazons_hardware() {
            // Elsewhere nobody answers, and "no credentials" would take seconds to say.
            variables.entry("AWS_EC2_METADATA_DISABLED".to_owned()).or_insert_with(|| "true".into());
        }
        Self { variables, directory: caller.cwd.clone() }
    }

    /// A variable, if it is set and not empty.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(ExposeSecret::expose_secret)
    }

    /// The first of several spellings that is set.
    pub(super) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.variable(name))
    }

    /// The server that stands in for AWS, where one does; documents' own before that of all.
    pub(super) fn endpoint(&self) -> Option<&str> {
        self.first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"])
    }

    /// Refuses an endpoint that is no URL, which would look like a network that does not work.
    pub(super) fn check_endpoints(&self) -> PortResult<()> {
        let mut endpoints = self.iter().filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        match endpoints.find(|(_, url)| !url.starts_with("http://") && !url.starts_with("https://")) {
            Some((name, _)) => Err(PortError::Invalid(format!("{name} in your environment is not a URL"))),
            None => Ok(()),
        }
    }

    /// Refuses values that cannot travel in a request's header; often a line break that came along with a secret.
    pub(super) fn check_characters(&self) -> PortResult<()> {
        // The others are names of files and profiles, which may be in any script.
        let sent = |name: &str| KEYS.contains(&name) || name.ends_with("REGION");
        let broken = |value: &str| value.chars().any(|c| c.is_control() || !c.is_ascii());
        match self.iter().find(|(name, value)| sent(name) && broken(value)) {
            Some((name, _)) => {
                Err(PortError::Invalid(format!("{name} holds a line break or another character that cannot be in it")))
            }
            None => Ok(()),
        }
    }

    /// Whether the environment itself holds keys, so that profiles are not asked.
    pub(super) fn holds_keys(&self) -> bool {
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].iter().all(|name| self.variable(name).is_some())
    }

    /// As the SDK takes it.
    pub(super) fn as_sdk(&self) -> Env {
        let owned = self.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Env::from(owned.collect::<std::collections::HashMap<_, _>>())
    }

    /// Everything, for a child process of the caller's.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.expose_secret()))
    }

    /// The caller's working directory.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The AWS files of this caller, there or not.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let home = Path::new(self.variable("HOME").unwrap_or("/")).join(".aws");
        let named = |name: &str, default: &str| self.variable(name).map_or_else(|| home.join(default), PathBuf::from);
        let mut files = vec![named("AWS_CONFIG_FILE", "config"), named("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
        files.extend(self.variable("AWS_CA_BUNDLE").map(PathBuf::from));
        files
    }

    /// A digest of everything, so that clients can be found again without their secrets being kept.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let fields = self.iter().chain([("", self.directory.to_str().unwrap_or_default())]);
        for text in fields.flat_map(|(name, value)| [name, value]) {
            digest.update(text.len().to_le_bytes());
            digest.update(text);
        }
        digest.finalize().into()
    }
}

impl std::fmt::Debug for CallerEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CallerEnvironment({} variables)", self.variables.len())
    }
}

fn matters(name: &str) -> bool {
    name.starts_with("AWS_") || OTHERS.contains(&name) || PROXIES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn anchored(name: &str, value: &str, directory: &Path) -> String {
    let relative = FILES.contains(&name) && !value.starts_with(['/', '~']);
    if relative { directory.join(value).to_string_lossy().into_owned() } else { value.to_owned() }
}

/// Whether an instance's metadata could be there: on EC2 the firmware says whose the machine is. Where it says
/// nothing (no such files), asking costs less than being wrong.
fn on_amazons_hardware() -> bool {
    let said = ["/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/bios_version"].map(std::fs::read_to_string);
    let said: Vec<String> = said.into_iter().flatten().collect();
    match said.is_empty() {
        true => cfg!(target_os = "linux"),
        false => said.iter().any(|text| text.to_lowercase().contains("amazon")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(variables: &[(&str, &str)]) -> Caller {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        Caller { environment, cwd: "/work".into(), ..Caller::default() }
    }

    fn place() -> BackendRef {
        BackendRef::from("s3://acme-state".parse::<deployer_domain::backend::BackendAddress>().unwrap())
    }

    #[test]
    fn only_what_matters_is_taken_and_relative_files_are_the_callers() {
        let caller = caller(&[
            ("AWS_CONFIG_FILE", "aws/config"),
            ("AWS_SHARED_CREDENTIALS_FILE", "~/elsewhere"),
            ("EDITOR", "vi"),
            ("https_proxy", "http://proxy"),
            ("AWS_PROFILE", ""),
        ]);
        let environment = CallerEnvironment::new(&caller, &place());
        assert_eq!(environment.variable("AWS_CONFIG_FILE"), Some("/work/aws/config"));
        assert_eq!(environment.variable("AWS_SHARED_CREDENTIALS_FILE"), Some("~/elsewhere"));
        assert_eq!(environment.variable("https_proxy"), Some("http://proxy"));
        assert_eq!((environment.variable("EDITOR"), environment.variable("AWS_PROFILE")), (None, None));
    }

    #[test]
    fn a_profile_named_at_sign_in_wins_over_keys_in_the_environment() {
        let caller = caller(&[("AWS_ACCESS_KEY_ID", "A"), ("AWS_SECRET_ACCESS_KEY", "S"), ("AWS_PROFILE", "mine")]);
        assert!(CallerEnvironment::new(&caller, &place()).holds_keys());
        let named = BackendRef { profile: Some("theirs".to_owned()), ..place() };
        let environment = CallerEnvironment::new(&caller, &named);
        assert!(!environment.holds_keys());
        assert_eq!(environment.variable("AWS_PROFILE"), Some("theirs"));
    }

    #[test]
    fn two_environments_have_one_digest_only_when_they_are_the_same() {
        let digest = |variables: &[(&str, &str)]| CallerEnvironment::new(&caller(variables), &place()).digest();
        assert_eq!(digest(&[("AWS_A", "1"), ("AWS_B", "2")]), digest(&[("AWS_B", "2"), ("AWS_A", "1"), ("X", "")]));
        assert_ne!(digest(&[("AWS_A", "1AWS_B")]), digest(&[("AWS_A", "1"), ("AWS_B", "")]));
        assert_ne!(digest(&[("AWS_ACCESS_KEY_ID", "1")]), digest(&[("AWS_ACCESS_KEY_ID", "2")]));
    }

    #[test]
    fn a_line_break_that_came_along_with_a_key_is_refused_by_name() {
        let check = |name, value| CallerEnvironment::new(&caller(&[(name, value)]), &place()).check_characters();
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_REGION"] {
            let error = check(name, "AKIA\n").unwrap_err().to_string();
            assert!(error.contains(name) && !error.contains("AKIA"), "{error}");
        }
        assert!(check("AWS_ACCESS_KEY_ID", "AKIA").is_ok() && check("AWS_WEB_IDENTITY_TOKEN_FILE", "/home/é").is_ok());
        let region = BackendRef { region: Some("eu\nwest".to_owned()), ..place() };
        assert!(CallerEnvironment::new(&caller(&[]), &region).check_characters().is_err());
    }

    #[test]
    fn no_value_shows_in_debug() {
        let environment = CallerEnvironment::new(&caller(&[("AWS_SECRET_ACCESS_KEY", "hunter2")]), &place());
        assert!(!format!("{environment:?}").contains("hunter2"));
    }
}
