//! Lifts a suspension.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::name::TenantId;
use deployer_domain::tenant::{Tenant, TenantStatus};

use super::change_tenant::{Change, First};
use super::{Ports, authorise};

/// Lifts a suspension. Can be repeated.
pub async fn activate_tenant(ports: &Ports, caller: &Caller, id: &TenantId) -> Result<Tenant> {
    let access = authorise::admin(ports, caller).await?;
    let recorder = authorise::recorder(&access, caller, "tenant.activate", id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let change = Change {
        id,
        first: First::Registry,
        change: &|tenant| tenant.with_status(TenantStatus::Active),
        landed: &|tenant| tenant.status == TenantStatus::Active,
    };
    let changed = change.write(ports, &access).await;
    recorder.result(ports, intent, &changed).await;
    changed
}
