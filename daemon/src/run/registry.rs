//! The runs that this daemon owns, and those that it still remembers.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deployer_domain::backend::{Backend, BackendAddress};
use deployer_domain::clock::Clock;
use deployer_domain::error::Result;
use deployer_domain::key::{LockKey, StackSpace};
use deployer_domain::name::{RunId, StateVersion, TenantId};
use deployer_domain::run::{RunFinished, RunSummary};
use tokio::sync::watch;

use super::archive::Archive;
use super::log::{EventLog, events_file};
use super::owned::{Run, cannot_begin};
use super::recover::{self, Crashed, Place, Unfinished};
use crate::changes::Changes;
use crate::journal::{Entry, HeldLock, Journal};
use crate::life::{Keep, Kept, Life};

/// How long somebody who wants the daemon to stop waits for events to be stored.
const SETTLING: Duration = Duration::from_secs(10);
/// How many runs that are over are remembered with their files.
const REMEMBERED: usize = 50;

/// What a registry is made of.
pub struct RunSettings {
    /// The daemon's state directory; the registry's files are in `runs/` below it.
    pub state_directory: PathBuf,
    /// The program whose `guard` subcommand watches over children.
    pub program: PathBuf,
    /// Between SIGTERM and SIGKILL for a command that is cancelled.
    pub grace: Duration,
    /// The release of this daemon.
    pub version: String,
    /// Is told what runs are and what becomes of them.
    pub changes: Arc<Changes>,
}

impl RunSettings {
    /// Where files are unpacked for as long as somebody looks at them.
    pub fn scratch(&self) -> PathBuf {
        self.state_directory.join("unpacked")
    }
}

/// The runs that this daemon owns.
pub struct RunRegistry {
    pub(super) settings: RunSettings,
    pub(super) clock: Arc<dyn Clock>,
    life: Arc<Life>,
    pub(super) journal: Arc<Journal>,
    runs: Mutex<BTreeMap<RunId, Arc<Run>>>,
    crashed: Mutex<Vec<Crashed>>,
    recovered: watch::Sender<bool>,
}

/// A run to be begun.
pub struct NewRun {
    /// What it is.
    pub summary: RunSummary,
    /// The backend, open with the caller's credentials.
    pub backend: Backend,
    /// The environment of the stack.
    pub space: StackSpace,
    /// The version namespace that it lies in.
    pub version: StateVersion,
}

impl RunRegistry {
    /// Opens the registry. [`recover`](Self::recover) must follow.
    pub fn open(
        settings: RunSettings,
        clock: Arc<dyn Clock>,
        life: Arc<Life>,
        journal: Arc<Journal>,
    ) -> io::Result<Arc<Self>> {
        use std::os::unix::fs::DirBuilderExt;
        let directory = settings.state_directory.join("runs");
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        // What a dead incarnation had unpacked is of no use to anybody.
        let _ = std::fs::remove_dir_all(settings.scratch());
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(settings.scratch())?;
        Ok(Arc::new(Self {
            settings,
            clock,
            life,
            journal,
            runs: Mutex::default(),
            crashed: Mutex::default(),
            recovered: watch::Sender::new(false),
        }))
    }

    /// Takes over what dead incarnations left; `go_on` is given the runs without an end, and answers when what can be
    /// known of them at once is known. From now on all runs are cancelled when the daemon is told to end.
    pub fn recover<F>(self: &Arc<Self>, go_on: impl FnOnce(Vec<Unfinished>) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let registry = Arc::clone(self);
        tokio::spawn(async move {
            let left = recover::recover(&registry).await;
            left.runs.iter().filter(|run| !run.log.is_over()).for_each(|run| run.tell_change());
            registry.runs().extend(left.runs.into_iter().map(|run| (run.id, run)));
            registry.crashed_locks().extend(left.crashed);
            go_on(left.unfinished).await;
            registry.recovered.send_replace(true);
            registry.life.ending().cancelled().await;
            for run in registry.list().into_iter().filter(|run| run.attended.load(Ordering::SeqCst)) {
                run.cancel("the daemon, which was told to end");
            }
        });
    }

    /// Waits until what dead incarnations left is ended, and what became of it is known.
    pub async fn recovered(&self) {
        let _ = self.recovered.subscribe().wait_for(|done| *done).await;
    }

    /// Begins a run. What can still be refused at once is not worth keeping: see [`keep`](Self::keep).
    pub async fn begin(self: &Arc<Self>, new: NewRun) -> Result<Arc<Run>> {
        self.recovered().await;
        let id = new.summary.id;
        let kept = self.life.keep(Keep::Run(id.to_string()))?;
        let place = Place::of(&new);
        let directory = self.directory(id);
        let log = self.files(&directory, &place, &new.summary).map_err(|error| cannot_begin(&directory, &error))?;
        let run = Arc::new(Run::of(self, id, &place, log, true));
        self.runs().insert(id, Arc::clone(&run));
        run.tell_change();
        let archive = Archive { objects: Arc::clone(&new.backend.objects), space: new.space, run: id };
        tokio::spawn(Arc::clone(self).attend(Arc::clone(&run), archive, kept));
        Ok(run)
    }

    /// Keeps a run from now on: in the journal, which is on the disk when this answers, and in the storage, so that
    /// others see it too. To be called before it does anything that lasts, with the lock once it holds it.
    pub async fn keep(&self, run: &Run, held: Option<HeldLock>) -> Result<()> {
        let began = (!run.worth_keeping.is_cancelled()).then_some(Entry::Began(run.id));
        let entries = began.into_iter().chain(held.map(Entry::Held));
        self.journal.note(entries).await.map_err(|error| cannot_begin(&run.directory, &error))?;
        run.worth_keeping.cancel();
        Ok(())
    }

