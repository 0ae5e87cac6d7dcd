//! What a caller may look at: one tenant's storage, as that tenant or as an admin.

use deployer_domain::backend::{Backend, BackendAddress};
use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{StackSpace, TenantSpace};
use deployer_domain::name::{EnvironmentName, StackName, TenantId};
use deployer_domain::object::ETag;
use deployer_domain::port_error::Attempted;
use deployer_domain::seal;
use deployer_domain::state::StateDocument;

use super::authorise::{self, TenantAccess};
use super::entries::{self, Freshness};
use super::{Ports, bounded};

/// One tenant's storage.
#[derive(Clone)]
pub struct View {
    /// The backend, with the caller's credentials.
    pub backend: Backend,
    /// The tenant's part of it.
    pub space: TenantSpace,
}

impl View {
    /// The view of a caller: their own tenant, or for an admin the one that was named.
    pub async fn of(ports: &Ports, caller: &Caller, tenant: Option<&TenantId>) -> Result<Self> {
        let Some(tenant) = tenant else {
            return authorise::tenant(ports, caller).await.map(|access| Self::from(&access));
        };
        let access = authorise::admin(ports, caller).await?;
        let entry = entries::entry(ports, caller, &access.backend, tenant, Freshness::Remembered).await?;
        let entry = entry.ok_or_else(|| {
            Error::new(Reason::NotFound, format!("there is no tenant `{tenant}`")).hint("`deployer tenant list`")
        })?;
        let version = entry.tenant.storage.version.clone();
        Ok(Self { backend: access.backend, space: access.space.tenant(tenant, &version) })
    }

    /// Where the backend is, for messages.
    pub fn address(&self) -> &BackendAddress {
        &self.backend.place.address
    }

    /// The names of the stacks that have documents.
    pub async fn stacks(&self) -> Result<Vec<StackName>> {
        let folders = self.backend.objects.folders(&self.space.stacks()).await;
        let folders = folders.attempted("list the stacks", self.address())?;
        Ok(folders.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// The environments of a stack that have documents.
    pub async fn environments(&self, stack: &StackName) -> Result<Vec<EnvironmentName>> {
        let folders = self.backend.objects.folders(&self.space.environments(stack)).await;
        let folders = folders.attempted(format!("list the environments of {stack}"), self.address())?;
        Ok(folders.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// All environments of all stacks.
    pub async fn places(&self) -> Result<Vec<(StackName, EnvironmentName)>> {
        let found = bounded::map(self.stacks().await?, |stack| {
            let view = self.clone();
            async move {
                let environments = view.environments(&stack).await?;
                Ok(environments.into_iter().map(|environment| (stack.clone(), environment)).collect::<Vec<_>>())
            }
        });
        Ok(found.await?.into_iter().flatten().collect())
    }

    /// Where an environment's documents are.
    pub fn stack(&self, stack: &StackName, environment: &EnvironmentName) -> StackSpace {
        self.space.stack(stack, environment)
    }

    /// Reads the state of an environment; `None` where there is none, or where it was removed.
    pub async fn state(&self, space: &StackSpace) -> Result<Option<(StateDocument, ETag)>> {
        Ok(self.stored_state(space).await?.filter(|(state, _)| !state.removed))
    }

    /// The same, also where nothing is left of it but its fence.
    pub async fn stored_state(&self, space: &StackSpace) -> Result<Option<(StateDocument, ETag)>> {
        let key = space.state();
        let read = self.backend.objects.read(&key).await.attempted(format!("read {key}"), self.address())?;
        let Some(object) = read else { return Ok(None) };
        Ok(Some((seal::parse(&object.bytes, space)?, object.etag)))
    }
}

impl From<&TenantAccess> for View {
    fn from(access: &TenantAccess) -> Self {
        Self { backend: access.backend.clone(), space: access.space.clone() }
    }
}
