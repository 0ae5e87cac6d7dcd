//! Suspends a tenant: no new sign-ins, no renewals; sessions that exist live until they expire.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::name::TenantId;
use deployer_domain::tenant::{Tenant, TenantStatus};

use super::change_tenant::{Change, First};
use super::{Ports, authorise};

/// Suspends a tenant: no new sign-ins, no renewals; sessions that exist live until they expire. Can be repeated.
pub async fn suspend_tenant(ports: &Ports, caller: &Caller, id: &TenantId) -> Result<Tenant> {
    let access = authorise::admin(ports, caller).await?;
    let recorder = authorise::recorder(&access, caller, "tenant.suspend", id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let change = Change {
        id,
        first: First::Derived,
        change: &|tenant| tenant.with_status(TenantStatus::Suspended),
        landed: &|tenant| tenant.status == TenantStatus::Suspended,
    };
    let changed = change.write(ports, &access).await;
    recorder.result(ports, intent, &changed).await;
    changed
}
