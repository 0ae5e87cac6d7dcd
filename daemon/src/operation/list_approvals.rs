//! Lists what waits for another person's approval.

use deployer_domain::approval::Standing;
use deployer_domain::caller::Caller;
use deployer_domain::error::Result;

use super::Ports;
use super::approvals::{self, Found};
use super::view::View;

/// Lists requests, newest first: those that are pending, or all.
pub async fn list_approvals(ports: &Ports, caller: &Caller, decided_too: bool) -> Result<Found> {
    let view = View::of(ports, caller, None).await?;
    let mut all = approvals::all(&view, ports.clock.now()).await?;
    all.asked.retain(|asked| decided_too || asked.standing == Standing::Pending);
    Ok(all)
}
