use async_trait::async_trait;
use deployer_domain::backend::{CloudIdentity, WhoAmI};
use deployer_domain::object::{PortError, PortResult};
use tokio::sync::OnceCell;

use super::Clients;
use super::error::port_error;

/// Who the caller is to AWS, asked once.
///
/// It is the caller's *own* identity, also where a role is assumed for the storage: a role's session may be named as
/// its caller likes, so it would prove nothing about a person.
#[derive(Debug)]
pub struct StsIdentity {
    clients: Clients,
    known: OnceCell<CloudIdentity>,
}

impl StsIdentity {
    /// Asks with a caller's clients.
    pub fn new(clients: Clients) -> Self {
        Self { clients, known: OnceCell::new() }
    }

    async fn ask(&self) -> PortResult<CloudIdentity> {
        let answer = self.clients.sts.get_caller_identity().send().await;
        let answer = answer.map_err(|error| port_error(error, "AWS STS"))?;
        match (answer.arn, answer.account) {
            (Some(principal), Some(account)) => Ok(CloudIdentity { principal, account }),
            _ => Err(PortError::Invalid("AWS STS did not say who you are".to_owned())),
        }
    }
}

#[async_trait]
impl WhoAmI for StsIdentity {
    async fn identity(&self) -> PortResult<CloudIdentity> {
        self.known.get_or_try_init(|| self.ask()).await.cloned()
    }
}
