//! The task that writes a sealed state: one write at a time, each on the version that the one before it made.
//!
//! A change that somebody waits for is written at once. Others may wait for some times as long as the last write took, so
//! that many of them become one write, and a record is never more than two writes behind what happened.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use deployer_domain::error::{Error, Result};
use deployer_domain::lease::HolderState;
use deployer_domain::object::{ETag, PortError, WriteIf};
use deployer_domain::port_error::explain;
use deployer_domain::seal::{self, Refusal};
use deployer_domain::state::StateDocument;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use ulid::Ulid;

use super::orphan::{self, Kept, REQUEST, awaits_rights};
use super::persist::{answered, may_pass};
use super::sealed::SealRequest;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How much longer than a write the rest is between two that nobody waits for: most of the time is then left to the work.
const REST: u32 = 4;
/// The longest such rest.
const LONGEST_REST: Duration = Duration::from_millis(500);

/// The owner's end of the task; its end lets the task finish what is pending.
pub(super) struct Writer {
    shared: Arc<Shared>,
}

/// What the owner and the task share.
pub(super) struct Shared {
    request: SealRequest,
    current: Mutex<Current>,
    wake: Notify,
    progress: watch::Sender<Progress>,
}

struct Current {
    state: StateDocument,
    /// The number of changes so far.
    changes: u64,
    /// So many of them are waited for.
    awaited: u64,
    closed: bool,
}

#[derive(Clone, Default)]
struct Progress {
    /// So many changes are stored.
    stored: u64,
    /// Why no more will be.
    failed: Option<Error>,
    /// So many changes are kept elsewhere after that, and where.
    kept: Option<(u64, Kept)>,
}

/// The answer to come from a write of the state.
#[must_use = "drop it explicitly where the write need not be waited for"]
pub struct Landing {
    change: u64,
    shared: Weak<Shared>,
    progress: watch::Receiver<Progress>,
}

impl Landing {
    /// Has the change written at once and waits until it is stored. Fails with `LOCK_LOST` or `STATE_CONFLICT` when it never will be.
    pub async fn landed(mut self) -> Result<()> {
        let change = self.change;
        if let Some(shared) = self.shared.upgrade() {
            shared.hurry(change);
        }
        let done = |progress: &Progress| progress.stored >= change || progress.failed.is_some();
        match self.progress.wait_for(done).await {
            Ok(progress) if progress.stored >= change => Ok(()),
            Ok(progress) => progress.failed.clone().map_or(Ok(()), Err),
            Err(_) => Err(Error::new(deployer_domain::error::Reason::Internal, "the writer of the state has ended")),
        }
    }
}

impl Writer {
    pub(super) fn start(request: SealRequest, state: StateDocument, etag: ETag) -> Self {
        let shared = Arc::new(Shared {
            request,
            current: Mutex::new(Current { state, changes: 0, awaited: 0, closed: false }),
            wake: Notify::new(),
            progress: watch::Sender::new(Progress::default()),
        });
        let task = Task { shared: shared.clone(), etag, tried: Vec::new() };
        tokio::spawn(task.run());
        Self { shared }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut StateDocument)) -> Landing {
        {
            let mut current = self.shared.current();
            change(&mut current.state);
            current.changes += 1;
        }
        self.shared.wake.notify_one();
        self.pending()
    }

    /// The landing of the last change so far.
    pub(super) fn pending(&self) -> Landing {
        let change = self.shared.current().changes;
        Landing { change, shared: Arc::downgrade(&self.shared), progress: self.shared.progress.subscribe() }
    }

    /// Waits until all that is known is kept elsewhere, and says so in the error.
    pub(super) async fn orphaned(&self, error: Error) -> Error {
        let changes = self.shared.current().changes;
        let mut progress = self.shared.progress.subscribe();
        let kept = |progress: &Progress| progress.kept.as_ref().is_some_and(|(kept, _)| *kept >= changes);
        let Ok(progress) = progress.wait_for(kept).await else {
            return error;
        };
        match progress.kept.as_ref().map(|(_, place)| place) {
            Some(Kept::Stored(key)) => {
                error.fact("Kept in", key).hint("the next run takes up what this one still knew")
            }
            Some(Kept::Spooled(path)) => error.fact("Kept in", path.display()),
            _ => error,
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.current().closed = true;
        self.shared.wake.notify_one();
    }
}

impl Shared {
    pub(super) fn request(&self) -> &SealRequest {
        &self.request
    }

    pub(super) fn view<T>(&self, look: impl FnOnce(&StateDocument) -> T) -> T {
        look(&self.current().state)
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has everything up to a change written without a rest.
    fn hurry(&self, change: u64) {
        let mut current = self.current();
        current.awaited = current.awaited.max(change);
        drop(current);
        self.wake.notify_one();
    }

    /// Marks the state for one write, looks at it, and answers also the number of changes that it holds.
    fn stamped<T>(&self, id: Ulid, look: impl FnOnce(&StateDocument) -> T) -> (T, u64) {
        let core = self.request.lease.core();
        let mut current = self.current();
        seal::stamp(&mut current.state, core.fence(), id, &self.request.written_by, core.clock.now());
        (look(&current.state), current.changes)
    }
}

/// What became of one write.
enum Put {
    /// So many changes are stored.
    Stored(u64),
    /// It may work later.
    Later(PortError),
    /// It never will.
    Over(Error),
}

struct Task {
    shared: Arc<Shared>,
    etag: ETag,
    /// The writes on the version that is known whose answers stayed open, with the changes that they hold.
    tried: Vec<(Ulid, u64)>,
}

impl Task {
    async fn run(mut self) {
        let (mut stored, mut rest) = (0, Duration::ZERO);
        while self.work(stored, rest).await {
            let begun = Instant::now();
            match self.store().await {
                Ok(changes) => {
                    (stored, rest) = (changes, (begun.elapsed() * REST).min(LONGEST_REST));
                    self.shared.progress.send_modify(|progress| progress.stored = changes);
                }
                Err(error) => return self.keep_elsewhere(error, stored).await,
            }
        }
    }

