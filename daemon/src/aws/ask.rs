//! Single questions to services whose SDK would weigh more than the question: signed requests over the connections and
//! with the credentials of the caller's other clients.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sdk_s3::primitives::{ByteStream, SdkBody};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use aws_smithy_http_client::Connector;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::http::Request;
use aws_types::SdkConfig;
use deployer_domain::object::{PortError, PortResult};
use serde_json::Value;

use super::clock::ServerClock;
use super::error::{credentials_error, no_credentials, service_answer};

/// The longest that one question may take.
const PATIENCE: Duration = Duration::from_secs(15);
/// The largest answer that is read.
const LARGEST: usize = 8 << 20;
/// How often a question is repeated that was throttled or not answered.
const TRIES: u32 = 3;

/// A service as its requests need it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    /// What people call it.
    pub name: &'static str,
    /// What signatures and host names call it.
    pub id: &'static str,
    /// What the variable for its endpoint ends in.
    pub variable: &'static str,
    /// The only region that it is in, where there is but one.
    pub region: Option<&'static str>,
    /// Its host, where the region is no part of it.
    pub host: Option<&'static str>,
}

/// One caller's way to ask.
pub(super) struct Asking {
    config: SdkConfig,
    clock: ServerClock,
    connector: Connector,
    endpoints: BTreeMap<String, String>,
}

impl Asking {
    pub(super) fn new(
        config: SdkConfig,
        clock: ServerClock,
        connector: Connector,
        endpoints: BTreeMap<String, String>,
    ) -> Self {
        Self { config, clock, connector, endpoints }
    }

    /// Asks in the JSON protocol; `target` is the operation with its prefix.
    pub(super) async fn json(
        &self,
        service: Service,
        version: &str,
        target: &str,
        question: &Value,
    ) -> PortResult<Value> {
        let headers =
            [("content-type", format!("application/x-amz-json-{version}")), ("x-amz-target", target.to_owned())];
        let text = self.ask(service, &headers, question.to_string()).await?;
        serde_json::from_str(&text)
            .map_err(|error| PortError::Invalid(format!("{} answered what makes no sense: {error}", service.name)))
    }

