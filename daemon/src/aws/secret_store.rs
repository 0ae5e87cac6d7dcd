use async_trait::async_trait;
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use aws_sdk_secretsmanager::operation::put_secret_value::PutSecretValueError;
use aws_sdk_secretsmanager::types::Tag;
use deployer_domain::object::{PortError, PortResult};
use deployer_domain::secret_store::{SecretStore, StoredSecret};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::Clients;
use super::error::port_error;

/// Secrets in Secrets Manager.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    clients: Clients,
}

impl SecretsManager {
    /// Reads and writes with a caller's clients.
    pub fn new(clients: Clients) -> Self {
        Self { clients }
    }
}

fn place(name: &str) -> String {
    format!("the secret {name}")
}

#[async_trait]
impl SecretStore for SecretsManager {
    async fn read(&self, name: &str) -> PortResult<Option<StoredSecret>> {
        let answer = match self.clients.secrets.get_secret_value().secret_id(name).send().await {
            Ok(answer) => answer,
            Err(error) => {
                // A secret that was created without a value is as good as none.
                let none = matches!(error.as_service_error(), Some(GetSecretValueError::ResourceNotFoundException(_)));
                return if none { Ok(None) } else { Err(port_error(error, &place(name))) };
            }
        };
        if answer.secret_string.as_deref().unwrap_or_default().is_empty() && answer.secret_binary.is_none() {
            return Ok(None);
        }
        let (Some(document), Some(version)) = (answer.secret_string, answer.version_id) else {
            return Err(PortError::Invalid(format!("{} is not a text", place(name))));
        };
        let created = answer.created_date.and_then(|at| Timestamp::from_second(at.secs()).ok());
        Ok(Some(StoredSecret { document: document.into(), version, created: created.unwrap_or(Timestamp::UNIX_EPOCH) }))
    }

    async fn create(&self, name: &str, document: &SecretString) -> PortResult<()> {
        let request = self.clients.secrets.create_secret().name(name).secret_string(document.expose_secret());
        // As the template makes it.
        let purpose = Tag::builder().key("Purpose").value("Deployer Admin Credentials").build();
        let request = request.description("The administrators' password of deployer").tags(purpose);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(CreateSecretError::ResourceExistsException(_)) => self.fill(name, document).await,
                _ => Err(port_error(error, &place(name))),
            },
        }
    }

    async fn replace(&self, name: &str, document: &SecretString) -> PortResult<()> {
        let request = self.clients.secrets.put_secret_value().secret_id(name).secret_string(document.expose_secret());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutSecretValueError::ResourceNotFoundException(_)) => Err(PortError::Gone),
                _ => Err(port_error(error, &place(name))),
            },
        }
    }

    /// A request with the id and the content of a version that is there is one that was sent twice: it is ignored.
    async fn repeat(&self, name: &str, current: &StoredSecret) -> PortResult<()> {
        let request = self.clients.secrets.put_secret_value().secret_id(name).client_request_token(&current.version);
        let sent = request.secret_string(current.document.expose_secret()).send().await;
        sent.map(drop).map_err(|error| port_error(error, &place(name)))
    }
}

impl SecretsManager {
    /// Infrastructure tools create a secret without a value: then the first value is what "create" means.
    async fn fill(&self, name: &str, document: &SecretString) -> PortResult<()> {
        match self.read(name).await? {
            Some(_) => Err(PortError::Conflict),
            None => self.replace(name, document).await,
        }
    }
}
