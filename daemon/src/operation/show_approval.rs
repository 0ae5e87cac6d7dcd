//! Shows one request for approval with its plan.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::name::RunId;

use super::Ports;
use super::approvals::{self, Asked};
use super::view::View;

/// Shows the request of a run.
pub async fn show_approval(ports: &Ports, caller: &Caller, run: RunId) -> Result<Asked> {
    let view = View::of(ports, caller, None).await?;
    let found = approvals::find(&view, run, ports.clock.now()).await?;
    found.map(|(_, asked)| asked).ok_or_else(|| approvals::none(run))
}
