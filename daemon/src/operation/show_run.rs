//! Shows one run.

use std::sync::Arc;

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::name::{RunId, TenantId};

use super::list_runs::ListedRun;
use super::view::View;
use super::{Ports, stored_runs};
use crate::run::Run;

/// Which run is meant.
#[derive(Debug, Clone)]
pub struct WantedRun {
    /// The run.
    pub id: RunId,
    /// The tenant whose run it is, for admins.
    pub tenant: Option<TenantId>,
}

/// Shows a run of this daemon, or what the storage tells of it.
pub async fn show_run(ports: &Ports, caller: &Caller, wanted: &WantedRun) -> Result<ListedRun> {
    let id = wanted.id;
    let view = View::of(ports, caller, wanted.tenant.as_ref()).await?;
    if let Some(run) = own_run(ports, &view, id).await {
        return Ok(ListedRun { run: run.summary(), owned: true });
    }
    let space = stored_runs::find(&view, id).await?.ok_or_else(|| no_run(id))?;
    let run = stored_runs::summary(&view, &space, id).await?.ok_or_else(|| no_run(id))?;
    Ok(ListedRun { run, owned: false })
}

/// A run of this daemon, if it is the caller's tenant's.
pub(super) async fn own_run(ports: &Ports, view: &View, id: RunId) -> Option<Arc<Run>> {
    ports.runs.recovered().await;
    ports.runs.find(id).filter(|run| run.is_of(view.address(), view.space.id()))
}

pub(super) fn no_run(id: RunId) -> Error {
    Error::new(Reason::NotFound, format!("there is no run {id}")).hint("`deployer run list` shows the latest")
}
