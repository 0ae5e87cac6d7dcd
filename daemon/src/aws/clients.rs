use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::config::SharedInterceptor;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_smithy_async::time::SharedTimeSource;
use deployer_domain::backend::BackendRef;
use deployer_domain::caller::Caller;
use deployer_domain::object::PortResult;

use super::clock::{ReadDate, ServerClock};
use super::connector::Route;
use super::environment::CallerEnvironment;

/// A server that does not accept a connection in this time is as good as away.
const CONNECT: Duration = Duration::from_millis(1_500);

/// The AWS clients of one caller in one place.
///
/// The DynamoDB clients are for locks: they have the lock protocol's time limits and never repeat a request by
/// themselves. The others repeat what may be repeated; conditional writes say so call by call.
#[derive(Clone)]
pub struct Clients {
    /// For documents.
    pub s3: aws_sdk_s3::Client,
    /// For locks, from everywhere but the heartbeat's thread.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// For the admin secret.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// For the question who the caller is.
    pub sts: aws_sdk_sts::Client,
    /// The servers' time.
    pub clock: ServerClock,
    config: SdkConfig,
    route: Route,
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
        let clock = ServerClock::default();
        let plain = environment.variable("AWS_ENDPOINT_URL").is_some_and(|url| url.starts_with("http:"));
        let route = Route::new(&environment, plain);
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .env(environment.as_sdk())
            .http_client(route.connect()?)
            .time_source(SharedTimeSource::new(clock.clone()))
            .retry_config(RetryConfig::standard())
            .load()
            .await;
        Ok(Self {
            s3: s3(&config, &clock),
            dynamodb: dynamodb(&config, &clock),
            secrets: aws_sdk_secretsmanager::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            clock,
            config,
            route,
        })
    }

    /// A DynamoDB client with connections of its own, for a thread with a runtime of its own: connections live on
    /// the runtime that opened them.
    pub fn separate_dynamodb(&self) -> PortResult<aws_sdk_dynamodb::Client> {
        let config = self.config.to_builder().http_client(self.route.connect()?).build();
        Ok(dynamodb(&config, &self.clock))
    }
}

fn s3(config: &SdkConfig, clock: &ServerClock) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(config)
        .force_path_style(config.endpoint_url().is_some())
        .interceptor(SharedInterceptor::new(ReadDate(clock.clone())))
        .build();
    aws_sdk_s3::Client::from_conf(config)
}

fn dynamodb(config: &SdkConfig, clock: &ServerClock) -> aws_sdk_dynamodb::Client {
    let limits = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(Duration::from_millis(2_500))
        .operation_timeout(Duration::from_secs(5))
        .build();
    let config = aws_sdk_dynamodb::config::Builder::from(config)
        .timeout_config(limits)
        .retry_config(RetryConfig::disabled())
        .interceptor(SharedInterceptor::new(ReadDate(clock.clone())))
        .build();
    aws_sdk_dynamodb::Client::from_conf(config)
}
