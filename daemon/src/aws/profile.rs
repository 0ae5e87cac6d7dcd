//! Profiles whose chain begins with a program that prints credentials.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use aws_config::profile::{Profile, ProfileSet};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Answer;
use aws_credential_types::provider::{ProvideCredentials, Result};
use jiff::Timestamp;
use serde::Deserialize;

use super::environment::CallerEnvironment;

/// Programs may ask a person to touch a key; nobody is asked for longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// One role of a profile's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) external_id: Option<String>,
    pub(super) session_name: Option<String>,
}

/// Finds the program at the beginning of the selected profile's chain, if there is one, and the roles to assume from
/// there, in order. The rules are the SDK's; every other kind of chain is left to it.
pub(super) fn process_chain(profiles: &ProfileSet) -> Option<(String, Vec<Role>)> {
    let mut name = profiles.selected_profile();
    let (mut seen, mut roles) = (Vec::new(), Vec::new());
    loop {
        let profile = profiles.get_profile(name).filter(|_| !seen.contains(&name))?;
        seen.push(name);
        if seen.len() > 1 && profile.get("aws_access_key_id").is_some() {
            return None;
        }
        let role = role(profile);
        let next = role.as_ref().and_then(|_| profile.get("source_profile")).filter(|next| *next != name);
        roles.extend(role);
        match next {
            Some(next) => name = next,
            None => {
                roles.reverse();
                return process(profile).map(|command| (command.to_owned(), roles));
            }
        }
    }
}

fn role(profile: &Profile) -> Option<Role> {
    let owned = |name: &str| profile.get(name).map(str::to_owned);
    if profile.get("web_identity_token_file").is_some() {
        return None;
    }
    Some(Role { arn: owned("role_arn")?, external_id: owned("external_id"), session_name: owned("role_session_name") })
}

/// What the SDK would prefer to a process, in the profile where a chain begins.
fn process(profile: &Profile) -> Option<&str> {
    let before = [
        "credential_source",
        "web_identity_token_file",
        "sso_account_id",
        "sso_region",
        "sso_role_name",
        "sso_start_url",
        "sso_session",
        "login_session",
    ];
    if before.iter().any(|name| profile.get(name).is_some()) { None } else { profile.get("credential_process") }
}

/// A program that prints credentials, run as the caller would run it.
pub(super) struct Process {
    command: String,
    environment: CallerEnvironment,
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Its arguments may hold secrets.
        f.write_str("Process")
    }
}

impl Process {
    pub(super) fn new(command: String, environment: CallerEnvironment) -> Self {
        Self { command, environment }
    }

    async fn run(&self) -> Result {
        let mut command = tokio::process::Command::new("/bin/sh");
        command.arg("-c").arg(&self.command).env_clear().envs(self.environment.iter());
        command.current_dir(self.environment.directory());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = match tokio::time::timeout(PATIENCE, command.output()).await {
            Ok(Ok(output)) => output,
            Ok(Err(error)) => {
                let text = format!("the profile's credential_process cannot be started: {error}");
                return Err(CredentialsError::provider_error(text));
            }
            Err(_) => return Err(CredentialsError::provider_timed_out(PATIENCE)),
        };
        if !output.status.success() {
            let said: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(300).collect();
            let text = format!("the profile's credential_process ended with {}: {said}", output.status);
            return Err(CredentialsError::provider_error(text));
        }
        parse(&output.stdout).map_err(|why| {
            CredentialsError::provider_error(format!("the answer of the profile's credential_process {why}"))
        })
    }
}

impl ProvideCredentials for Process {
    fn provide_credentials<'a>(&'a self) -> Answer<'a>
    where
        Self: 'a,
    {
        Answer::new(self.run())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<Timestamp>,
}

fn parse(stdout: &[u8]) -> std::result::Result<Credentials, String> {
    // The parser's own message may quote what it read.
    let printed: Printed = serde_json::from_slice(stdout).map_err(|error| {
        let place = (error.line(), error.column());
        format!("is not the JSON that AWS documents (line {}, column {})", place.0, place.1)
    })?;
    if printed.version != 1 {
        return Err(format!("has version {}, not 1", printed.version));
    }
    let keys = [Some(&printed.access_key_id), Some(&printed.secret_access_key), printed.session_token.as_ref()];
    if keys.into_iter().flatten().any(|key| key.chars().any(|c| c.is_control() || !c.is_ascii())) {
        return Err("holds a line break or another character that cannot be in a key".to_owned());
    }
    let expiration = printed
        .expiration
        .map(|end| SystemTime::UNIX_EPOCH + Duration::from_secs(end.as_second().max(0).unsigned_abs()));
    Ok(Credentials::new(
        printed.access_key_id,
        printed.secret_access_key,
        printed.session_token,
        expiration,
        "CredentialProcess",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_a_process_is_read_and_a_bad_one_is_not_repeated() {
        let text =
            r#"{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "hunter2", "Expiration": "2030-01-02T03:04:05Z"}"#;
        let found = parse(text.as_bytes()).unwrap();
        assert_eq!((found.access_key_id(), found.secret_access_key()), ("A", "hunter2"));
        assert!(found.expiry().is_some());
        let broken = r#"{"Version": 1, "AccessKeyId": "A\n", "SecretAccessKey": "hunter2"}"#;
        for text in ["", "hunter2", broken, r#"{"Version": 2, "AccessKeyId": "A", "SecretAccessKey": "hunter2"}"#] {
            let why = parse(text.as_bytes()).unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
