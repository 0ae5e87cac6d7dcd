//! Follows a run's events from the first one, wherever it runs.

use std::time::Duration;

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::StackSpace;
use deployer_domain::name::RunId;
use deployer_domain::port_error::Attempted;
use deployer_domain::run::{Happening, Report, RunEvent, RunFinished, RunStatus, RunSummary};
use jiff::Timestamp;

use super::show_run::{WantedRun, no_run, own_run};
use super::start_run::start_pending;
use super::view::View;
use super::{Ports, approvals, stored_runs, take_over};
use crate::run::Watcher;

/// How often the storage is asked for the events of a run on another machine.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How long a run may wait for its lock in silence before it counts as interrupted.
const SILENCE: Duration = Duration::from_secs(3600);

/// The events of one run, those that are there and those to come.
pub enum Following {
    /// Of a run of this daemon.
    Own(Watcher),
    /// Of a run that only the storage knows.
    Stored(Box<StoredRun>),
}

impl Following {
    /// The next event, as soon as there is one; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<RunEvent>> {
        match self {
            Self::Own(watcher) => watcher
                .next()
                .await
                .map_err(|error| Error::new(Reason::Internal, "the run's events cannot be read").caused_by(error)),
            Self::Stored(stored) => stored.next().await,
        }
    }
}

/// Follows the events with a greater sequence number. A run that a dead incarnation of this daemon left goes on, if the
/// caller may lend it what it needs; an admin who looks at a tenant's run lends it nothing.
pub async fn attach_run(ports: &Ports, caller: &Caller, wanted: &WantedRun, after: u64) -> Result<Following> {
    let id = wanted.id;
    let view = View::of(ports, caller, wanted.tenant.as_ref()).await?;
    if let Some(run) = own_run(ports, &view, id).await {
        if wanted.tenant.is_none() {
            take_over::go_on(ports, caller, &run).await;
        }
        return Ok(Following::Own(run.watch(after)));
    }
    let Some(space) = stored_runs::find(&view, id).await? else {
        return pending(ports, caller, (&view, wanted), after).await;
    };
    let stored = StoredRun {
        view,
        space,
        id,
        after,
        read: 0,
        waiting: Vec::new().into_iter(),
        summary: None,
        over: false,
        clock: std::sync::Arc::clone(&ports.clock),
        last: None,
    };
    Ok(Following::Stored(Box::new(stored)))
}

/// A run that has not begun because it waits for its approval.
async fn pending(ports: &Ports, caller: &Caller, (view, wanted): (&View, &WantedRun), after: u64) -> Result<Following> {
    let found = approvals::find(view, wanted.id, ports.clock.now()).await?;
    let (_, asked) = found.ok_or_else(|| no_run(wanted.id))?;
    if wanted.tenant.is_some() {
        return Err(asked.request.refusal(asked.standing, asked.decision.as_ref()));
    }
    let run = start_pending(ports, caller, asked).await?;
    Ok(Following::Own(run.watch(after)))
}

/// A run that only the storage knows.
pub struct StoredRun {
    view: View,
    space: StackSpace,
    id: RunId,
    after: u64,
    read: u64,
    waiting: std::vec::IntoIter<RunEvent>,
    summary: Option<RunSummary>,
    over: bool,
    clock: std::sync::Arc<dyn deployer_domain::clock::Clock>,
    last: Option<Timestamp>,
}

impl StoredRun {
    async fn next(&mut self) -> Result<Option<RunEvent>> {
        loop {
            for event in self.waiting.by_ref() {
                if event.sequence > self.after {
                    self.over |= event.is_last();
                    return Ok(Some(event));
                }
            }
            if self.over {
                return Ok(None);
            }
            if !self.ask().await? {
                tokio::time::sleep(ASK_EVERY).await;
            }
        }
    }

    /// Asks for more; answers whether there is any. A run that is at work nowhere any more gets its end here.
    async fn ask(&mut self) -> Result<bool> {
        // Before the events: a run that ends between the two questions has stored its end by then.
        let at_work = stored_runs::is_at_work(&self.view, &self.space, self.id).await?;
        let mut events = self.read_events().await?;
        if events.is_empty() && !at_work && !self.may_still_begin() {
            events.push(self.interruption());
        }
        let any = !events.is_empty();
        self.waiting = events.into_iter();
        Ok(any)
    }

    async fn read_events(&mut self) -> Result<Vec<RunEvent>> {
        let archive = stored_runs::archive(&self.view, &self.space, self.id);
        let events =
            archive.read_some(self.read).await.attempted(format!("read run {}", self.id), self.view.address())?;
        if let Some(last) = stored_runs::last_sequence(&events) {
            self.read = last;
        }
        if self.summary.is_none() {
            self.summary = RunSummary::of(&events);
        } else if let Some(summary) = &mut self.summary {
            events.iter().for_each(|event| summary.take(event));
        }
        self.last = events.last().map(|event| event.time).or(self.last);
        self.over |= events.is_empty() && self.summary.as_ref().is_some_and(|summary| summary.status.is_over());
        Ok(events)
    }

    /// A run that waits for the lock holds none; and one that just ended may be storing its last events.
    fn may_still_begin(&self) -> bool {
        let Some(last) = self.last else { return false };
        let waits = self.summary.as_ref().is_some_and(|summary| summary.status == RunStatus::Waiting);
        let silent = Duration::try_from(self.clock.now().duration_since(last)).unwrap_or_default();
        silent < if waits { SILENCE } else { 10 * ASK_EVERY }
    }

    fn interruption(&self) -> RunEvent {
        let error = stored_runs::interrupted();
        let finished =
            RunFinished { status: RunStatus::Interrupted, error: Some(Report::from(&error)), ..RunFinished::default() };
        RunEvent { sequence: self.read + 1, time: self.clock.now(), what: Happening::Finished(finished) }
    }
}
