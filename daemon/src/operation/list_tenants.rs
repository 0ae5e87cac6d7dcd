//! Lists all tenants to an admin, and writes the derived entries that are missing.

use std::collections::BTreeSet;
use std::sync::Arc;

use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::key::PlatformSpace;
use deployer_domain::port_error::Attempted;
use deployer_domain::registry::Registry;
use deployer_domain::tenant::Tenant;

use super::costs::{self, Cost};
use super::tenant_counts::{self, CountWanted, TenantCounts};
use super::{Ports, authorise, bounded, entries, registry};

/// A tenant as it is listed.
#[derive(Debug, Clone)]
pub struct TenantRow {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// What it has deployed, and when that was counted.
    pub counts: TenantCounts,
    /// What it has cost this month.
    pub cost: Cost,
}

/// Lists all tenants in the registry's order, with what they have deployed.
pub async fn list_tenants(ports: &Ports, caller: &Caller, wanted: CountWanted) -> Result<Vec<TenantRow>> {
    let access = authorise::admin(ports, caller).await?;
    let registry = registry::registry(ports, &access.backend).await?;
    write_missing_entries(ports, &access.backend, &registry).await?;
    let counts = tenant_counts::counts(ports, &access.backend, registry.tenants(), wanted).await?;
    let costs = costs::of_all(ports, caller, &access.backend, registry.tenants().map(AsRef::as_ref)).await;
    let row =
        |(tenant, counts): (&Arc<Tenant>, _)| TenantRow { counts, cost: costs.of(tenant), tenant: tenant.clone() };
    Ok(registry.tenants().zip(counts).map(row).collect())
}

/// Looks once for each version of the registry: it is a long list.
async fn write_missing_entries(ports: &Ports, backend: &Backend, registry: &Arc<Registry>) -> Result<()> {
    if ports.caches.registry.is_complete(registry) {
        return Ok(());
    }
    let listed = backend.objects.list(&PlatformSpace.registry_entries()).await;
    let listed = listed.attempted("list the derived entries", &backend.place.address)?;
    let present: BTreeSet<_> = listed.into_iter().map(|listed| listed.key).collect();
    let missing = registry.derive_all(|tenant| !present.contains(&PlatformSpace.registry_entry(&tenant.id)));
    let written = bounded::map(missing, |derived| {
        let backend = backend.clone();
        async move { entries::repair_entry(&backend, &derived.derive()?).await }
    });
    written.await?;
    ports.caches.registry.completed(registry);
    Ok(())
}
