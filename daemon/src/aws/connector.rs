//! The way to the servers: TLS, the caller's proxy, the caller's certificates.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::SharedHttpClient;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use deployer_domain::object::{PortError, PortResult};

use super::environment::CallerEnvironment;

/// Servers close idle connections after some seconds; one that was closed costs a retry.
const IDLE: Duration = Duration::from_secs(20);

/// What a connector depends on; two callers with the same share one, and so their connections.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Route {
    proxy: Option<String>,
    direct: Option<String>,
    certificates: Option<(String, Option<SystemTime>)>,
}

impl Route {
    /// The caller's way to servers, which are spoken to without TLS only where an endpoint says so.
    pub(super) fn new(environment: &CallerEnvironment) -> Self {
        let plain = environment.endpoint().is_some_and(|url| url.starts_with("http:"));
        let proxy: &[&str] = match plain {
            true => &["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"],
            false => &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"],
        };
        Self {
            proxy: environment.first(proxy).map(str::to_owned),
            direct: environment.first(&["no_proxy", "NO_PROXY"]).map(str::to_owned),
            certificates: environment.variable("AWS_CA_BUNDLE").map(|path| (path.to_owned(), changed(path))),
        }
    }

    /// Makes a new connector with connections of its own.
    pub(super) fn connect(&self) -> PortResult<SharedHttpClient> {
        let proxy = self.proxy_config()?;
        let context = self.tls_context()?;
        Ok(Builder::new().pool_idle_timeout(IDLE).build_with_connector_fn(move |settings, components| {
            let mut builder = Connector::builder().proxy_config(proxy.clone()).pool_idle_timeout(IDLE);
            builder.set_connector_settings(settings.cloned());
            builder.set_sleep_impl(components.and_then(|known| known.sleep_impl()));
            builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(context.clone()).build()
        }))
    }

    /// Makes a connector for single questions, with connections of its own.
    pub(super) fn connector(&self) -> PortResult<Connector> {
        let builder = Connector::builder().proxy_config(self.proxy_config()?).pool_idle_timeout(IDLE);
        Ok(builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(self.tls_context()?).build())
    }

    fn proxy_config(&self) -> PortResult<ProxyConfig> {
        let Some(proxy) = &self.proxy else { return Ok(ProxyConfig::disabled()) };
        // A proxy's address may hold a password.
        let config = ProxyConfig::all(proxy.as_str())
            .map_err(|_| PortError::Invalid("the proxy in the environment is not a valid address".to_owned()))?;
        Ok(match &self.direct {
            Some(direct) => config.no_proxy(direct),
            None => config,
        })
    }

    fn tls_context(&self) -> PortResult<TlsContext> {
        let store = match &self.certificates {
            None => TrustStore::default(),
            Some((path, _)) => {
                let bundle = std::fs::read(path)
                    .map_err(|error| PortError::Invalid(format!("AWS_CA_BUNDLE {path} cannot be read: {error}")))?;
                TrustStore::empty().with_native_roots(true).with_pem_certificate(bundle)
            }
        };
        TlsContext::builder()
            .with_trust_store(store)
            .build()
            .map_err(|error| PortError::Invalid(format!("the certificates cannot be used: {error}")))
    }
}

fn changed(path: &str) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|found| found.modified()).ok()
}
