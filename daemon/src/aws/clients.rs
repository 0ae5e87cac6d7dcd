use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::profile::ProfileSet;
use aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{RequestChecksumCalculation, SharedHttpClient, SharedInterceptor};
use aws_types::os_shim_internal::Fs;
use deployer_domain::backend::{BackendRef, Lent};
use deployer_domain::caller::Caller;
use deployer_domain::object::{PortError, PortResult};
use jiff::Timestamp;
use secrecy::SecretString;

use super::ask::Asking;
use super::clock::{ReadDate, ServerClock};
use super::connector::Route;
use super::credentials::{self, Steady};
use super::environment::CallerEnvironment;
use super::error::{credentials_error, no_credentials};
use super::identity::KnownIdentity;
use super::profile::{self, Process};
use super::retry::OnlyIf;
use super::separate::Separate;

/// A server that does not accept a connection in this time is as good as away.
const CONNECT: Duration = Duration::from_secs(3);
/// The first pause before a request is repeated.
const BACKOFF: Duration = Duration::from_millis(300);
/// A program or a browser may have to be waited for; see [`Steady`].
const CREDENTIALS: Duration = Duration::from_secs(65);

/// The AWS clients of one caller in one place.
///
/// The DynamoDB clients are for locks: they have the lock protocol's time limits and repeat a request only where this
/// computer's wrong clock made the signature worthless. The others repeat what may be repeated; conditional writes
/// repeat only what was proven not to have been carried out.
#[derive(Clone)]
pub struct Clients {
    /// For documents.
    pub s3: aws_sdk_s3::Client,
    /// For locks, from everywhere but the heartbeat's thread.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// For the making of the lock table, which takes longer than a lock may.
    pub tables: aws_sdk_dynamodb::Client,
    /// For the admin secret.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// For the question who the caller is, with the caller's own credentials.
    pub sts: aws_sdk_sts::Client,
    /// The servers' time.
    pub clock: ServerClock,
    pub(super) config: SdkConfig,
    pub(super) own: SdkConfig,
    steady: Option<Steady>,
    pub(super) own_steady: Option<Steady>,
    /// The role that is assumed for the storage.
    pub(super) role: Option<String>,
    /// When the caller's environment says that the credentials in it end.
    said_end: Option<Timestamp>,
    pub(super) route: Route,
    endpoint: Option<String>,
    endpoints: BTreeMap<String, String>,
    pub(super) identity: KnownIdentity,
    pub(super) separate: Arc<Mutex<Option<Separate>>>,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clients({:?})", self.config.region())
    }
}

impl Clients {
    /// Makes the clients from a caller's environment. Contacts nothing.
    pub async fn open(caller: &Caller, place: &BackendRef) -> PortResult<Self> {
        let environment = CallerEnvironment::new(caller, place);
        let route = Route::new(&environment);
        let http = route.connect()?;
        Self::assemble(caller, place, environment, (route, http)).await
    }

