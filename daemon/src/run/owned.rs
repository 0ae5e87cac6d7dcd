//! A run that this daemon owns, or still remembers.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use deployer_domain::backend::BackendAddress;
use deployer_domain::change::{Owner, What};
use deployer_domain::clock::Clock;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::name::{RunId, TenantId};
use deployer_domain::run::{Handover, Happening, RunEvent, RunFinished, RunSummary};
use tokio_util::sync::CancellationToken;

use super::log::{EventLog, Now, Watcher};
use super::recover::{self, Place};
use super::registry::RunRegistry;
use crate::changes::Changes;

/// One run.
pub struct Run {
    pub(super) id: RunId,
    owner: Owner,
    changes: Arc<Changes>,
    pub(super) directory: PathBuf,
    pub(super) log: Arc<EventLog>,
    cancel: CancellationToken,
    pub(super) worth_keeping: CancellationToken,
    /// Whether this incarnation looks after it, from its beginning or since it took it over.
    pub(super) attended: AtomicBool,
    clock: Arc<dyn Clock>,
}

impl Run {
    /// A run of a registry; whether it is attended says whether this incarnation looks after it.
    pub(super) fn of(registry: &RunRegistry, id: RunId, place: &Place, log: EventLog, attended: bool) -> Self {
        Self {
            id,
            owner: Owner { backend: place.backend.clone(), tenant: place.tenant.clone() },
            changes: Arc::clone(&registry.settings.changes),
            directory: registry.directory(id),
            log: Arc::new(log),
            cancel: CancellationToken::new(),
            worth_keeping: CancellationToken::new(),
            attended: AtomicBool::new(attended),
            clock: Arc::clone(&registry.clock),
        }
    }

    /// Its id.
    pub fn id(&self) -> RunId {
        self.id
    }

    /// Whether it belongs to this tenant of this backend.
    pub fn is_of(&self, backend: &BackendAddress, tenant: &TenantId) -> bool {
        self.owner.backend == *backend && self.owner.tenant == *tenant
    }

    /// What it is now.
    pub fn summary(&self) -> RunSummary {
        self.log.summary()
    }

    /// Follows its events after a sequence number.
    pub fn watch(&self, after: u64) -> Watcher {
        self.log.watch(after)
    }

    /// The events so far.
    pub fn events(&self) -> io::Result<Vec<RunEvent>> {
        let mut watcher = self.log.watch(0);
        let mut events = Vec::new();
        while let Now::There(line) = watcher.next_line_now()? {
            events.push(line.event()?);
        }
        Ok(events)
    }

    /// Writes down what a later incarnation may know of it.
    pub fn hand_over(&self, handover: &Handover) -> Result<()> {
        recover::hand_over(&self.directory, handover).map_err(|error| cannot_begin(&self.directory, &error))
    }

    /// Waits until it is over.
    pub async fn over(&self) {
        self.log.over().await;
    }

    /// Tells something that happened in it.
    pub fn tell(&self, what: Happening) {
        let may_change = what.may_change_summary();
        self.log.append(self.clock.now(), what);
        if may_change {
            self.tell_change();
        }
    }

    pub(super) fn tell_change(&self) {
        self.changes.tell_with(|| What::Run(self.owner.clone(), self.summary()));
    }

    /// How long it has been going on, in milliseconds of the wall clock: more than one daemon may have worked at it.
    pub fn age_ms(&self) -> u64 {
        let age = self.clock.now().duration_since(self.summary().started).as_millis();
        u64::try_from(age).unwrap_or(0)
    }

    /// Ends it.
    pub fn finish(&self, finished: RunFinished) {
        self.tell(Happening::Finished(finished));
    }

    /// Asks it to end gracefully. Asking twice, or too late, does nothing.
    pub fn cancel(&self, actor: &str) {
        if self.log.is_over() || self.cancel.is_cancelled() {
            return;
        }
        self.tell(Happening::Cancelling { actor: actor.to_owned() });
        self.cancel.cancel();
    }

    /// Fires when it is to end gracefully.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.cancel
    }

    /// A private directory for as long as it lives.
    pub fn directory(&self) -> &PathBuf {
        &self.directory
    }

    /// The file whose lock says that processes of it are alive.
    pub fn alive_file(&self) -> PathBuf {
        recover::alive_file(&self.directory)
    }

    pub(super) fn mark_archived(&self) {
        let _ = std::fs::write(recover::archived_mark(&self.directory), b"");
    }

    pub(super) fn waits_to_be_archived(&self) -> bool {
        self.log.is_over() && !recover::archived_mark(&self.directory).exists()
    }
}

/// A run whose files cannot be written.
pub(super) fn cannot_begin(directory: &Path, error: &io::Error) -> Error {
    // A full or a foreign disk is no defect of the program.
    Error::new(Reason::BackendUnavailable, "the run cannot be begun")
        .caused_by(format!("cannot write to {}: {error}", directory.display()))
        .hint("check the space on the disk and who may write there; DEPLOYER_STATE_DIR names another place")
}
