//! Acquires locks and keeps them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deployer_domain::backend::{Backend, BackendAddress, BackendRef};
use deployer_domain::change::LockStanding;
use deployer_domain::clock::{Clock, LeaseInstant};
use deployer_domain::entropy::{Entropy, ulid};
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{LockKey, StackSpace};
use deployer_domain::lease::{Acquisition, HolderState, LeaseTiming, Observation, PreviousHold, Waiting};
use deployer_domain::lock::{Holder, LockItem, LockTable, Own};
use deployer_domain::name::RunId;
use deployer_domain::object::{PortError, PortResult};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

use super::HeldLease;
use super::acquire::Pursuit;
use super::heartbeat::{BeatThread, Beats};
use super::held::{Beginning, Core};
use super::queue::Queues;
use crate::changes::Changes;

/// What a keeper is made of.
pub struct KeeperSettings {
    /// This daemon incarnation; also the session of its journal.
    pub session: Ulid,
    /// The program's version, as lock items show it.
    pub version: String,
    /// The protocol's durations.
    pub timing: LeaseTiming,
    /// The machine's clocks.
    pub clock: Arc<dyn Clock>,
    /// Makes ids and jitter.
    pub entropy: Arc<dyn Entropy>,
    /// Is told which locks are held, and how firmly.
    pub changes: Arc<Changes>,
}

/// What a caller wants to lock.
pub struct AcquireRequest {
    /// The backend, open with the credentials that the lock will beat with.
    pub backend: Backend,
    /// The environment of the stack.
    pub space: StackSpace,
    /// Who acts.
    pub actor: String,
    /// The host that is shown to others.
    pub host: String,
    /// The run that needs it, if it is one.
    pub run: Option<RunId>,
    /// What is done under it: `apply`, `destroy`, `rollback`, `lock run` …
    pub operation: String,
    /// How long to wait for another holder; `None` refuses at once with `LOCK_HELD`.
    pub wait: Option<Duration>,
    /// Skips the delay after a forced unlock.
    pub no_delay: bool,
    /// The hold of a crashed incarnation, from its journal, to go on from without waiting.
    pub crashed: Option<PreviousHold>,
    /// Is told why the caller waits, each time that changes.
    pub waiting: Option<mpsc::UnboundedSender<Waiting>>,
}

/// Acquires locks, keeps them beating on a thread of its own, and remembers what it saw of others' locks between
/// commands.
pub struct LeaseKeeper {
    settings: KeeperSettings,
    beats: BeatThread,
    seen: Mutex<HashMap<(BackendRef, LockKey), Observation>>,
    held: Arc<Mutex<Held>>,
    queues: Queues,
}

/// The locks that are held, by the acquire call that took them.
type Held = BTreeMap<Ulid, Arc<Core>>;

impl LeaseKeeper {
    /// Starts the thread that all heartbeats live on.
    pub fn start(settings: KeeperSettings) -> Result<Arc<Self>> {
        let beats = BeatThread::start()?;
        Ok(Arc::new(Self { settings, beats, seen: Mutex::default(), held: Arc::default(), queues: Queues::default() }))
    }

    /// This daemon incarnation.
    pub fn session(&self) -> Ulid {
        self.settings.session
    }

    /// The protocol's durations.
    pub fn timing(&self) -> &LeaseTiming {
        &self.settings.timing
    }

    /// The locks that are held now; while there is one the daemon neither exits idle nor is replaced.
    pub fn held(&self) -> Vec<LockKey> {
        lock(&self.held).values().map(|core| core.key.clone()).collect()
    }

    /// How firmly this daemon holds a lock; `None` when the item is not one that it holds.
    pub fn holding(&self, item: &LockItem) -> Option<HolderState> {
        let ours = |core: &&Arc<Core>| core.key == item.key && Some(core.term().token) == item.token();
        let session = self.settings.session.to_string();
        let core = lock(&self.held).values().find(ours).cloned();
        core.filter(|_| item.session() == Some(session.as_str())).map(|core| core.standing())
    }

    /// Acquires a lock.
    ///
    /// Fails with `LOCK_HELD`, which names the holder, or with what the backend says. Dropping the future gives the
    /// lock back if it was just acquired: a write that is under way is always seen to its end.
    pub async fn acquire(self: &Arc<Self>, request: AcquireRequest) -> Result<HeldLease> {
        let gone = CancellationToken::new();
        let _caller = gone.clone().drop_guard();
        let keeper = self.clone();
        let pursuit = tokio::spawn(async move { Pursuit::new(&keeper, &request, gone).run().await });
        pursuit.await.unwrap_or_else(|error| {
            Err(Error::new(Reason::Internal, "the acquisition of a lock was cut off").caused_by(error))
        })
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.settings.clock
    }

