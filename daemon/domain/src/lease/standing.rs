//! How firmly a holder holds its lease.

use std::time::Duration;

use crate::clock::LeaseInstant;

use super::LeaseTiming;

/// What a holder may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HolderState {
    /// The last good beat is fresh: everything.
    Held,
    /// Beats fail: running steps go on, no new step starts.
    Suspect,
    /// Nothing is proven any more: no side effects. The state may still be written, its chain of versions decides.
    Fenced,
    /// The lock is another's, for ever: commands are ended, only an orphan document may be written.
    Lost,
}

impl HolderState {
    /// Whether an engine may start a new step.
    pub const fn may_start(self) -> bool {
        matches!(self, Self::Held)
    }
}

/// What the guard of a child process needs to know: by when to stop it, and by when to end it. In boot time of this
/// machine, counted from the sending of the last good beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuardDeadline {
    /// From then on the process group is stopped, until a later deadline arrives.
    pub stop_at: Duration,
    /// From then on it is ended.
    pub end_at: Duration,
    /// The lock is lost: it is ended at once.
    pub lost: bool,
}

/// The last proof that the lease was ours: the sending of the last beat that landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// When that beat was sent.
    pub sent: LeaseInstant,
    /// The lease that it carried.
    pub lease: Duration,
    /// Whether a beat was refused by a foreign or a missing item since.
    pub lost: bool,
}

impl Proof {
    /// The proof after a beat that landed. What is lost stays lost.
    pub fn renewed(self, sent: LeaseInstant, lease: Duration) -> Self {
        Self { sent, lease, lost: self.lost }
    }

    /// What the holder may do now.
    pub fn standing(&self, now: LeaseInstant, timing: &LeaseTiming) -> HolderState {
        if self.lost {
            return HolderState::Lost;
        }
        let elapsed = now.perhaps_since(self.sent);
        let woken = now.suspended_since(self.sent) > timing.suspend_jump;
        if woken || elapsed >= timing.fenced_after(self.lease) {
            HolderState::Fenced
        } else if elapsed >= timing.suspect_after {
            HolderState::Suspect
        } else {
            HolderState::Held
        }
    }

    /// The deadline for child processes.
    pub fn guard(&self, timing: &LeaseTiming) -> GuardDeadline {
        GuardDeadline {
            stop_at: self.sent.boot + timing.fenced_after(self.lease),
            end_at: self.sent.boot + timing.child_ends_after(self.lease),
            lost: self.lost,
        }
    }
}
