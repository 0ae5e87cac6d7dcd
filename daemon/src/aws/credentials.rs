//! The caller's credentials: what the SDK's chain finds in the caller's environment, and two things that it cannot.
//!
//! It would run a profile's `credential_process` with the daemon's environment, and it would throw away what it was
//! loading when the request that asked for it gives up (a heartbeat gives up soon).

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Answer;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use jiff::Timestamp;
use tokio::sync::Mutex;

use super::ServerClock;
use super::profile::{Process, Role};

/// Credentials that end sooner than this are asked for anew.
const ENDS_SOON: Duration = Duration::from_secs(60);

/// Says that there were credentials, and that they ended.
#[derive(Debug, thiserror::Error)]
#[error("your AWS credentials expired")]
pub(super) struct Expired(#[source] CredentialsError);

/// Credentials that are loaded once for all who ask at the same time, also when nobody waits any more.
#[derive(Debug, Clone)]
pub(super) struct Steady {
    source: SharedCredentialsProvider,
    clock: ServerClock,
    loaded: Arc<Mutex<Option<Credentials>>>,
}

impl Steady {
    pub(super) fn new(source: SharedCredentialsProvider, clock: ServerClock) -> Self {
        Self { source, clock, loaded: Arc::default() }
    }
}

impl Steady {
    /// Forgets what was loaded, so that it is loaded anew.
    pub(super) async fn forget(&self) {
        *self.loaded.lock().await = None;
    }

    /// Answers credentials that last for this time if any can be had, else those that last longest.
    pub(super) async fn lasting(&self, at_least: Duration) -> Result<Credentials, CredentialsError> {
        let (source, clock, loaded) = (self.source.clone(), self.clock.clone(), self.loaded.clone());
        let load = async move {
            let mut loaded = loaded.lock().await;
            let now = clock.now();
            let lasts = |known: &Credentials, by: Duration| {
                known.expiry().and_then(|end| Timestamp::try_from(end).ok()).map(|end| end > now + by)
            };
            if let Some(known) = loaded.as_ref().filter(|known| lasts(known, at_least) == Some(true)) {
                return Ok(known.clone());
            }
            match source.provide_credentials().await {
                Ok(fresh) => Ok(loaded.insert(fresh).clone()),
                // What still lasts a little is better than nothing.
                Err(error) => match loaded.as_ref() {
                    Some(known) if lasts(known, Duration::ZERO) == Some(true) => Ok(known.clone()),
                    Some(known) if lasts(known, Duration::ZERO) == Some(false) => {
                        Err(CredentialsError::provider_error(Expired(error)))
                    }
                    _ => Err(error),
                },
            }
        };
        tokio::spawn(load).await.unwrap_or_else(|error| Err(CredentialsError::unhandled(error)))
    }
}

impl ProvideCredentials for Steady {
    fn provide_credentials<'a>(&'a self) -> Answer<'a>
    where
        Self: 'a,
    {
        Answer::new(self.lasting(ENDS_SOON))
    }
}

/// Puts the roles of a profile's chain on top of what its process answers.
pub(super) async fn from_process(process: Process, roles: Vec<Role>, config: &SdkConfig) -> SharedCredentialsProvider {
    let mut provider = SharedCredentialsProvider::new(process);
    for role in roles {
        let mut builder = AssumeRoleProvider::builder(role.arn).configure(config);
        if let Some(id) = role.external_id {
            builder = builder.external_id(id);
        }
        if let Some(name) = role.session_name {
            builder = builder.session_name(name);
        }
        provider = SharedCredentialsProvider::new(builder.build_from_provider(provider).await);
    }
    provider
}

/// The tenant's role, assumed with the caller's own credentials and tagged with the tenant.
pub(super) async fn as_tenant(
    role_arn: &str,
    tenant: Option<&str>,
    actor: &str,
    config: &SdkConfig,
) -> SharedCredentialsProvider {
    let builder = AssumeRoleProvider::builder(role_arn)
        .configure(config)
        .session_name(session_name(actor))
        .tags(tenant.map(|id| ("tenant", id)));
    SharedCredentialsProvider::new(builder.build().await)
}

/// STS takes 2 to 64 characters of `[\w+=,.@-]`.
fn session_name(actor: &str) -> String {
    let good = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    let name: String = actor.chars().map(good).take(64).collect();
    if name.len() < 2 { "deployer".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::SystemTime;

    use super::*;

    /// Answers credentials that last as long as was said for each turn; an error after the last.
    #[derive(Debug)]
    struct Turns(Vec<Duration>, AtomicUsize);

    impl ProvideCredentials for Turns {
        fn provide_credentials<'a>(&'a self) -> Answer<'a>
        where
            Self: 'a,
        {
            let turn = self.1.fetch_add(1, Ordering::SeqCst);
            let end = self.0.get(turn).map(|lasts| SystemTime::now() + *lasts);
            Answer::ready(match end {
                Some(end) => Ok(Credentials::new(format!("turn-{turn}"), "s", None, Some(end), "test")),
                None => Err(CredentialsError::not_loaded("no more")),
            })
        }
    }

    fn steady(turns: Vec<Duration>) -> Steady {
        Steady::new(SharedCredentialsProvider::new(Turns(turns, AtomicUsize::new(0))), ServerClock::default())
    }

    async fn key(steady: &Steady) -> Result<String, CredentialsError> {
        steady.provide_credentials().await.map(|found| found.access_key_id().to_owned())
    }

    #[tokio::test]
    async fn credentials_that_last_are_loaded_once_and_others_in_time() {
        let steady = steady(vec![Duration::from_secs(30), Duration::from_secs(3600)]);
        let mut keys = Vec::new();
        for _ in 0..4 {
            keys.push(key(&steady).await.unwrap());
        }
        assert_eq!(keys, ["turn-0", "turn-1", "turn-1", "turn-1"]);
    }

    #[tokio::test]
    async fn what_still_lasts_is_used_when_a_renewal_fails_and_what_ended_is_called_expired() {
        let lasting = steady(vec![Duration::from_secs(30)]);
        assert_eq!(key(&lasting).await.unwrap(), "turn-0");
        assert_eq!(key(&lasting).await.unwrap(), "turn-0");
        let ended = steady(vec![Duration::ZERO]);
        assert_eq!(key(&ended).await.unwrap(), "turn-0");
        let error = key(&ended).await.unwrap_err();
        assert!(std::error::Error::source(&error).unwrap().is::<Expired>(), "{error:?}");
    }

    #[tokio::test]
    async fn who_gives_up_does_not_undo_the_loading() {
        let steady = steady(vec![Duration::from_secs(3600)]);
        drop(steady.provide_credentials());
        assert_eq!(key(&steady).await.unwrap(), "turn-0");
        assert_eq!(key(&steady).await.unwrap(), "turn-0");
    }

    #[test]
    fn any_actor_becomes_a_session_name_that_sts_takes() {
        assert_eq!(session_name("alice@acme.com"), "alice@acme.com");
        assert_eq!(session_name("GitHub Actions / run 7"), "GitHub-Actions---run-7");
        assert_eq!(session_name(""), "deployer");
        assert_eq!(session_name(&"é".repeat(100)).len(), 64);
    }
}
