//! Decisions about leases, pure: every reading of a clock is an argument, every answer a value.
//!
//! A lease protects side effects (no two engines at once); the fencing token and the seal of the state protect the
//! data. See the lock design for why both are needed.
//!
//! **Invariant:** readings of two machines' clocks are never compared; a waiter judges by what it saw unchanged on its
//! own clock, counted from the receipt of what it saw, a holder by its own, counted from the sending of its beat.

mod acquire;
mod beat;
mod observe;
mod report;
mod standing;
mod timing;
mod unlock;

#[cfg(test)]
mod tests;

pub use acquire::{Acquisition, Moment, Patience, PreviousHold, Step, Waiting, poll_after};
pub use beat::{BeatAnswer, ReleaseAnswer, Tenure, judge_beat, judge_release};
pub use observe::Observation;
pub use report::{alive, held, holder, is_alive, lost, rights_end_soon, spell};
pub use standing::{GuardDeadline, HolderState, Proof};
pub use timing::LeaseTiming;
pub use unlock::{Unlock, UnlockStep};
