//! The port to time. Domain functions take readings as arguments; only `operation` and `task` hold a clock.

use std::time::Duration;

use jiff::Timestamp;

/// One reading of the two clocks that leases are judged by, each counted from an origin of its own.
///
/// `boot` runs on while the machine is suspended (CLOCK_BOOTTIME, mach_continuous_time), `monotonic` may stop
/// (CLOCK_MONOTONIC). Readings of different machines are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseInstant {
    /// Since the machine's start, suspend included.
    pub boot: Duration,
    /// Since the machine's start, suspend excluded where the system does so.
    pub monotonic: Duration,
    /// The wall clock at the same moment.
    pub wall: Timestamp,
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;
    /// The clocks that leases are judged by.
    fn lease_now(&self) -> LeaseInstant;
}

impl LeaseInstant {
    /// The time that has surely passed since an earlier reading: what a waiter counts by.
    pub fn surely_since(self, earlier: Self) -> Duration {
        self.boot.saturating_sub(earlier.boot).min(self.monotonic.saturating_sub(earlier.monotonic))
    }

    /// The time that may have passed since an earlier reading, the wall clock's jumps included: what a holder counts
    /// by.
    pub fn perhaps_since(self, earlier: Self) -> Duration {
        let wall = Duration::try_from(self.wall.duration_since(earlier.wall)).unwrap_or_default();
        self.boot.saturating_sub(earlier.boot).max(self.monotonic.saturating_sub(earlier.monotonic)).max(wall)
    }

    /// How much of the time since an earlier reading the machine was suspended.
    pub fn suspended_since(self, earlier: Self) -> Duration {
        let boot = self.boot.saturating_sub(earlier.boot);
        boot.saturating_sub(self.monotonic.saturating_sub(earlier.monotonic))
    }
}
