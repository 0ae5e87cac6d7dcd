//! Ports that live in memory, for tests: they obey the same laws as the real ones and fail when they are told to.
//!
//! They are deterministic: their time is a counter, their versions are what is weakest among the real ones.

mod locks;
mod objects;
mod secrets;

pub use locks::MemoryLocks;
pub use objects::MemoryObjects;
pub use secrets::MemorySecrets;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::object::{PortError, PortResult};

/// What goes wrong with one write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The write is not applied and answers this.
    Refuse(PortError),
    /// The write is applied and its answer gets lost.
    LoseAnswer,
    /// This write goes well.
    None,
}

/// The faults of the writes to come, in order.
#[derive(Debug, Default)]
struct Script(Mutex<VecDeque<Fault>>);

impl Script {
    fn push(&self, fault: Fault) {
        guard(&self.0).push_back(fault);
    }

    fn forget(&self) {
        guard(&self.0).clear();
    }

    /// Does a write as the script wants it.
    fn perform<T>(&self, write: impl FnOnce() -> PortResult<T>) -> PortResult<T> {
        let fault = guard(&self.0).pop_front().unwrap_or(Fault::None);
        match fault {
            Fault::None => write(),
            Fault::Refuse(error) => Err(error),
            Fault::LoseAnswer => {
                write()?;
                Err(PortError::Unavailable("the answer got lost".to_owned()))
            }
        }
    }
}

fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time that passes by one second with each write.
fn tick(writes: &mut u64) -> Timestamp {
    *writes += 1;
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_700_000_000 + i64::try_from(*writes).unwrap_or(0))
}
