//! Lists the locks of a tenant that are held.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::name::TenantId;
use deployer_domain::port_error::Attempted;

use super::Ports;
use super::show_lock::LockView;
use super::view::View;

/// Lists the locks that are held, sorted by stack and environment: the caller's own tenant's, or for an admin those of
/// the tenant that was named.
pub async fn list_locks(ports: &Ports, caller: &Caller, tenant: Option<&TenantId>) -> Result<Vec<LockView>> {
    let view = View::of(ports, caller, tenant).await?;
    let items = ports.leases.look_around(&view.backend, view.space.id()).await;
    let items = items.attempted("list the locks", view.address())?;
    let server_now = view.backend.locks.server_now();
    let looked = items.into_iter().map(|item| LockView::new(ports, item.key.clone(), Some(item), server_now));
    Ok(looked.filter(LockView::is_held).collect())
}
