//! What dead incarnations of this daemon left: processes to be ended, runs to be marked or gone on with, locks to go
//! on from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use deployer_domain::backend::BackendAddress;
use deployer_domain::error::{Error, Reason};
use deployer_domain::key::{StackSpace, TenantSpace};
use deployer_domain::lease::PreviousHold;
use deployer_domain::name::{EnvironmentName, RunId, StackName, StateVersion, TenantId};
use deployer_domain::run::{HANDOVER_FORMAT, Handover, Report, RunFinished, RunStatus};
use serde::{Deserialize, Serialize};

use super::log::{EventLog, events_file};
use super::owned::Run;
use super::registry::{NewRun, RunRegistry};
use crate::engine::alive;
use crate::journal::{Entry, HeldLock, Predecessor, machine_id};

/// How long a guard may take to end its children once its daemon is dead.
const PATIENCE: Duration = Duration::from_secs(6);
/// What a dead incarnation noted last is too old to be gone on with after this time.
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
    /// The machine that it runs on: another one that has the same home must leave it alone.
    #[serde(default)]
    pub machine: Option<String>,
}

impl Place {
    pub fn of(new: &NewRun) -> Self {
        Self {
            backend: new.backend.place.address.clone(),
            tenant: new.summary.tenant.clone(),
            version: new.version.clone(),
            stack: new.summary.stack.clone(),
            environment: new.summary.environment.clone(),
            machine: machine_id(),
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

fn handover_file(directory: &Path) -> PathBuf {
    directory.join("handover.json")
}

/// Writes down what a later incarnation may know of a run.
pub fn hand_over(directory: &Path, handover: &Handover) -> std::io::Result<()> {
    std::fs::write(handover_file(directory), serde_json::to_vec(handover)?)
}

fn handed_over(directory: &Path) -> Option<Handover> {
    let bytes = std::fs::read(handover_file(directory)).ok()?;
    let handover: Handover = serde_json::from_slice(&bytes).ok()?;
    (handover.format_version <= HANDOVER_FORMAT).then_some(handover)
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

/// A run that a dead incarnation left without an end.
pub struct Unfinished {
    /// The run; nothing that it started is alive.
    pub run: Arc<Run>,
    /// What is known of how it could go on.
    pub handover: Handover,
    /// The environment of the stack.
    pub space: StackSpace,
    /// How its lock was held, if it was.
    pub crashed: Option<Crashed>,
}

/// What was left.
#[derive(Default)]
pub struct Left {
    pub runs: Vec<Arc<Run>>,
    pub unfinished: Vec<Unfinished>,
    pub crashed: Vec<Crashed>,
}

/// Ends the processes that dead incarnations left, and tells what became of their runs and which locks they held.
pub async fn recover(registry: &Arc<RunRegistry>) -> Left {
    let predecessors = registry.journal.predecessors();
    let dead = end_processes(registry, &predecessors).await;
    let is_dead = |predecessor: &&Predecessor| predecessor.runs.iter().all(|id| dead.get(id) == Some(&true));
    let mut left = Left { crashed: holds(predecessors.iter().filter(is_dead)), ..Left::default() };
    for (id, ended) in &dead {
        sort(registry, *id, *ended, &mut left);
    }
    // From now on they are this incarnation's, should it die as well.
    let taken = left.unfinished.iter().map(|unfinished| Entry::Began(unfinished.run.id()));
    let noted = match left.unfinished.is_empty() {
        true => Ok(()),
        false => registry.journal.note(taken.collect::<Vec<_>>()).await,
    };
    match noted {
        Ok(()) => {
            let needed = |path: &Path| left.crashed.iter().any(|crashed| crashed.from.path == path);
            let settled = predecessors.iter().filter(is_dead).filter(|predecessor| !needed(&predecessor.path));
            settled.for_each(|predecessor| registry.journal.forget(predecessor));
        }
        Err(error) => tracing::error!(%error, "the journal could not be written"),
    }
    left.runs.extend(other_directories(registry, &dead));
    left
}

/// Answers of each run that had not ended whether everything that it had started is dead.
async fn end_processes(registry: &RunRegistry, predecessors: &[Predecessor]) -> BTreeMap<RunId, bool> {
    let mut dead = BTreeMap::new();
    for id in predecessors.iter().flat_map(|predecessor| &predecessor.runs) {
        if dead.contains_key(id) {
            continue;
        }
        let ended = alive::end_leftovers(&alive_file(&registry.directory(*id)), PATIENCE).await;
        if !ended {
            tracing::error!(run = %id, "processes of an interrupted run cannot be ended");
        }
        dead.insert(*id, ended);
    }
    dead
}

/// The locks as they were held last, by the youngest incarnation that held them; after a start of the machine, or when
/// it is long ago, they are waited for like a stranger's.
fn holds<'a>(predecessors: impl Iterator<Item = &'a Predecessor>) -> Vec<Crashed> {
    let mut holds = BTreeMap::new();
    for predecessor in predecessors.filter(|predecessor| predecessor.same_boot && is_fresh(&predecessor.path)) {
        for lock in &predecessor.locks {
            let place = (lock.backend.to_string(), lock.key.clone());
            holds.insert(place, Crashed { from: predecessor.clone(), lock: lock.clone() });
        }
    }
    holds.into_values().collect()
}

/// Whether what was noted last is of this day.
fn is_fresh(path: &Path) -> bool {
    let noted = std::fs::metadata(path).and_then(|found| found.modified());
    // A moment in the future is the clock's error.
    noted.is_ok_and(|noted| noted.elapsed().is_ok_and(|age| age < STALE) || noted.elapsed().is_err())
}

/// Sorts a run of a dead incarnation: it is over, it may go on, or it is interrupted.
fn sort(registry: &RunRegistry, id: RunId, dead: bool, left: &mut Left) {
    let directory = registry.directory(id);
    let Some((run, place)) = open(registry, id, &directory) else { return };
    let run = Arc::new(run);
    left.runs.push(Arc::clone(&run));
    if run.summary().status.is_over() {
        return;
    }
    let handover = handed_over(&directory).filter(|_| dead && is_fresh(&handover_file(&directory)));
    let Some(handover) = handover else {
        let why = if dead { "it had not begun to change anything" } else { "its processes could not be ended" };
        return run.finish(RunFinished { duration_ms: run.age_ms(), ..interrupted(why) });
    };
    let space = place.space();
    let key = space.lock().to_string();
    let crashed = left.crashed.iter().find(|crashed| crashed.is(&place.backend, &key));
    let crashed = crashed.filter(|crashed| crashed.lock.run == Some(id)).cloned();
    left.unfinished.push(Unfinished { run, handover, space, crashed });
}

/// The end of a run whose daemon died.
pub fn interrupted(why: &str) -> RunFinished {
    let error = Error::new(Reason::EngineFailed, "the run was interrupted: the daemon ended in its middle")
        .caused_by(why)
        .hint("run the command again: it goes on from what was recorded");
    RunFinished { status: RunStatus::Interrupted, error: Some(Report::from(&error)), ..RunFinished::default() }
}

fn open(registry: &RunRegistry, id: RunId, directory: &Path) -> Option<(Run, Place)> {
    let place = Place::read(directory)?;
    if place.machine != machine_id() {
        return None;
    }
    match EventLog::open(events_file(directory)) {
        Ok(Some(log)) => Some((Run::of(registry, id, &place, log, false), place)),
        Ok(None) => None,
        Err(error) => {
            tracing::warn!(%error, run = %id, "its events cannot be read");
            None
        }
    }
}

/// Runs that are over and still wait to be stored; what is stored is cleared away.
fn other_directories(registry: &RunRegistry, journalled: &BTreeMap<RunId, bool>) -> Vec<Arc<Run>> {
    let mut waiting = Vec::new();
    for entry in std::fs::read_dir(registry.settings.state_directory.join("runs")).into_iter().flatten().flatten() {
        let directory = entry.path();
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<RunId>().ok()) else { continue };
        let elsewhere = Place::read(&directory).is_some_and(|place| place.machine != machine_id());
        if elsewhere || journalled.contains_key(&id) || matches!(alive::is_held(&alive_file(&directory)), Ok(true)) {
            continue;
        }
        match open(registry, id, &directory).filter(|(run, _)| run.summary().status.is_over()) {
            Some((run, _)) if !archived_mark(&directory).exists() => waiting.push(Arc::new(run)),
            _ => drop(std::fs::remove_dir_all(&directory)),
        }
    }
    waiting
}