    pub(super) async fn assemble(
        caller: &Caller,
        place: &BackendRef,
        environment: CallerEnvironment,
        (route, http): (Route, SharedHttpClient),
    ) -> PortResult<Self> {
        let clock = ServerClock::default();
        let endpoint = environment.endpoint().map(str::to_owned);
        let named = environment.iter().filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
        let endpoints = named.map(|(name, url)| (name.to_owned(), url.to_owned())).collect();
        let (own, steady) = own_config(&environment, http, &clock).await?;
        let role = place.role_arn.as_deref();
        let role = role.or_else(|| place.tenant.as_ref().and(environment.variable("DEPLOYER_ROLE_ARN")));
        let said_end = environment.variable("AWS_CREDENTIAL_EXPIRATION").and_then(|end| end.parse().ok());
        let said_end = said_end.filter(|_| environment.holds_keys() && role.is_none());
        let own_steady = steady.clone();
        let (config, steady) = match role {
            None => (own.clone(), steady),
            Some(role) => {
                let tenant = place.tenant.as_ref().map(|id| id.as_str());
                let provider = credentials::as_tenant(role, tenant, caller.actor.as_str(), &own).await;
                let steady = Steady::new(provider, clock.clone());
                (with_credentials(&own, steady.clone()), Some(steady))
            }
        };
        Ok(Self {
            s3: s3(&config, &clock, endpoint.is_some()),
            dynamodb: locks(&config, &clock),
            tables: aws_sdk_dynamodb::Client::new(&config),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&own),
            clock,
            config,
            own,
            steady,
            own_steady,
            role: role.map(str::to_owned),
            said_end,
            route,
            endpoint,
            endpoints,
            identity: KnownIdentity::default(),
            separate: Arc::default(),
        })
    }

    /// When the credentials in use end, as far as that is known; `None` when they do not.
    pub async fn credentials_end(&self) -> PortResult<Option<Timestamp>> {
        Ok(credentials(&self.config).await?.expiry().and_then(|end| Timestamp::try_from(end).ok()))
    }

    /// The same, after those that end sooner than `at_least` from now were renewed, where that can be done.
    pub async fn credentials_end_after(&self, at_least: Duration) -> PortResult<Option<Timestamp>> {
        let Some(steady) = &self.steady else { return Ok(None) };
        let credentials = steady.lasting(at_least).await.map_err(|error| credentials_error(&error))?;
        Ok(credentials.expiry().and_then(|end| Timestamp::try_from(end).ok()).or(self.said_end))
    }

    /// The credentials in use, for a program that is not ours; none where there are none.
    pub async fn lend(&self, at_least: Duration) -> PortResult<Option<Lent>> {
        let Some(steady) = &self.steady else { return Ok(None) };
        let credentials = match steady.lasting(at_least).await.map_err(|error| credentials_error(&error)) {
            Ok(credentials) => credentials,
            Err(PortError::NoCredentials(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        let variable = |(name, value): (&str, &str)| (name.to_owned(), SecretString::from(value));
        let keys = [
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id()),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key()),
            ("AWS_SESSION_TOKEN", credentials.session_token().unwrap_or_default()),
        ];
        let end = credentials.expiry().and_then(|end| Timestamp::try_from(end).ok()).or(self.said_end);
        Ok(Some(Lent { variables: keys.into_iter().map(variable).collect(), end }))
    }

    /// The id of the access key in use, which is no secret.
    pub async fn access_key(&self) -> PortResult<String> {
        Ok(credentials(&self.config).await?.access_key_id().to_owned())
    }

    /// The id of the caller's own access key, which differs where a role is assumed.
    pub async fn own_access_key(&self) -> PortResult<String> {
        Ok(credentials(&self.own).await?.access_key_id().to_owned())
    }

    /// Whether another maker's server, or a local one, stands in for AWS.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.endpoint.is_some()
    }

    /// Whether the servers are spoken to without TLS.
    pub(super) fn is_plain(&self) -> bool {
        self.endpoint.as_ref().is_some_and(|url| url.starts_with("http:"))
    }

    /// Clients for documents that use the caller's own credentials, whatever role is assumed otherwise.
    pub(super) fn as_themselves(&self) -> Self {
        let s3 = s3(&self.own, &self.clock, self.endpoint.is_some());
        Self { s3, config: self.own.clone(), steady: self.own_steady.clone(), role: None, ..self.clone() }
    }

    /// A CloudFormation client; throttled requests are repeated with patience.
    pub(super) fn cloudformation(&self) -> aws_sdk_cloudformation::Client {
        let patient = RetryConfig::standard().with_initial_backoff(BACKOFF).with_max_attempts(6);
        let builder = aws_sdk_cloudformation::config::Builder::from(&self.config).retry_config(patient);
        aws_sdk_cloudformation::Client::from_conf(builder.build())
    }

    /// CloudWatch Logs; a log is read in many small questions, so it is patient as well.
    pub(super) fn cloudwatch_logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        let patient = RetryConfig::standard().with_initial_backoff(BACKOFF).with_max_attempts(6);
        let builder = aws_sdk_cloudwatchlogs::config::Builder::from(&self.config).retry_config(patient);
        aws_sdk_cloudwatchlogs::Client::from_conf(builder.build())
    }

    /// A way to ask single questions with the caller's own credentials.
    pub(super) fn asking(&self) -> PortResult<Asking> {
        let connector = self.route.connector()?;
        Ok(Asking::new(self.own.clone(), self.clock.clone(), connector, self.endpoints.clone()))
    }

    /// The account that the credentials in use belong to.
    pub(super) async fn account(&self) -> PortResult<String> {
        let answer = aws_sdk_sts::Client::new(&self.config).get_caller_identity().send().await;
        let answer = answer.map_err(|error| super::error::port_error(error, "AWS STS"))?;
        answer.account.ok_or_else(|| PortError::Invalid("AWS STS did not say which account this is".to_owned()))
    }

    /// The region in use.
    pub fn region(&self) -> &str {
        self.config.region().map(Region::as_ref).unwrap_or_default()
    }
}

async fn credentials(config: &SdkConfig) -> PortResult<Credentials> {
    let provider = config.credentials_provider().ok_or_else(no_credentials)?;
    provider.provide_credentials().await.map_err(|error| credentials_error(&error))
}

