//! What commands printed, from the events of runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use deployer_domain::error::Result;
use deployer_domain::key::StackSpace;
use deployer_domain::logs::LogLine;
use deployer_domain::name::{ComponentId, RunId};
use deployer_domain::plan::Selection;
use deployer_domain::port_error::Attempted;
use deployer_domain::run::{Happening, RunEvent};
use jiff::Timestamp;

use super::super::view::View;
use super::super::{Ports, stored_runs};
use super::LOOK_EVERY;
use crate::run::{Now, Run, RunRegistry};

/// How many events are read at once.
const AT_ONCE: usize = 5_000;
/// How many runs are looked through for the last one that printed something.
const RUNS: usize = 20;
/// How long a run may have been at work before the time that is asked for.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Whose lines count.
pub(super) struct Printers {
    /// Those that are there.
    pub deployed: BTreeSet<ComponentId>,
    /// Whoever else may come, where they are followed.
    pub later: Option<Selection>,
}

impl Printers {
    fn have(&self, id: &ComponentId) -> bool {
        self.deployed.contains(id) || self.later.as_ref().is_some_and(|selection| selection.names(id))
    }
}

/// What the commands of some components printed.
pub(super) struct Printed {
    runs: Arc<RunRegistry>,
    view: View,
    space: StackSpace,
    printers: Printers,
    since: Option<Timestamp>,
    /// The runs that the storage knew when it was last asked.
    stored: Option<(Instant, Vec<RunId>)>,
    /// The first run that counts.
    first: Option<RunId>,
    /// How far each run was read; nothing once its end was.
    read: BTreeMap<RunId, Option<u64>>,
}

impl Printed {
    pub(super) async fn open(
        ports: &Ports,
        view: &View,
        (space, printers): (StackSpace, Printers),
        since: Option<Timestamp>,
    ) -> Result<Self> {
        ports.runs.recovered().await;
        let (runs, view) = (Arc::clone(&ports.runs), view.clone());
        let read = BTreeMap::new();
        let mut printed = Self { runs, view, space, printers, since, stored: None, first: None, read };
        printed.first = match since {
            Some(since) => first_id(since),
            None if printed.printers.deployed.is_empty() => printed.ids().await?.pop(),
            None => printed.last_that_printed().await?,
        };
        Ok(printed)
    }

    /// The last run in which any of the components printed something, else the last run.
    async fn last_that_printed(&mut self) -> Result<Option<RunId>> {
        let mut newest = self.ids().await?;
        newest.reverse();
        for &id in newest.iter().take(RUNS) {
            let mut after = 0;
            loop {
                let events = self.events(id, after).await?;
                let Some(last) = events.last() else { break };
                if events.iter().any(|event| self.line(id, event).is_some()) {
                    return Ok(Some(id));
                }
                after = last.sequence;
            }
        }
        Ok(newest.first().copied())
    }

    /// The lines that are new, in the order of their times. Where some could be read, what could not is an error next time.
    pub(super) async fn more(&mut self) -> Result<Vec<LogLine>> {
        let mut lines = Vec::new();
        let read = self.read_into(&mut lines).await;
        lines.sort_by_key(|line| line.time);
        match lines.is_empty() {
            true => read.map(|()| lines),
            false => Ok(lines),
        }
    }

    async fn read_into(&mut self, lines: &mut Vec<LogLine>) -> Result<()> {
        for id in self.ids().await? {
            let counts = self.first.is_none_or(|first| id >= first);
            let Some(mut after) = self.read.get(&id).copied().unwrap_or(Some(0)).filter(|_| counts) else { continue };
            while lines.len() < AT_ONCE {
                let events = self.events(id, after).await?;
                let Some(last) = events.last() else { break };
                after = last.sequence;
                let is_over = last.is_last();
                self.read.insert(id, (!is_over).then_some(after));
                lines.extend(events.iter().filter_map(|event| self.line(id, event)));
                if is_over {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The runs of the environment, oldest first: those of this daemon, and those that the storage knows.
    async fn ids(&mut self) -> Result<Vec<RunId>> {
        let lock = self.space.lock();
        let own = self.runs.list().into_iter().filter(|run| self.is_own(run)).map(|run| run.summary());
        let own = own.filter(|run| run.stack == lock.stack && run.environment == lock.environment).map(|run| run.id);
        let mut all: BTreeSet<RunId> = own.collect();
        all.extend(self.stored().await?);
        Ok(all.into_iter().collect())
    }

    /// The runs that the storage knows, asked for from time to time.
    async fn stored(&mut self) -> Result<&[RunId]> {
        let known = self.stored.take().filter(|(asked, _)| asked.elapsed() < LOOK_EVERY);
        let known = match known {
            Some(known) => known,
            None => {
                let asked = Instant::now();
                let folders = self.view.backend.objects.folders(&self.space.runs()).await;
                let folders = folders.attempted("list the runs", self.view.address())?;
                (asked, folders.iter().filter_map(|name| name.parse().ok()).collect())
            }
        };
        Ok(&self.stored.insert(known).1)
    }

    fn is_own(&self, run: &Run) -> bool {
        run.is_of(self.view.address(), self.view.space.id())
    }

    /// Some events of a run with a greater sequence number.
    async fn events(&self, id: RunId, after: u64) -> Result<Vec<RunEvent>> {
        let Some(run) = self.runs.find(id).filter(|run| self.is_own(run)) else {
            let archive = stored_runs::archive(&self.view, &self.space, id);
            return archive.read_some(after).await.attempted(format!("read run {id}"), self.view.address());
        };
        let (mut watcher, mut events) = (run.watch(after), Vec::new());
        while events.len() < AT_ONCE {
            let Ok(Now::There(line)) = watcher.next_line_now() else { break };
            let Ok(event) = line.event() else { break };
            events.push(event);
        }
        Ok(events)
    }

    fn line(&self, id: RunId, event: &RunEvent) -> Option<LogLine> {
        let Happening::ComponentOutput { component: Some(component), line, .. } = &event.what else { return None };
        let is_wanted = self.printers.have(component) && self.since.is_none_or(|since| event.time >= since);
        is_wanted.then(|| LogLine {
            time: event.time,
            component: component.clone(),
            source: format!("run {id}"),
            text: line.clone(),
        })
    }
}

/// The smallest id of a run that may still have been at work at a time.
fn first_id(since: Timestamp) -> Option<RunId> {
    let begun = since.checked_sub(LONGEST).ok()?.as_millisecond();
    Some(RunId::new(ulid::Ulid::from_parts(u64::try_from(begun).ok()?, 0)))
}
