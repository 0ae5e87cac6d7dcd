//! Leases at work: acquiring, beating on a thread of their own, releasing, and the sealed state that only the holder
//! of the lease may write.
//!
//! The order of one run, each step's failure being the run's end:
//!
//! 1. [`LeaseKeeper::acquire`], which waits as long as the caller said; from then on the lock beats by itself;
//! 2. what must be true *after* acquiring, such as the tenant's status and path: the caller checks it now;
//! 3. [`SealedState::open`], which seals `state.json` with the lease's token: nobody else can write it from here on;
//! 4. the engine: before each step [`HeldLease::gate`], before each operation an intent by [`SealedState::update`]
//!    (waited for), after it the result by `update` (need not be waited for);
//! 5. [`SealedState::finish`], then [`HeldLease::release`].
//!
//! **Invariant:** a lock that is held beats until it is released or lost, whatever the daemon is busy with.
//! **Invariant:** after acquiring, all that is written to a lock's item is written by one task, one after another.

mod acquire;
mod heartbeat;
mod held;
mod history;
mod keeper;
mod looks;
mod opening;
mod orphan;
mod persist;
mod queue;
mod sealed;
mod spool;
mod writer;

pub use held::HeldLease;
pub use keeper::{AcquireRequest, KeeperSettings, LeaseKeeper};
pub(crate) use persist::{Persistence, may_pass, persist};
pub use sealed::{Orphan, SealRequest, SealedState};
pub use writer::Landing;
