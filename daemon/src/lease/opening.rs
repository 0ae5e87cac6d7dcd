//! Sealing a state: from reading it to the first write under our own fence.

use std::time::Duration;

use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::object::{ETag, PortError, PortResult, WriteIf};
use deployer_domain::port_error::{Attempted, explain};
use deployer_domain::seal::{self, SealStep};
use deployer_domain::state::StateDocument;
use ulid::Ulid;

use super::history;
use super::orphan::{self, REQUEST};
use super::persist::{answered, may_pass};
use super::sealed::{Orphan, SealRequest};

/// So often a seal is tried again after another's write came first. Each turn needs somebody else's write.
const TURNS: usize = 20;
/// Before a seal whose answer stayed open is looked for.
const PAUSE: Duration = Duration::from_millis(200);

/// A sealed state.
pub(super) struct Opened {
    pub state: StateDocument,
    pub etag: ETag,
    pub orphans: Vec<Orphan>,
}

/// One seal at work.
pub(super) struct Opening<'a> {
    request: &'a SealRequest,
    tried: Vec<Ulid>,
}

/// The state as it was found.
struct Found {
    state: StateDocument,
    version: Option<ETag>,
}

impl<'a> Opening<'a> {
    pub(super) fn new(request: &'a SealRequest) -> Self {
        Self { request, tried: Vec::new() }
    }

    pub(super) async fn run(mut self) -> Result<Opened> {
        let request = self.request;
        // Both only read, or write what is missing from the past: they need not wait for each other.
        let (sealed, orphans) = tokio::join!(self.seal(), orphan::list(request));
        let (state, etag) = sealed?;
        Ok(Opened { state, etag, orphans: orphans? })
    }

    async fn seal(&mut self) -> Result<(StateDocument, ETag)> {
        let lease = &self.request.lease;
        for _ in 0..TURNS {
            let found = self.find().await?;
            let there = found.version.is_some().then_some(&found.state);
            match (seal::seal_step(there, lease.core().fence(), &self.tried), found.version) {
                (SealStep::Raise(fence), _) => lease.raise(fence).await?,
                (SealStep::Sealed, Some(etag)) => return Ok((found.state, etag)),
                (_, version) => {
                    if let Some(sealed) = self.put(found.state, version).await? {
                        return Ok(sealed);
                    }
                }
            }
        }
        let message = format!("{} cannot be sealed: each attempt came to nothing", self.request.space.state());
        Err(Error::new(Reason::StateConflict, message).hint("find out who writes it without holding the lock"))
    }

    async fn find(&self) -> Result<Found> {
        let space = &self.request.space;
        let (objects, key) = (&self.request.backend.objects, space.state());
        let read = orphan::patiently(|| objects.read(&key)).await;
        let Some(object) = read.attempted(format!("read {key}"), &self.request.backend.place.address)? else {
            let histories = history::numbers(self.request).await?.len();
            if histories > 0 {
                return Err(seal::vanished(space, histories));
            }
            let lock = space.lock().clone();
            let state = StateDocument::empty(lock.tenant, lock.stack, lock.environment);
            return Ok(Found { state, version: None });
        };
        let mut state = seal::parse(&object.bytes, space)?;
        seal::refuse_closed(&state)?;
        if state.format_version == 0 {
            state.history_number = state.history_number.max(history::last(self.request).await?);
        }
        Ok(Found { state, version: Some(object.etag) })
    }

    /// Writes the seal once; nothing when it has to be looked at again.
    async fn put(&mut self, mut state: StateDocument, version: Option<ETag>) -> Result<Option<(StateDocument, ETag)>> {
        self.request.lease.gate().await?;
        let core = self.request.lease.core();
        let id = core.ulid();
        self.tried.push(id);
        let before = state.clone();
        seal::stamp(&mut state, core.fence(), id, &self.request.written_by, core.clock.now());
        let bytes = seal::spell(&state)?;
        let condition = version.map_or(WriteIf::Absent, WriteIf::Unchanged);
        let key = self.request.space.state();
        let write = answered(REQUEST, self.request.backend.objects.write(&key, bytes, condition));
        let (written, ()) = tokio::join!(write, self.complete(&before));
        Ok(self.judge(written).await?.map(|etag| (state, etag)))
    }

    async fn judge(&self, written: PortResult<ETag>) -> Result<Option<ETag>> {
        match written {
            Ok(etag) => Ok(Some(etag)),
            Err(PortError::Conflict | PortError::Gone) => Ok(None),
            Err(error) if may_pass(&error) => {
                tokio::time::sleep(PAUSE).await;
                Ok(None)
            }
            Err(error) => {
                let what = format!("seal {}", self.request.space.state());
                Err(explain(error, what, &self.request.backend.place.address))
            }
        }
    }

    /// Writes the last run's history document where its author could not.
    async fn complete(&self, state: &StateDocument) {
        let Some(entry) = state.last_run.as_deref().filter(|entry| entry.number == state.history_number) else {
            return;
        };
        if let Err(error) = history::record(self.request, entry.clone(), state).await {
            tracing::warn!(lock = %self.request.lease.key(), %error, "a missing history document was not written");
        }
    }
}
