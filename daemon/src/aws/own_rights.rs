//! What a caller's own credentials may do, beside the role that stands between them and the storage.

use async_trait::async_trait;
use aws_sdk_sts::types::Tag;
use deployer_domain::isolation::{OwnRights, Trial};
use deployer_domain::object::{ObjectStore, PortError, PortResult};

use super::error::port_error;
use super::{Clients, S3Objects};

/// The rights of a caller's own credentials in a bucket and at a role.
pub struct AwsOwnRights {
    objects: S3Objects,
    sts: aws_sdk_sts::Client,
    role: String,
}

impl AwsOwnRights {
    /// Those of a caller who assumes a role for the storage; none where nothing stands between.
    pub fn new(clients: &Clients, bucket: &str) -> Option<Self> {
        let role = clients.role.clone()?;
        let objects = S3Objects::new(clients.as_themselves(), bucket);
        Some(Self { objects, sts: clients.sts.clone(), role })
    }

    async fn become_tenant(&self, tenant: &str) -> PortResult<()> {
        let tag = Tag::builder().key("tenant").value(tenant).build();
        let tag = tag.map_err(|error| PortError::Invalid(format!("a tag cannot be made: {error}")))?;
        let request = self.sts.assume_role().role_arn(&self.role).role_session_name("deployer-isolation").tags(tag);
        request.duration_seconds(900).send().await.map(drop).map_err(|error| port_error(error, "AWS STS"))
    }
}

#[async_trait]
impl OwnRights for AwsOwnRights {
    async fn allow(&self, trial: &Trial) -> PortResult<bool> {
        let tried = match trial {
            Trial::Read(key) => self.objects.read(key).await.map(drop),
            Trial::List(prefix) => self.objects.folders(prefix).await.map(drop),
            Trial::Become(tenant) => self.become_tenant(tenant.as_str()).await,
        };
        match tried {
            Ok(()) => Ok(true),
            Err(PortError::Denied(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