    /// Waits until a change is to be handled: at once where somebody waits for it or nothing will follow, else after
    /// the rest, so that what follows soon is written with it. Answers no when there will be none.
    async fn work(&self, handled: u64, rest: Duration) -> bool {
        let mut due = None;
        loop {
            let (pending, urgent, closed) = {
                let current = self.shared.current();
                (current.changes > handled, current.awaited > handled, current.closed)
            };
            let woken = self.shared.wake.notified();
            match (pending, closed) {
                (true, _) if urgent || closed => return true,
                (true, _) => {
                    let due = *due.get_or_insert_with(|| Instant::now() + rest);
                    if Instant::now() >= due {
                        return true;
                    }
                    drop(tokio::time::timeout_at(due, woken).await);
                }
                (false, true) => return false,
                (false, false) => woken.await,
            }
        }
    }

    /// Writes the state as it is, again and again, until it is stored or never will be.
    async fn store(&mut self) -> Result<u64> {
        let (begun, mut pause) = (Instant::now(), FIRST_PAUSE);
        let request = self.shared.clone();
        let lease = &request.request.lease;
        loop {
            if lease.standing() == HolderState::Lost {
                return Err(lease.core().lost_error());
            }
            let error = match self.put().await {
                Put::Stored(changes) => return Ok(changes),
                Put::Over(error) => return Err(error),
                Put::Later(error) => error,
            };
            tracing::warn!(lock = %lease.key(), %error, "the state was not written yet");
            if begun.elapsed() > lease.core().timing.longest_lease {
                return Err(self.explain(error));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn put(&mut self) -> Put {
        let request = &self.shared.request;
        let id = request.lease.core().ulid();
        let (bytes, changes) = self.shared.stamped(id, seal::spell);
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => return Put::Over(error),
        };
        self.tried.push((id, changes));
        let key = request.space.state();
        let write = request.backend.objects.write(&key, bytes, WriteIf::Unchanged(self.etag.clone()));
        match answered(REQUEST, write).await {
            Ok(etag) => self.stored(etag, changes),
            Err(PortError::Conflict) => self.refused().await,
            Err(PortError::Gone) => Put::Over(seal::vanished(&request.space, 0)),
            Err(error) if may_pass(&error) || awaits_rights(&error) => Put::Later(error),
            Err(error) => Put::Over(self.explain(error)),
        }
    }

    fn stored(&mut self, etag: ETag, changes: u64) -> Put {
        self.etag = etag;
        self.tried.clear();
        Put::Stored(changes)
    }

    /// Finds out why a write was refused.
    async fn refused(&mut self) -> Put {
        let request = &self.shared.request;
        let key = request.space.state();
        let object = match answered(REQUEST, request.backend.objects.read(&key)).await {
            Ok(Some(object)) => object,
            Ok(None) => return Put::Over(seal::vanished(&request.space, 0)),
            Err(error) => return Put::Later(error),
        };
        if object.etag == self.etag {
            // Another write was under way at the same moment, and did not happen.
            return Put::Later(PortError::Conflict);
        }
        let now = match seal::parse(&object.bytes, &request.space) {
            Ok(now) => now,
            Err(error) => return Put::Over(error),
        };
        let tried: Vec<Ulid> = self.tried.iter().map(|(id, _)| *id).collect();
        let core = request.lease.core();
        match seal::explain_refusal(&now, core.fence(), &tried) {
            Refusal::Landed(id) => {
                let changes = self.tried.iter().find(|(tried, _)| *tried == id).map_or(0, |(_, changes)| *changes);
                self.stored(object.etag, changes)
            }
            Refusal::Lost => {
                core.lose(None);
                Put::Over(core.lost_error())
            }
            Refusal::Meddled => Put::Over(seal::meddled(&request.space)),
        }
    }

    fn explain(&self, error: PortError) -> Error {
        let request = &self.shared.request;
        explain(error, format!("write {}", request.space.state()), &request.backend.place.address)
    }

    /// After the end of all writing: keeps what is known elsewhere, also what becomes known later.
    async fn keep_elsewhere(self, error: Error, stored: u64) {
        let shared = &self.shared;
        tracing::warn!(lock = %shared.request.lease.key(), %error, "the state is not written any more");
        let fence = shared.request.lease.core().fence();
        shared.progress.send_modify(|progress| progress.failed = Some(error));
        let mut handled = stored;
        while self.work(handled, Duration::ZERO).await {
            let (state, changes) = shared.stamped(shared.request.lease.core().ulid(), Clone::clone);
            let kept = orphan::keep(&shared.request, fence, &state).await;
            handled = changes;
            shared.progress.send_modify(|progress| progress.kept = Some((changes, kept)));
        }
    }
}