    /// Looks after a run of a dead incarnation from now on, as if it had been begun here.
    pub fn adopt(self: &Arc<Self>, run: &Arc<Run>, backend: &Backend, space: &StackSpace) -> Result<()> {
        if !run.attended.swap(true, Ordering::SeqCst) {
            let kept = self.life.keep(Keep::Run(run.id.to_string()))?;
            run.worth_keeping.cancel();
            let archive = Archive { objects: Arc::clone(&backend.objects), space: space.clone(), run: run.id };
            let (registry, run) = (Arc::clone(self), Arc::clone(run));
            tokio::spawn(async move {
                let stored = archive.go_on_keeping(&run.log).await;
                registry.stored(&run, stored).await;
                drop(kept);
                registry.forget_old();
            });
        }
        Ok(())
    }

    /// Ends a run of a dead incarnation that nobody looks after: its events wait for a caller who can store them.
    pub async fn end_left(&self, run: &Run, finished: RunFinished) {
        run.finish(RunFinished { duration_ms: run.age_ms(), ..finished });
        if !run.attended.load(Ordering::SeqCst)
            && let Err(error) = self.journal.note([Entry::Ended(run.id)]).await
        {
            tracing::error!(%error, "the journal could not be written");
        }
    }

    fn files(&self, directory: &PathBuf, place: &Place, summary: &RunSummary) -> io::Result<EventLog> {
        use std::os::unix::fs::DirBuilderExt;
        // What a dead incarnation left of a run that waited for its approval: nothing of it was kept.
        if directory.exists() {
            std::fs::remove_dir_all(directory)?;
        }
        std::fs::DirBuilder::new().mode(0o700).create(directory)?;
        std::fs::write(place.file(directory), serde_json::to_vec(place)?)?;
        EventLog::create(events_file(directory), &self.settings.version, summary.clone())
    }

    /// Looks after a run's files from its beginning until its end is known to all who must know.
    async fn attend(self: Arc<Self>, run: Arc<Run>, archive: Archive, kept: Kept) {
        tokio::select! {
            biased;
            () = run.worth_keeping.cancelled() => {
                let stored = archive.keep(&run.log).await;
                self.stored(&run, stored).await;
            }
            () = run.log.over() => run.mark_archived(),
        }
        drop(kept);
        self.forget_old();
    }

    async fn stored(&self, run: &Run, stored: io::Result<()>) {
        if let Err(error) = self.journal.note([Entry::Ended(run.id)]).await {
            tracing::error!(%error, "the journal could not be written");
        }
        match stored {
            Ok(()) => run.mark_archived(),
            Err(error) => tracing::warn!(%error, run = %run.id, "its events wait for the next caller"),
        }
    }

    /// A run that this daemon owns or remembers.
    pub fn find(&self, id: RunId) -> Option<Arc<Run>> {
        self.runs().get(&id).cloned()
    }

    /// All runs that this daemon owns or remembers, newest first.
    pub fn list(&self) -> Vec<Arc<Run>> {
        self.runs().values().rev().cloned().collect()
    }

    /// Stores events that could not be stored when their run ended, now that somebody with credentials is here.
    pub fn store_left_over(self: &Arc<Self>, backend: &Backend, tenant: &TenantId) {
        let waits = |run: &Arc<Run>| run.is_of(&backend.place.address, tenant) && run.waits_to_be_archived();
        for run in self.list().into_iter().filter(waits) {
            let Some(place) = Place::read(&run.directory) else { continue };
            let archive = Archive { objects: Arc::clone(&backend.objects), space: place.space(), run: run.id };
            tokio::spawn(async move {
                if archive.go_on_keeping(&run.log).await.is_ok() {
                    run.mark_archived();
                }
            });
        }
    }

    /// How a dead incarnation of this daemon held a lock, once everything that it had started is dead.
    pub async fn crashed(&self, backend: &BackendAddress, key: &LockKey) -> Option<Crashed> {
        self.recovered().await;
        let key = key.to_string();
        self.crashed_locks().iter().find(|crashed| crashed.is(backend, &key)).cloned()
    }

    /// Forgets how a dead incarnation held a lock, as it is this one's now.
    pub fn taken_over(&self, crashed: &Crashed) {
        let mut all = self.crashed_locks();
        all.retain(|known| known != crashed);
        if all.iter().all(|known| known.from.path != crashed.from.path) {
            self.journal.forget(&crashed.from);
        }
    }

    /// Waits, but not for long, until the events of the runs that are over are stored.
    pub async fn settled(&self) {
        let is_over = |id: &String| id.parse().ok().and_then(|id| self.find(id)).is_some_and(|run| run.log.is_over());
        let stored = self.life.until(|keepers| !keepers.runs.iter().any(is_over));
        if tokio::time::timeout(SETTLING, stored).await.is_err() {
            tracing::warn!("events of a run that is over are still not stored");
        }
    }

    /// The journal of this incarnation.
    pub fn journal(&self) -> &Arc<Journal> {
        &self.journal
    }

    /// What it is made of.
    pub fn settings(&self) -> &RunSettings {
        &self.settings
    }

    pub(super) fn directory(&self, id: RunId) -> PathBuf {
        self.settings.state_directory.join("runs").join(id.to_string())
    }

    fn forget_old(&self) {
        let mut runs = self.runs();
        let over: Vec<RunId> =
            runs.values().filter(|run| run.log.is_over() && !run.waits_to_be_archived()).map(|run| run.id).collect();
        for id in over.iter().take(over.len().saturating_sub(REMEMBERED)) {
            if let Some(run) = runs.remove(id) {
                let _ = std::fs::remove_dir_all(&run.directory);
            }
        }
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunId, Arc<Run>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn crashed_locks(&self) -> MutexGuard<'_, Vec<Crashed>> {
        self.crashed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
