//! Acquires locks and keeps them.

use std::sync::Arc;
use std::time::Duration;

use deployer_domain::backend::Backend;
use deployer_domain::clock::Clock;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{LockKey, StackSpace};
use deployer_domain::lease::{LeaseTiming, PreviousHold, Waiting};
use deployer_domain::name::RunId;
use tokio::sync::mpsc;
use ulid::Ulid;

use super::HeldLease;

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
}

impl LeaseKeeper {
    /// Starts the thread that all heartbeats live on.
    pub fn start(settings: KeeperSettings) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { settings }))
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
        Vec::new()
    }

    /// Acquires a lock.
    ///
    /// Fails with `LOCK_HELD`, which names the holder, or with what the backend says. Dropping the future gives the
    /// lock back if it was just acquired.
    pub async fn acquire(self: &Arc<Self>, request: AcquireRequest) -> Result<HeldLease> {
        drop(request);
        Err(Error::new(Reason::Internal, "locks cannot be acquired yet"))
    }
}
