//! The clocks of this machine.

use std::time::Duration;

use deployer_domain::clock::{Clock, LeaseInstant};
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// Reads the machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn lease_now(&self) -> LeaseInstant {
        LeaseInstant { boot: boot(), monotonic: awake(), wall: Timestamp::now() }
    }
}

/// Runs on while the machine is suspended.
fn boot() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return reading(ClockId::Boottime);
    // On macOS CLOCK_MONOTONIC runs on during sleep, as mach_continuous_time does.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    return reading(ClockId::Monotonic);
}

/// Stops while the machine is suspended.
fn awake() -> Duration {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return reading(ClockId::Monotonic);
    // `Instant` counts mach_absolute_time on macOS, which stops during sleep.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        static ORIGIN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
        ORIGIN.elapsed()
    }
}

fn reading(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lease_clocks_advance() {
        let before = SystemClock.lease_now();
        while SystemClock.lease_now().monotonic == before.monotonic {
            std::hint::spin_loop();
        }
        let after = SystemClock.lease_now();
        assert!(after.boot > before.boot && after.monotonic > before.monotonic);
    }
}
