//! Credentials of heartbeats: a lock beats only with the identity that acquired it, also where the profile that the
//! credentials come from becomes somebody else's in the meantime.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Answer;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use deployer_domain::backend::CloudIdentity;
use deployer_domain::object::PortError;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::credentials::Steady;
use super::identity::{KnownIdentity, ask};

/// A beat is not kept waiting longer than this by the question whose credentials the first ones are.
const PATIENCE: Duration = Duration::from_secs(1);

/// Credentials that turned out to be somebody else's are looked for again after this time, not at each beat: a program
/// that prints them may ask a person.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Says that credentials are there, and that they are somebody else's.
#[derive(Debug, Clone, thiserror::Error)]
#[error("your AWS credentials are now those of {now}; the lock was taken by {was}, and only they keep it")]
pub(super) struct SomebodyElses {
    was: String,
    now: String,
}

/// Says that it cannot be known whether new credentials are those of the same identity.
#[derive(Debug, thiserror::Error)]
#[error("your AWS credentials changed, and AWS STS did not say whose they are: {0}")]
struct Unknown(String);

/// What these credentials come from.
pub(super) struct Sources {
    /// The caller's own credentials, which prove who that is.
    pub(super) own: Steady,
    /// Those of the role that is assumed with them, where one is.
    pub(super) role: Option<SharedCredentialsProvider>,
    /// How to ask whose credentials are.
    pub(super) config: SdkConfig,
    /// Whose access key was asked about last.
    pub(super) known: KnownIdentity,
}

/// Credentials that are lent only while they are those of whoever had them first.
#[derive(Clone)]
pub(super) struct SameRole(Arc<Inner>);

struct Inner {
    sources: Sources,
    first: Credentials,
    judged: Mutex<Judged>,
}

/// What is known by now.
struct Judged {
    /// Whose the first credentials are.
    identity: Option<CloudIdentity>,
    /// The access key that was last found to be theirs.
    good: String,
    /// When others' credentials were found instead, and whose.
    refused: Option<(Instant, SomebodyElses)>,
}

impl std::fmt::Debug for SameRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SameRole")
    }
}

impl SameRole {
    /// Takes the credentials that there are now for the first ones.
    pub(super) async fn now(sources: Sources) -> Result<Self, CredentialsError> {
        let first = sources.own.provide_credentials().await?;
        let judged = Judged { identity: None, good: first.access_key_id().to_owned(), refused: None };
        Ok(Self(Arc::new(Inner { sources, first, judged: Mutex::new(judged) })))
    }

    /// Whether the credentials that there are now are still those of the same identity.
    pub(super) async fn still(&self) -> bool {
        self.0.own().await.is_ok()
    }
}

impl Inner {
    async fn own(&self) -> Result<Credentials, CredentialsError> {
        let mut judged = self.judged.lock().await;
        match &judged.refused {
            Some((when, whose)) if when.elapsed() < LOOK_AGAIN => return Err(refusal(whose)),
            Some(_) => self.sources.own.forget().await,
            None => {}
        }
        let own = self.sources.own.provide_credentials().await?;
        if judged.identity.is_none() {
            judged.identity = self.whose_are_the_first().await;
        }
        if judged.good != own.access_key_id() {
            let was = judged.identity.as_ref();
            judged.refused = self.judge(was, &own).await?.map(|whose| (Instant::now(), whose));
        } else {
            judged.refused = None;
        }
        if let Some((_, whose)) = &judged.refused {
            return Err(refusal(whose));
        }
        own.access_key_id().clone_into(&mut judged.good);
        Ok(own)
    }

    /// Credentials that end will be others' credentials one day, and can then no longer be asked about.
    async fn whose_are_the_first(&self) -> Option<CloudIdentity> {
        let known = self.sources.known.lock().await.clone();
        let known = known.filter(|(key, _)| key == self.first.access_key_id()).map(|(_, identity)| identity);
        if known.is_some() || self.first.expiry().is_none() {
            return known;
        }
        let asked = tokio::time::timeout(PATIENCE, ask(&self.with(&self.first))).await;
        asked.ok().and_then(Result::ok)
    }

    /// Tells whose other credentials are, unless they are those of the same identity.
    async fn judge(
        &self,
        was: Option<&CloudIdentity>,
        own: &Credentials,
    ) -> Result<Option<SomebodyElses>, CredentialsError> {
        let was = match was {
            Some(was) => was.clone(),
            None => ask(&self.with(&self.first)).await.map_err(unknown)?,
        };
        let now = ask(&self.with(own)).await.map_err(unknown)?;
        let differs = !was.is_same_role(&now);
        Ok(differs.then_some(SomebodyElses { was: was.principal, now: now.principal }))
    }

    fn with(&self, credentials: &Credentials) -> aws_sdk_sts::Client {
        let provider = SharedCredentialsProvider::new(credentials.clone());
        aws_sdk_sts::Client::new(&self.sources.config.to_builder().credentials_provider(provider).build())
    }

    async fn lend(&self) -> Result<Credentials, CredentialsError> {
        let own = self.own().await?;
        match &self.sources.role {
            None => Ok(own),
            Some(role) => role.provide_credentials().await,
        }
    }
}

fn refusal(whose: &SomebodyElses) -> CredentialsError {
    CredentialsError::provider_error(whose.clone())
}

fn unknown(error: PortError) -> CredentialsError {
    CredentialsError::provider_error(Unknown(error.to_string()))
}

impl ProvideCredentials for SameRole {
    fn provide_credentials<'a>(&'a self) -> Answer<'a>
    where
        Self: 'a,
    {
        Answer::new(self.0.lend())
    }
}
