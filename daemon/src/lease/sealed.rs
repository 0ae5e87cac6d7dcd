//! `state.json` under a fence.

use std::path::PathBuf;
use std::sync::Arc;

use deployer_domain::backend::Backend;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{ObjectKey, StackSpace};
use deployer_domain::port_error::explain;
use deployer_domain::state::{HistoryEntry, StateDocument};

use super::HeldLease;
use super::history::{self, Recorded};
use super::opening::Opening;
use super::orphan;
use super::writer::{Landing, Writer};

/// What is sealed, for whom.
pub struct SealRequest {
    /// The backend.
    pub backend: Backend,
    /// The environment of the stack.
    pub space: StackSpace,
    /// The lease; its token becomes the state's fence.
    pub lease: Arc<HeldLease>,
    /// The program and its version, such as `deployer 0.1.0`, for `writtenBy`.
    pub written_by: String,
    /// A private directory of this incarnation's journal; what a lost holder still knows is kept there until it is
    /// stored as an orphan document.
    pub spool: Option<PathBuf>,
}

/// What a fenced-off holder still knew.
#[derive(Debug, Clone)]
pub struct Orphan {
    /// Where it lies; [`SealedState::settle`] removes it.
    pub key: ObjectKey,
    /// Its content.
    pub state: StateDocument,
}

/// The state of one environment, sealed: the only writer's copy of `state.json`, and the task that writes it.
///
/// All changes are made by [`update`](Self::update), which only changes the copy and asks for a write; writes that
/// wait for one another are joined into one. The copy's `fence`, `session`, `writeId`, `writtenBy`, `updated` and
/// `formatVersion` are set at each write; `serial` and everything else is the caller's.
pub struct SealedState {
    writer: Writer,
    orphans: Vec<Orphan>,
}

impl SealedState {
    /// Reads the state and seals it with the lease's token; where the state's fence is higher, the lock is first
    /// re-acquired above it. What must be checked after acquiring has been checked by now.
    ///
    /// Fails with `STATE_CONFLICT` when the state is gone while its history exists, was made by a newer program, was
    /// moved, or cannot be read; with `LOCK_LOST` when another has sealed above us.
    pub async fn open(request: SealRequest) -> Result<Self> {
        let opened = Opening::new(&request).run().await?;
        request.lease.core().mark_sealed();
        let writer = Writer::start(request, opened.state, opened.etag);
        Ok(Self { writer, orphans: opened.orphans })
    }

    /// A copy of the state as it is now.
    pub fn document(&self) -> StateDocument {
        self.view(Clone::clone)
    }

    /// Looks at the state as it is now.
    pub fn view<T>(&self, look: impl FnOnce(&StateDocument) -> T) -> T {
        self.writer.shared().view(look)
    }

    /// Changes the state and has it written. Await the answer where the write must have happened (an intent before
    /// its operation); drop it where it need not.
    pub fn update(&self, change: impl FnOnce(&mut StateDocument)) -> Landing {
        self.writer.update(change)
    }

    /// What fenced-off holders before us still knew, oldest first; to be taken into the state by
    /// [`reconcile`](deployer_domain::seal::reconcile), then [`settle`](Self::settle)d.
    pub fn orphans(&self) -> &[Orphan] {
        &self.orphans
    }

    /// Removes an orphan that was taken into the state, once that state is written.
    pub async fn settle(&self, orphan: &Orphan) -> Result<()> {
        let request = self.writer.shared().request();
        let deleted = orphan::patiently(|| request.backend.objects.delete(&orphan.key)).await;
        deleted.map_err(|error| explain(error, format!("delete {}", orphan.key), &request.backend.place.address))
    }

    /// Writes the final state with its history document; the number of `entry` is set here and answered. When the
    /// lock is lost an orphan document is written instead and the error is `LOCK_LOST`.
    pub async fn finish(&self, entry: HistoryEntry) -> Result<u64> {
        let request = self.writer.shared().request();
        let mut number = self.view(|state| state.history_number) + 1;
        for _ in 0..5 {
            let entry = HistoryEntry { number, ..entry.clone() };
            let ended = entry.clone();
            let landing = self.update(move |state| {
                state.history_number = number;
                state.run = Some(ended.run);
                state.last_run = Some(Box::new(ended));
            });
            self.landed(landing).await?;
            let state = self.document();
            match history::record(request, entry, &state).await {
                Ok(Recorded::Written) => return Ok(number),
                Ok(Recorded::Taken) => number = history::last(request).await?.max(number) + 1,
                Err(error) => {
                    // The state holds all that is needed: the next holder writes the document.
                    tracing::warn!(lock = %request.lease.key(), %error, "the history document was not written");
                    return Ok(number);
                }
            }
        }
        Err(Error::new(
            Reason::StateConflict,
            format!("{} is taken by others, again and again", request.space.history(number)),
        ))
    }

    /// Waits until everything is written, without a history document (`lock run`, a run that was refused).
    pub async fn flush(&self) -> Result<()> {
        let landing = self.writer.pending();
        self.landed(landing).await
    }

    async fn landed(&self, landing: Landing) -> Result<()> {
        match landing.landed().await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.writer.orphaned(error).await),
        }
    }
}
