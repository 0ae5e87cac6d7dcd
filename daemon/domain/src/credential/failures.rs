//! How repeated failures to sign in are slowed down.

use std::time::Duration;

use crate::clock::LeaseInstant;

/// After so long without a failure the earlier ones are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(15 * 60);

/// The failures in a row under one name.
#[derive(Debug, Clone, Copy, Default)]
pub struct Failures {
    in_a_row: u32,
    last: Option<LeaseInstant>,
}

impl Failures {
    /// How long the next attempt waits: the first three not at all, then one second and twice as long each time, up to
    /// 16 seconds.
    pub fn delay(&self, now: LeaseInstant) -> Duration {
        let forgotten = self.last.is_none_or(|last| now.surely_since(last) >= FORGOTTEN_AFTER);
        match self.in_a_row {
            0..=2 => Duration::ZERO,
            _ if forgotten => Duration::ZERO,
            failures => Duration::from_secs(1 << (failures - 3).min(4)),
        }
    }

    /// Counts how an attempt ended; one that was right forgives all before it.
    #[must_use]
    pub fn after(self, right: bool, now: LeaseInstant) -> Self {
        if right {
            return Self::default();
        }
        let forgotten = self.last.is_some_and(|last| now.surely_since(last) >= FORGOTTEN_AFTER);
        let before = if forgotten { 0 } else { self.in_a_row };
        Self { in_a_row: before.saturating_add(1), last: Some(now) }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn at(seconds: u64) -> LeaseInstant {
        let passed = Duration::from_secs(seconds);
        LeaseInstant { boot: passed, monotonic: passed, wall: Timestamp::UNIX_EPOCH }
    }

    fn failed(times: u32) -> Failures {
        (0..times).fold(Failures::default(), |failures, _| failures.after(false, at(0)))
    }

    #[test]
    fn failures_in_a_row_wait_longer_and_longer_up_to_a_bound() {
        let seconds: Vec<u64> = (0..10).map(|times| failed(times).delay(at(0)).as_secs()).collect();
        assert_eq!(seconds, [0, 0, 0, 1, 2, 4, 8, 16, 16, 16]);
    }

    #[test]
    fn a_success_forgives_them() {
        assert_eq!(failed(5).after(true, at(0)).delay(at(0)), Duration::ZERO);
    }

    #[test]
    fn they_are_forgotten_after_a_while() {
        let later = FORGOTTEN_AFTER.as_secs();
        assert_eq!(failed(5).delay(at(later - 1)).as_secs(), 4);
        assert_eq!(failed(5).delay(at(later)), Duration::ZERO);
        assert_eq!(failed(5).after(false, at(later)).delay(at(later)), Duration::ZERO);
    }
}