    /// Asks in the query protocol; answers the XML.
    pub(super) async fn query(&self, service: Service, fields: &[(&str, &str)]) -> PortResult<String> {
        let body: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())];
        self.ask(service, &headers, body.join("&")).await
    }

    /// The time by the servers' clocks.
    pub(super) fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    async fn ask(&self, service: Service, headers: &[(&'static str, String)], body: String) -> PortResult<String> {
        let mut pause = Duration::from_millis(300);
        for _ in 1..TRIES {
            match self.once(service, headers, &body).await {
                Err(PortError::Throttled(_) | PortError::Unavailable(_)) => {}
                answered => return answered,
            }
            tokio::time::sleep(pause).await;
            pause *= 3;
        }
        self.once(service, headers, &body).await
    }

    async fn once(&self, service: Service, headers: &[(&'static str, String)], body: &str) -> PortResult<String> {
        let late = || PortError::Unavailable(format!("{} did not answer in time", service.name));
        tokio::time::timeout(PATIENCE, self.send(service, headers, body)).await.map_err(|_| late())?
    }

    async fn send(&self, service: Service, headers: &[(&'static str, String)], body: &str) -> PortResult<String> {
        let request = self.signed(service, headers, body).await?;
        let unreachable = |error: &dyn std::fmt::Display| {
            PortError::Unavailable(format!("{} cannot be reached: {error}", service.name))
        };
        let answer = self.connector.call(request).await.map_err(|error| unreachable(&error))?;
        let status = answer.status().as_u16();
        let bytes =
            ByteStream::new(answer.into_body()).collect().await.map_err(|error| unreachable(&error))?.into_bytes();
        if bytes.len() > LARGEST {
            return Err(PortError::Invalid(format!("{} answered with {} bytes", service.name, bytes.len())));
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match status {
            200..=299 => Ok(text),
            _ => Err(service_answer(&Refused::read(&text, status), service.name)),
        }
    }

    async fn signed(&self, service: Service, headers: &[(&'static str, String)], body: &str) -> PortResult<Request> {
        let wrong =
            |error: &dyn std::fmt::Display| PortError::Invalid(format!("{} cannot be asked: {error}", service.name));
        let url = self.url(service);
        let provider = self.config.credentials_provider().ok_or_else(no_credentials)?;
        let identity: Identity =
            provider.provide_credentials().await.map_err(|error| credentials_error(&error))?.into();
        let region = self.region(service);
        let since = u64::try_from(self.clock.now().as_second()).unwrap_or_default();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(since);
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&region)
            .name(service.id)
            .time(time)
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| wrong(&error))?
            .into();
        let shown = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable = SignableRequest::new("POST", url.as_str(), shown, SignableBody::Bytes(body.as_bytes()));
        let signed = sign(signable.map_err(|error| wrong(&error))?, &params).map_err(|error| wrong(&error))?;
        let (instructions, _) = signed.into_parts();
        let mut request = Request::new(SdkBody::from(body));
        request.set_method("POST").map_err(|error| wrong(&error))?;
        request.set_uri(url.as_str()).map_err(|error| wrong(&error))?;
        for (name, value) in headers {
            request.headers_mut().try_insert(*name, value.clone()).map_err(|error| wrong(&error))?;
        }
        for (name, value) in instructions.headers() {
            request.headers_mut().try_insert(name.to_owned(), value.to_owned()).map_err(|error| wrong(&error))?;
        }
        Ok(request)
    }

    fn region(&self, service: Service) -> String {
        let own = self.config.region().map(ToString::to_string).unwrap_or_default();
        service.region.map_or(own, str::to_owned)
    }

    fn url(&self, service: Service) -> String {
        let own = format!("AWS_ENDPOINT_URL_{}", service.variable);
        if let Some(url) = self.endpoints.get(&own).or_else(|| self.endpoints.get("AWS_ENDPOINT_URL")) {
            return format!("{}/", url.trim_end_matches('/'));
        }
        if let Some(host) = service.host {
            return format!("https://{host}/");
        }
        let region = self.region(service);
        let end = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
        format!("https://{}.{region}.{end}/", service.id)
    }
}

/// A refusal in either protocol.
pub(super) struct Refused {
    pub code: String,
    pub message: String,
    pub status: u16,
}

impl Refused {
    fn read(text: &str, status: u16) -> Self {
        let json: Value = serde_json::from_str(text).unwrap_or_default();
        let field = |names: &[&str]| names.iter().find_map(|name| json[*name].as_str()).map(str::to_owned);
        let code = field(&["__type", "code"]).or_else(|| tag(text, "Code").into_iter().next()).unwrap_or_default();
        let message = field(&["message", "Message"]).or_else(|| tag(text, "Message").into_iter().next());
        let code = code.rsplit('#').next().unwrap_or_default().to_owned();
        Self { code, message: message.unwrap_or_default().chars().take(300).collect(), status }
    }
}

/// The texts of all elements of a name.
pub(super) fn tag(xml: &str, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut inside = false;
    for token in xmlparser::Tokenizer::from(xml) {
        match token {
            Ok(xmlparser::Token::ElementStart { local, .. }) => inside = local.as_str() == name,
            Ok(xmlparser::Token::Text { text }) if inside => found.push(text.as_str().to_owned()),
            Ok(xmlparser::Token::ElementEnd { end: xmlparser::ElementEnd::Close(..), .. }) => inside = false,
            Ok(_) => {}
            Err(_) => break,
        }
    }
    found
}

/// Percent-encodes a value of a form.
fn escaped(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_read_in_both_protocols() {
        let json = Refused::read(r#"{"__type":"com.amazonaws.ce#AccessDeniedException","Message":"no"}"#, 400);
        assert_eq!((json.code.as_str(), json.message.as_str()), ("AccessDeniedException", "no"));
        let xml = Refused::read("<E><Error><Code>DBInstanceNotFound</Code><Message>gone</Message></Error></E>", 404);
        assert_eq!((xml.code.as_str(), xml.message.as_str()), ("DBInstanceNotFound", "gone"));
        assert_eq!(Refused::read("<html", 503).code, "");
    }

    #[test]
    fn values_of_forms_are_escaped() {
        assert_eq!(escaped("a-b_c&d=e f/ä"), "a-b_c%26d%3De%20f%2F%C3%A4");
        assert_eq!(tag("<a><b>1</b><c/><b>2</b></a>", "b"), ["1", "2"]);
    }
}
