//! Asks a run to end gracefully.

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};

use super::list_runs::ListedRun;
use super::show_run::{WantedRun, no_run, own_run};
use super::view::View;
use super::{Ports, stored_runs};

/// Cancels a run of this daemon. Cancelling one that is over says so by its status.
pub async fn cancel_run(ports: &Ports, caller: &Caller, wanted: &WantedRun) -> Result<ListedRun> {
    let id = wanted.id;
    let view = View::of(ports, caller, wanted.tenant.as_ref()).await?;
    if let Some(run) = own_run(ports, &view, id).await {
        run.cancel(caller.actor.as_str());
        return Ok(ListedRun { run: run.summary(), owned: true });
    }
    let space = stored_runs::find(&view, id).await?.ok_or_else(|| no_run(id))?;
    let run = stored_runs::summary(&view, &space, id).await?.ok_or_else(|| no_run(id))?;
    if run.status.is_over() {
        return Ok(ListedRun { run, owned: false });
    }
    Err(Error::new(Reason::InvalidRequest, format!("run {id} is not this daemon's: it runs on {}", run.host))
        .hint("cancel it there")
        .hint(format!(
            "or, if that machine is gone, free its lock with `deployer lock unlock --stack {} --environment {} --reason WHY`",
            run.stack, run.environment
        )))
}
