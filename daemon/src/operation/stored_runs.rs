//! Runs as their stacks' storage knows them: those of other machines, and of daemons that are gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::StackSpace;
use deployer_domain::lock::LockState;
use deployer_domain::name::RunId;
use deployer_domain::port_error::Attempted;
use deployer_domain::run::{RunEvent, RunStatus, RunSummary};

use super::bounded;
use super::view::View;
use crate::run::Archive;

/// The newest runs of some environments that the storage knows, newest first, without those that are known already.
pub async fn newest(
    view: &View,
    spaces: Vec<StackSpace>,
    limit: usize,
    known: &BTreeSet<RunId>,
) -> Result<Vec<RunSummary>> {
    let found = bounded::map(spaces, |space| {
        let view = view.clone();
        async move {
            let folders = view.backend.objects.folders(&space.runs()).await;
            let folders = folders.attempted("list the runs", view.address())?;
            let ids = folders.iter().filter_map(|name| name.parse::<RunId>().ok());
            Ok(ids.map(|id| (id, space.clone())).collect::<Vec<_>>())
        }
    });
    let mut ids: Vec<(RunId, StackSpace)> = found.await?.into_iter().flatten().collect();
    ids.retain(|(id, _)| !known.contains(id));
    ids.sort_by(|(a, _), (b, _)| b.cmp(a));
    ids.truncate(limit);
    let summaries = bounded::map(ids, |(id, space)| {
        let view = view.clone();
        async move { summary(&view, &space, id).await }
    });
    Ok(summaries.await?.into_iter().flatten().collect())
}

/// Finds the environment that a run belongs to; a run's id does not say it, so every one is asked.
pub async fn find(view: &View, id: RunId) -> Result<Option<StackSpace>> {
    let found = bounded::map(view.places().await?, |(stack, environment)| {
        let view = view.clone();
        async move {
            let space = view.stack(&stack, &environment);
            let listed = view.backend.objects.list(&space.run_segments(id)).await;
            let listed = listed.attempted("look for the run", view.address())?;
            Ok((!listed.is_empty()).then_some(space))
        }
    });
    Ok(found.await?.into_iter().flatten().next())
}

/// What the storage tells of a run; `None` where it has no readable beginning.
pub async fn summary(view: &View, space: &StackSpace, id: RunId) -> Result<Option<RunSummary>> {
    let archive = archive(view, space, id);
    let read = async |after| archive.read_some(after).await.attempted(format!("read run {id}"), view.address());
    let mut events = read(0).await?;
    let Some(mut summary) = RunSummary::of(&events) else { return Ok(None) };
    while let (Some(last), false) = (last_sequence(&events), summary.status.is_over()) {
        events = read(last).await?;
        events.iter().for_each(|event| summary.take(event));
    }
    if !summary.status.is_over() && !is_at_work(view, space, id).await? {
        mark_interrupted(&mut summary);
    }
    Ok(Some(summary))
}

/// Whether the lock of the environment says that the run still works. One that waits for the lock does not hold it.
pub async fn is_at_work(view: &View, space: &StackSpace, id: RunId) -> Result<bool> {
    let item = view.backend.locks.read(space.lock()).await.attempted("read the lock", view.address())?;
    Ok(item.is_some_and(|item| {
        item.state() == Some(LockState::Held) && item.run().is_some_and(|run| *run.to_string() == id.to_string())
    }))
}

/// The events of a run in the storage.
pub fn archive(view: &View, space: &StackSpace, id: RunId) -> Archive {
    Archive { objects: Arc::clone(&view.backend.objects), space: space.clone(), run: id }
}

/// Why a run that is not at work any more has no end.
pub fn interrupted() -> Error {
    Error::new(Reason::EngineFailed, "the run was interrupted: the daemon that ran it is gone")
        .hint("run the command again: it goes on from what was recorded")
}

fn mark_interrupted(summary: &mut RunSummary) {
    summary.status = RunStatus::Interrupted;
    summary.message = Some(interrupted().message);
}

/// The next sequence number after these events.
pub fn last_sequence(events: &[RunEvent]) -> Option<u64> {
    events.last().map(|event| event.sequence)
}