    pub(super) fn entropy(&self) -> &dyn Entropy {
        &*self.settings.entropy
    }

    pub(super) fn queues(&self) -> &Queues {
        &self.queues
    }

    pub(super) fn ulid(&self) -> Ulid {
        ulid(self.entropy(), self.settings.clock.now())
    }

    pub(super) fn holder(&self, request: &AcquireRequest) -> Holder {
        Holder {
            session: self.settings.session,
            actor: request.actor.clone(),
            host: request.host.clone(),
            pid: std::process::id(),
            run: request.run,
            operation: request.operation.clone(),
            version: format!("v{}", self.settings.version.trim_start_matches('v')),
        }
    }

    /// Notes what was read of a lock, and answers for how long it has been seen like that.
    pub(super) fn note(&self, place: &BackendRef, item: &LockItem, received: LeaseInstant) -> Observation {
        let mut seen = lock(&self.seen);
        let key = (place.clone(), item.key.clone());
        let observation = Observation::note(seen.get(&key), item, received, &self.settings.timing);
        seen.insert(key, observation.clone());
        observation
    }

    /// Forgets a lock that nobody holds.
    pub(super) fn forget(&self, place: &BackendRef, key: &LockKey) {
        lock(&self.seen).remove(&(place.clone(), key.clone()));
    }

    /// Opens the table of locks on the thread of the heartbeats, with connections of its own.
    pub(super) async fn apart(&self, locks: Arc<dyn LockTable>) -> PortResult<Arc<dyn LockTable>> {
        let opening = self.beats.handle.spawn(async move { locks.apart().await });
        opening.await.unwrap_or_else(|error| Err(PortError::Unavailable(error.to_string())))
    }

    /// Begins to keep a lock that was just acquired.
    pub(super) fn keep(&self, won: Won) -> HeldLease {
        let Won { acquisition, own, sent, locks, place, turn } = won;
        let core = Arc::new(Core::new(Beginning {
            key: acquisition.key.clone(),
            term: acquisition.term(own.token),
            sent,
            timing: self.settings.timing,
            clock: self.settings.clock.clone(),
            entropy: self.settings.entropy.clone(),
        }));
        let beats = Beats {
            core: core.clone(),
            locks,
            place: place.address,
            permits: self.beats.permits.clone(),
            acquisition,
            seq: own.hb_seq,
        };
        let (commands, asked) = mpsc::unbounded_channel();
        let told = Told { changes: self.settings.changes.clone(), backend: beats.place.clone(), core: core.clone() };
        let listed = Listed::new(self.held.clone(), own.attempt, told);
        let running = self.beats.running.clone();
        let (queues, place) = (self.queues.clone(), (beats.place.clone(), beats.core.key.clone()));
        self.beats.handle.spawn(async move {
            let _until_the_end = running;
            tokio::select! {
                () = beats.keep(asked) => {}
                () = listed.tell() => {}
            }
            drop(listed);
            queues.released(&place, turn);
        });
        HeldLease::new(core, commands)
    }
}

/// An acquisition that succeeded.
pub(super) struct Won {
    pub acquisition: Acquisition,
    pub own: Own,
    /// When the write that succeeded was first sent.
    pub sent: LeaseInstant,
    /// The table, opened apart.
    pub locks: Arc<dyn LockTable>,
    pub place: BackendRef,
    /// How often in a row the lock was handed on within this daemon; 0 for one that was found free.
    pub turn: u32,
}

/// Keeps a lock in the list of those that are held.
struct Listed {
    list: Arc<Mutex<Held>>,
    id: Ulid,
    told: Told,
}

/// Who is told of a lock that is held.
struct Told {
    changes: Arc<Changes>,
    backend: BackendAddress,
    core: Arc<Core>,
}

impl Listed {
    fn new(list: Arc<Mutex<Held>>, id: Ulid, told: Told) -> Self {
        lock(&list).insert(id, told.core.clone());
        Self { list, id, told }
    }

    /// Tells how firmly the lock is held, each time that changes; never ends.
    async fn tell(&self) {
        let mut states = self.told.core.states();
        loop {
            let state = *states.borrow_and_update();
            self.told.tell(LockStanding::Ours(state));
            if states.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl Told {
    fn tell(&self, standing: LockStanding) {
        self.changes.tell_lock(&self.backend, &self.core.key, standing);
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        lock(&self.list).remove(&self.id);
        self.told.tell(LockStanding::Free);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
