//! What a dead incarnation of this daemon left: processes to be ended, runs to be marked, locks to go on from.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use deployer_domain::backend::BackendAddress;
use deployer_domain::error::{Error, Reason};
use deployer_domain::key::{StackSpace, TenantSpace};
use deployer_domain::lease::PreviousHold;
use deployer_domain::name::{EnvironmentName, RunId, StackName, StateVersion, TenantId};
use deployer_domain::run::{Happening, Report, RunFinished, RunStatus};
use serde::{Deserialize, Serialize};

use super::log::{EventLog, events_file};
use super::registry::{NewRun, Run, RunRegistry};
use crate::engine::alive;
use crate::journal::{HeldLock, Predecessor};

/// How long a guard may take to end its children once its daemon is dead.
const PATIENCE: Duration = Duration::from_secs(6);
/// The age from which on a dead incarnation's locks are nobody's any more.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// Where a run's documents are, for a later incarnation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    pub backend: BackendAddress,
    pub tenant: TenantId,
    pub version: StateVersion,
    pub stack: StackName,
    pub environment: EnvironmentName,
}

impl Place {
    pub fn of(new: &NewRun) -> Self {
        Self {
            backend: new.backend.place.address.clone(),
            tenant: new.summary.tenant.clone(),
            version: new.version.clone(),
            stack: new.summary.stack.clone(),
            environment: new.summary.environment.clone(),
        }
    }

    pub fn file(&self, directory: &Path) -> PathBuf {
        directory.join("place.json")
    }

    pub fn read(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(directory.join("place.json")).ok()?).ok()
    }

    pub fn space(&self) -> StackSpace {
        TenantSpace::new(self.tenant.clone(), self.version.clone()).stack(&self.stack, &self.environment)
    }
}

pub fn alive_file(directory: &Path) -> PathBuf {
    directory.join("alive")
}

pub fn archived_mark(directory: &Path) -> PathBuf {
    directory.join("archived")
}

/// A lock as a dead incarnation of this daemon held it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crashed {
    pub(super) from: Predecessor,
    lock: HeldLock,
}

impl Crashed {
    pub(super) fn is(&self, backend: &BackendAddress, key: &str) -> bool {
        self.lock.backend == *backend && self.lock.key == key
    }

    /// The hold, for going on from it without waiting.
    pub fn hold(&self) -> PreviousHold {
        PreviousHold { session: self.from.session, token: self.lock.token }
    }
}

/// What was left.
#[derive(Default)]
pub struct Left {
    pub runs: Vec<Run>,
    pub crashed: Vec<Crashed>,
}

/// Ends the processes that dead incarnations left, marks their runs and tells which locks they held.
pub async fn recover(registry: &Arc<RunRegistry>) -> Left {
    let mut left = Left::default();
    let mut journalled: Vec<RunId> = Vec::new();
    for predecessor in registry.journal.predecessors() {
        let mut dead = true;
        for id in &predecessor.runs {
            journalled.push(*id);
            let directory = registry.directory(*id);
            let ended = alive::end_leftovers(&alive_file(&directory), PATIENCE).await;
            if !ended {
                tracing::error!(run = %id, "processes of an interrupted run cannot be ended");
            }
            dead &= ended;
            left.runs.extend(interrupted(registry, *id, &directory));
        }
        let fresh = predecessor.session.timestamp_ms() + STALE.as_millis() as u64
            > u64::try_from(registry.clock.now().as_millisecond()).unwrap_or(0);
        if dead && fresh && predecessor.same_boot && !predecessor.locks.is_empty() {
            let locks = predecessor.locks.iter().cloned();
            left.crashed.extend(locks.map(|lock| Crashed { from: predecessor.clone(), lock }));
        } else if dead {
            registry.journal.forget(&predecessor);
        }
    }
    left.runs.extend(other_directories(registry, &journalled));
    left
}

/// Ends the story of a run whose daemon died.
fn interrupted(registry: &RunRegistry, id: RunId, directory: &Path) -> Option<Run> {
    let run = open(registry, id, directory)?;
    let summary = run.summary();
    if !summary.status.is_over() {
        let error = Error::new(Reason::EngineFailed, "the run was interrupted: the daemon ended in its middle")
            .hint("run the command again: it goes on from what was recorded");
        let started = summary.started;
        let duration = registry.clock.now().duration_since(started).as_millis();
        run.tell(Happening::Finished(RunFinished {
            status: RunStatus::Interrupted,
            duration_ms: u64::try_from(duration).unwrap_or(0),
            error: Some(Report::from(&error)),
            ..RunFinished::default()
        }));
    }
    Some(run)
}

fn open(registry: &RunRegistry, id: RunId, directory: &Path) -> Option<Run> {
    let place = Place::read(directory)?;
    match EventLog::open(events_file(directory)) {
        Ok(Some(log)) => Some(Run::left(id, &place, directory.to_owned(), log, Arc::clone(&registry.clock))),
        Ok(None) => None,
        Err(error) => {
            tracing::warn!(%error, run = %id, "its events cannot be read");
            None
        }
    }
}

/// Runs that are over and still wait to be stored; what is stored is cleared away.
fn other_directories(registry: &RunRegistry, journalled: &[RunId]) -> Vec<Run> {
    let mut waiting = Vec::new();
    for entry in std::fs::read_dir(registry.settings.state_directory.join("runs")).into_iter().flatten().flatten() {
        let directory = entry.path();
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<RunId>().ok()) else { continue };
        if journalled.contains(&id) || matches!(alive::is_held(&alive_file(&directory)), Ok(true)) {
            continue;
        }
        match open(registry, id, &directory).filter(|run| run.summary().status.is_over()) {
            Some(run) if !archived_mark(&directory).exists() => waiting.push(run),
            _ => drop(std::fs::remove_dir_all(&directory)),
        }
    }
    waiting
}
