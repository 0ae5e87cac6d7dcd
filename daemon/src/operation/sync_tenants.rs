//! Makes all derived entries say what the registry says, after edits by hand.

use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::key::{ObjectKey, PlatformSpace};
use deployer_domain::port_error::Attempted;
use deployer_domain::registry::Registry;

use super::archive_tenant::remove;
use super::{Ports, authorise, bounded, entries, registry};

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SyncedTenants {
    /// How many tenants there are.
    pub tenants: u32,
    /// How many derived entries were written.
    pub written: u32,
    /// How many were removed because the registry knows no such tenant.
    pub removed: u32,
}

/// Repairs all derived entries. Can be repeated.
pub async fn sync_tenants(ports: &Ports, caller: &Caller) -> Result<SyncedTenants> {
    let access = authorise::admin(ports, caller).await?;
    let recorder = authorise::recorder(&access, caller, "admin.sync", "tenants.yaml").await;
    let intent = recorder.intent(ports).await?;
    let synced = sync(ports, &access.backend).await;
    recorder.result(ports, intent, &synced).await;
    synced
}

async fn sync(ports: &Ports, backend: &Backend) -> Result<SyncedTenants> {
    // Listed first: a tenant that another admin creates meanwhile is in the registry by then.
    let listed = backend.objects.list(&PlatformSpace.registry_entries()).await;
    let listed = listed.attempted("list the derived entries", &backend.place.address)?;
    let registry = registry::registry(ports, backend).await?;
    let written = bounded::map(registry.derive_all(|_| true), |derived| {
        let backend = backend.clone();
        async move { entries::repair_entry(&backend, &derived.derive()?).await }
    });
    let written = written.await?.into_iter().filter(|written| *written).count();
    let strange = strangers(&registry, listed.into_iter().map(|listed| listed.key));
    let removed = strange.len();
    remove(backend, strange).await?;
    let short = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let tenants = short(registry.tenants().len());
    Ok(SyncedTenants { tenants, written: short(written), removed: short(removed) })
}

/// The entries of tenants that the registry does not know. Tenant mode would go on believing them.
fn strangers(registry: &Registry, keys: impl Iterator<Item = ObjectKey>) -> Vec<ObjectKey> {
    let known: std::collections::BTreeSet<ObjectKey> =
        registry.tenants().map(|tenant| PlatformSpace.registry_entry(&tenant.id)).collect();
    keys.filter(|key| !known.contains(key)).collect()
}
