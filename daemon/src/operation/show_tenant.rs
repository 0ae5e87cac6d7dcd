//! Shows one tenant to an admin, and repairs its derived entry where it differs from the registry.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::name::TenantId;

use super::archive_tenant::unknown;
use super::tenant_details::{TenantView, view};
use super::{Ports, authorise, costs, entries, registry, stack_summaries};

/// Shows one tenant.
pub async fn show_tenant(ports: &Ports, caller: &Caller, id: &TenantId) -> Result<TenantView> {
    let access = authorise::admin(ports, caller).await?;
    let registry = registry::registry(ports, &access.backend).await?;
    let Some(derived) = registry.derive(id) else { return Err(unknown(&access.backend, id).await) };
    if entries::repair_entry(&access.backend, &derived).await? {
        tracing::info!(tenant = %id, "its derived entry was repaired");
    }
    let all = costs::of_all(ports, caller, &access.backend, [&derived.tenant]).await;
    let cost = all.of(&derived.tenant);
    let states = stack_summaries::states(&access.backend, &derived.tenant.space()).await?;
    Ok(TenantView { cost, ..view(&access.backend, derived.tenant, &states, ports.clock.now()).await? })
}
