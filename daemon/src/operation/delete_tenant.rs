//! Deletes a tenant: closes it, takes all its locks, seals its states, archives everything, and removes it last.
//!
//! Every step can be repeated. A deletion that is cut off leaves a tenant that takes no commands (`deleting`), and the
//! same command brings it to its end.

use std::time::Duration;

use deployer_domain::archive::Manifest;
use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::key::{ArchiveSpace, PlatformSpace};
use deployer_domain::name::TenantId;
use deployer_domain::port_error::Attempted;
use deployer_domain::registry::{Derived, Registry, unknown_tenant};
use deployer_domain::tenant::{Tenant, TenantStatus};

use super::archive_tenant::{Archiving, Found, archives, unknown};
use super::authorise::AdminAccess;
use super::change_tenant::{Change, First};
use super::lock_many::{Locking, Locks};
use super::tenant_states::{open, refuse_deployed};
use super::{Ports, Steps, authorise, registry, registry_edit};

/// What is to be deleted.
#[derive(Debug, Clone)]
pub struct DeleteTenant {
    /// The tenant.
    pub id: TenantId,
    /// Whether what is deployed is left to itself.
    pub abandon_resources: bool,
    /// How long to wait for locks that are held.
    pub wait: Duration,
}

/// A tenant that was deleted.
#[derive(Debug)]
pub struct DeletedTenant {
    /// The tenant as it was.
    pub tenant: Tenant,
    /// Where everything is kept.
    pub archive: ArchiveSpace,
    /// What is kept.
    pub manifest: Manifest,
}

/// Deletes a tenant. Fails with `POLICY_DENIED` while something is deployed, with `LOCK_HELD` while somebody works; the
/// tenant is then as it was before.
pub async fn delete_tenant(
    ports: &Ports,
    caller: &Caller,
    wanted: DeleteTenant,
    steps: Steps<'_>,
) -> Result<DeletedTenant> {
    let access = authorise::admin(ports, caller).await?;
    let registry = registry::registry(ports, &access.backend).await?;
    let entry = match registry.derive(&wanted.id) {
        Some(entry) => entry,
        // What a deletion that was cut off at its very end left.
        None => return forgotten(&access.backend, &wanted.id).await,
    };
    let recorder = authorise::recorder(&access, caller, "tenant.delete", wanted.id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let deletion = Deletion { ports, caller, access: &access, wanted: &wanted, entry, steps };
    let deleted = deletion.carry_out().await;
    recorder.result(ports, intent, &deleted).await;
    deleted
}

/// Removes the derived entry of a tenant that the registry does not know any more.
async fn forgotten(backend: &Backend, id: &TenantId) -> Result<DeletedTenant> {
    let key = PlatformSpace.registry_entry(id);
    let address = &backend.place.address;
    let stored = backend.objects.read(&key).await.attempted(format!("read {key}"), address)?;
    let closing = match stored.map(|object| Derived::parse(&object.bytes, key.as_str())).transpose()? {
        Some(derived) if derived.tenant.is_closing() => derived.tenant,
        _ => return Err(unknown(backend, id).await),
    };
    let newest = archives(backend, id).await?.pop();
    let Some(Found { space, manifest, .. }) = newest else { return Err(unknown_tenant(id)) };
    backend.objects.delete(&key).await.attempted(format!("delete {key}"), address)?;
    Ok(DeletedTenant { tenant: closing, archive: space, manifest })
}

struct Deletion<'a> {
    ports: &'a Ports,
    caller: &'a Caller,
    access: &'a AdminAccess,
    wanted: &'a DeleteTenant,
    entry: Derived,
    steps: Steps<'a>,
}

impl Deletion<'_> {
    async fn carry_out(self) -> Result<DeletedTenant> {
        let backend = &self.access.backend;
        let before = &self.entry.tenant;
        if !self.wanted.abandon_resources {
            let states = open(backend, &self.wanted.id).await?;
            refuse_deployed(&self.wanted.id, states.iter().map(|(_, state)| state))?;
        }
        let again = before.is_closing();
        self.close().await?;
        (self.steps)("Closing the tenant");
        let locks = match self.seal().await {
            Ok(locks) => locks,
            Err(error) => {
                self.reopen().await;
                return Err(error);
            }
        };
        (self.steps)("Sealing its states");
        let archived = self.archive(again).await;
        locks.release().await;
        let Found { space, manifest, .. } = archived?;
        (self.steps)("Archiving its objects");
        self.remove().await?;
        (self.steps)("Updating tenants.yaml");
        (self.steps)("Invalidating sessions");
        Ok(DeletedTenant { tenant: before.clone(), archive: space, manifest })
    }

    async fn close(&self) -> Result<()> {
        let change = Change {
            id: &self.wanted.id,
            first: First::Derived,
            change: &Tenant::closing,
            landed: &Tenant::is_closing,
        };
        change.write(self.ports, self.access).await.map(drop)
    }

    /// Lets the tenant work again after a deletion that was refused. One that had been cut off before stays closed to
    /// sign-ins: how it was is not known any more.
    async fn reopen(&self) {
        let before = &self.entry.tenant;
        let status = if before.is_closing() { TenantStatus::Suspended } else { before.status.clone() };
        let change = Change {
            id: &self.wanted.id,
            first: First::Registry,
            change: &|tenant| tenant.reopened(status.clone()),
            landed: &|tenant| !tenant.is_closing(),
        };
        if let Err(error) = change.write(self.ports, self.access).await {
            tracing::warn!(tenant = %self.wanted.id, %error, "a tenant whose deletion was refused is still closed");
        }
    }

    /// Takes all locks and closes all states for ever, unless something was deployed meanwhile.
    async fn seal(&self) -> Result<Locks> {
        let locking = Locking {
            ports: self.ports,
            caller: self.caller,
            backend: &self.access.backend,
            operation: "tenant delete",
            wait: self.wanted.wait,
        };
        let states = open(&self.access.backend, &self.wanted.id).await?;
        let locks = locking.take(states.into_iter().map(|(space, _)| space).collect()).await?;
        let allowed = match self.wanted.abandon_resources {
            true => Ok(()),
            false => refuse_deployed(&self.wanted.id, &locks.states()),
        };
        let closed = match allowed {
            Ok(()) => locks.update(|state| state.deleted = true).await,
            Err(error) => Err(error),
        };
        match closed {
            Ok(()) => Ok(locks),
            Err(error) => {
                locks.release().await;
                Err(error)
            }
        }
    }

    async fn archive(&self, again: bool) -> Result<Found> {
        let backend = &self.access.backend;
        Archiving::begin(backend, &self.entry, again, self.ports.clock.now()).await?.carry_out().await
    }

    /// The registry first: without it, the derived entry that is still closed speaks of nobody.
    async fn remove(&self) -> Result<()> {
        let (backend, id, now) = (&self.access.backend, &self.wanted.id, self.ports.clock.now());
        let remove = |registry: &mut Registry| {
            registry.remove(id, now);
            Ok(())
        };
        let gone = |registry: &Registry| registry.tenant(id).is_none();
        registry_edit::edit(self.ports, backend, remove, gone).await?;
        let key = PlatformSpace.registry_entry(id);
        backend.objects.delete(&key).await.attempted(format!("delete {key}"), &backend.place.address)?;
        self.ports.caches.entries.forget(id);
        Ok(())
    }
}
