use std::sync::Arc;

use async_trait::async_trait;
use deployer_domain::backend::{CloudIdentity, WhoAmI};
use deployer_domain::object::{PortError, PortResult};
use tokio::sync::Mutex;

use super::Clients;
use super::error::port_error;

/// Whose access key was asked about last, and the answer. An access key is one identity's for as long as it lives.
pub(super) type KnownIdentity = Arc<Mutex<Option<(String, CloudIdentity)>>>;

/// Who the caller is to AWS, asked once for each access key.
///
/// It is the caller's *own* identity, also where a role is assumed for the storage: a role's session may be named as
/// its caller likes, so it would prove nothing about a person.
#[derive(Debug)]
pub struct StsIdentity {
    clients: Clients,
}

impl StsIdentity {
    /// Asks with a caller's clients.
    pub fn new(clients: Clients) -> Self {
        Self { clients }
    }
}

/// Asks whose the credentials of a client are.
pub(super) async fn ask(sts: &aws_sdk_sts::Client) -> PortResult<CloudIdentity> {
    let answer = sts.get_caller_identity().send().await;
    let answer = answer.map_err(|error| port_error(error, "AWS STS"))?;
    match (answer.arn, answer.account) {
        (Some(principal), Some(account)) => Ok(CloudIdentity { principal, account }),
        _ => Err(PortError::Invalid("AWS STS did not say who you are".to_owned())),
    }
}

#[async_trait]
impl WhoAmI for StsIdentity {
    async fn identity(&self) -> PortResult<CloudIdentity> {
        let key = self.clients.own_access_key().await?;
        let mut known = self.clients.identity.lock().await;
        if let Some((_, identity)) = known.as_ref().filter(|(of, _)| *of == key) {
            return Ok(identity.clone());
        }
        let identity = ask(&self.clients.sts).await?;
        *known = Some((key, identity.clone()));
        Ok(identity)
    }
}