/// The caller's configuration with the caller's own credentials.
async fn own_config(
    environment: &CallerEnvironment,
    http: SharedHttpClient,
    clock: &ServerClock,
) -> PortResult<(SdkConfig, Option<Steady>)> {
    environment.check_endpoints()?;
    environment.check_characters()?;
    let profiles = profiles(environment).await?;
    let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
        .env(environment.as_sdk())
        .fs(Fs::real())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_initial_backoff(BACKOFF))
        .timeout_config(time_for(0))
        .identity_cache(IdentityCache::lazy().load_timeout(CREDENTIALS).build())
        .load()
        .await;
    check_region(&config, environment)?;
    let chain = if environment.holds_keys() { None } else { profile::process_chain(&profiles) };
    let provider = match chain {
        Some((command, roles)) => {
            credentials::from_process(Process::new(command, environment.clone()), roles, &config).await
        }
        None => match config.credentials_provider() {
            Some(provider) => provider,
            None => return Ok((config, None)),
        },
    };
    let steady = Steady::new(provider, clock.clone());
    Ok((with_credentials(&config, steady.clone()), Some(steady)))
}

fn with_credentials(config: &SdkConfig, provider: Steady) -> SdkConfig {
    config.to_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build()
}

/// Reads the caller's profiles; one that was named must be there, or the SDK would quietly go on without it.
#[allow(deprecated, reason = "its new home is a crate that nothing else here needs")]
async fn profiles(environment: &CallerEnvironment) -> PortResult<ProfileSet> {
    let files = aws_config::profile::profile_file::ProfileFiles::default();
    let profiles = aws_config::profile::load(&Fs::real(), &environment.as_sdk(), &files, None).await;
    let profiles = profiles.map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        PortError::Invalid(format!("your AWS configuration cannot be read: {error}{cause}"))
    })?;
    match environment.variable("AWS_PROFILE") {
        Some(name) if name != "default" && !environment.holds_keys() && profiles.get_profile(name).is_none() => {
            Err(PortError::Invalid(format!("there is no profile {name} in your AWS configuration")))
        }
        _ => Ok(profiles),
    }
}

/// A region becomes part of a host's name, where a wrong one would only show as a network that does not work.
fn check_region(config: &SdkConfig, environment: &CallerEnvironment) -> PortResult<()> {
    let Some(region) = config.region() else {
        return Err(PortError::Invalid(
            "no AWS region is known: neither said, nor in your environment or profile".to_owned(),
        ));
    };
    let parts: Vec<&str> = region.as_ref().split('-').collect();
    let word = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    let number = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let plausible = parts.len() >= 3 && parts[..parts.len() - 1].iter().all(word) && number(parts[parts.len() - 1]);
    if plausible || environment.endpoint().is_some() || config.endpoint_url().is_some() {
        return Ok(());
    }
    let shown: String = region.as_ref().chars().take(40).collect();
    Err(PortError::Invalid(format!("{shown:?} is not an AWS region; one looks like eu-west-1")))
}

/// The time limits of a request with a body of some bytes: a line of 100 kB a second must do.
pub(super) fn time_for(bytes: usize) -> TimeoutConfig {
    let transfer = Duration::from_millis(bytes as u64 / 100);
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(Duration::from_secs(15) + transfer)
        .operation_attempt_timeout(Duration::from_secs(600))
        .operation_timeout(Duration::from_secs(900))
        .build()
}

fn s3(config: &SdkConfig, clock: &ServerClock, elsewhere: bool) -> aws_sdk_s3::Client {
    let mut builder = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(elsewhere)
        .interceptor(SharedInterceptor::new(ReadDate(clock.clone())));
    if elsewhere {
        // Other makers' servers do not all know the newer checksums.
        builder = builder.request_checksum_calculation(RequestChecksumCalculation::WhenRequired);
    }
    aws_sdk_s3::Client::from_conf(builder.build())
}

pub(super) fn locks(config: &SdkConfig, clock: &ServerClock) -> aws_sdk_dynamodb::Client {
    let limits = TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(1_500))
        .operation_attempt_timeout(Duration::from_millis(2_500))
        .operation_timeout(Duration::from_secs(5))
        .build();
    let builder = aws_sdk_dynamodb::config::Builder::from(config)
        .timeout_config(limits)
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .retry_classifier(OnlyIf::wrongly_dated())
        .interceptor(SharedInterceptor::new(ReadDate(clock.clone())));
    aws_sdk_dynamodb::Client::from_conf(builder.build())
}
