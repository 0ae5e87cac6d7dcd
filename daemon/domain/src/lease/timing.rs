//! How long things take in the lock protocol.

use std::time::Duration;

/// The protocol's durations. The defaults are the design's; [`LeaseTiming::scaled`] keeps their ratios, for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTiming {
    /// From one heartbeat to the next, ± 10 %.
    pub beat_every: Duration,
    /// From a failed heartbeat to the next attempt.
    pub beat_retry: Duration,
    /// How long one request may take.
    pub attempt: Duration,
    /// How long one operation may take with its retries.
    pub operation: Duration,
    /// Without a good beat for this long a holder starts no new step.
    pub suspect_after: Duration,
    /// The lease: how long a waiter must see the item unchanged.
    pub lease: Duration,
    /// The most that a lease may be raised to.
    pub longest_lease: Duration,
    /// What a waiter adds to the lease.
    pub guard: Duration,
    /// The holder gives up its side effects this long before its lease ends.
    pub margin: Duration,
    /// The guard of a child process ends it this long before the lease ends.
    pub child_margin: Duration,
    /// The lease of an item that an older tool wrote.
    pub legacy_lease: Duration,
    /// How long past `LockExpiry` a caller that refuses to wait may take over.
    pub expiry_grace: Duration,
    /// Between the two looks of a forced unlock.
    pub unlock_look: Duration,
    /// How long the next acquirer waits after a forced unlock.
    pub unlock_delay: Duration,
    /// The shortest time between two polls of a waiter.
    pub poll_min: Duration,
    /// The longest time between two polls of a waiter.
    pub poll_max: Duration,
    /// Rights that end sooner than this leave a lock with the longest lease behind.
    pub stretch_before: Duration,
    /// Rights that end sooner than this are not enough for a run.
    pub rights_needed: Duration,
    /// A heartbeat that starts this much too late is worth a warning.
    pub late_beat: Duration,
    /// How often a holder looks at its clocks between beats.
    pub tick: Duration,
    /// How much more the boot clock may have advanced than the monotonic one before it counts as a suspend.
    pub suspend_jump: Duration,
}

impl Default for LeaseTiming {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl LeaseTiming {
    /// The design's durations.
    pub const DEFAULT: Self = Self {
        beat_every: Duration::from_secs(10),
        beat_retry: Duration::from_secs(2),
        attempt: Duration::from_millis(2500),
        operation: Duration::from_secs(5),
        suspect_after: Duration::from_secs(20),
        lease: Duration::from_secs(60),
        longest_lease: Duration::from_secs(900),
        guard: Duration::from_secs(5),
        margin: Duration::from_secs(20),
        child_margin: Duration::from_secs(5),
        legacy_lease: Duration::from_secs(3600),
        expiry_grace: Duration::from_secs(300),
        unlock_look: Duration::from_secs(25),
        unlock_delay: Duration::from_secs(45),
        poll_min: Duration::from_secs(2),
        poll_max: Duration::from_secs(10),
        stretch_before: Duration::from_secs(45),
        rights_needed: Duration::from_secs(300),
        late_beat: Duration::from_secs(2),
        tick: Duration::from_secs(1),
        suspend_jump: Duration::from_secs(1),
    };

    /// Shortens (or lengthens) every duration by one factor, so that their ratios stay. A factor that is not a
    /// positive number is taken as 1.
    pub fn scaled(self, factor: f64) -> Self {
        let factor = if factor.is_finite() && factor > 0.0 { factor } else { 1.0 };
        let s = |d: Duration| d.mul_f64(factor);
        Self {
            beat_every: s(self.beat_every),
            beat_retry: s(self.beat_retry),
            attempt: s(self.attempt),
            operation: s(self.operation),
            suspect_after: s(self.suspect_after),
            lease: s(self.lease),
            longest_lease: s(self.longest_lease),
            guard: s(self.guard),
            margin: s(self.margin),
            child_margin: s(self.child_margin),
            legacy_lease: s(self.legacy_lease),
            expiry_grace: s(self.expiry_grace),
            unlock_look: s(self.unlock_look),
            unlock_delay: s(self.unlock_delay),
            poll_min: s(self.poll_min),
            poll_max: s(self.poll_max),
            stretch_before: s(self.stretch_before),
            rights_needed: s(self.rights_needed),
            late_beat: s(self.late_beat),
            tick: s(self.tick),
            suspend_jump: s(self.suspend_jump),
        }
    }

    /// The lease in milliseconds, as the item carries it.
    pub fn lease_ms(&self) -> u64 {
        millis(self.lease)
    }

    /// After how long without a good beat the holder's engine may no longer act.
    pub fn fenced_after(&self, lease: Duration) -> Duration {
        lease.saturating_sub(self.margin).max(self.suspect_after)
    }

    /// After how long without a good beat a child process is ended.
    pub fn child_ends_after(&self, lease: Duration) -> Duration {
        lease.saturating_sub(self.child_margin)
    }
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_designs() {
        let timing = LeaseTiming::default();
        assert_eq!(timing.lease_ms(), 60_000);
        assert_eq!(timing.fenced_after(timing.lease), Duration::from_secs(40));
        assert_eq!(timing.child_ends_after(timing.lease), Duration::from_secs(55));
        assert_eq!(timing.fenced_after(timing.longest_lease), Duration::from_secs(880));
    }

    #[test]
    fn scaling_keeps_the_ratios() {
        let timing = LeaseTiming::default().scaled(0.02);
        assert_eq!(timing.lease_ms(), 1200);
        assert_eq!(timing.fenced_after(timing.lease), Duration::from_millis(800));
        assert_eq!(timing.beat_every, Duration::from_millis(200));
        assert_eq!(LeaseTiming::default().scaled(f64::NAN), LeaseTiming::default());
        assert_eq!(LeaseTiming::default().scaled(-1.0), LeaseTiming::default());
    }
}
