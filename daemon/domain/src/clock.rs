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
