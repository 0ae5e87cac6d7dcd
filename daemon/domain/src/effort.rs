//! How long the processor worked for a test; what else the machine does meanwhile is no part of it.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The work of this thread from here on.
pub(crate) struct Effort(Duration);

impl Effort {
    pub(crate) fn begin() -> Self {
        Self(worked())
    }

    pub(crate) fn so_far(&self) -> Duration {
        worked() - self.0
    }
}

fn worked() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}
