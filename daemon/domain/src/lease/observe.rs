//! What a waiter has seen of a lock, and for how long.

use std::time::Duration;

use crate::clock::LeaseInstant;
use crate::lock::{LockItem, LockMark};

use super::LeaseTiming;

/// One lock as a waiter saw it: since when it is unchanged, on the waiter's own clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    mark: LockMark,
    needed: Duration,
    since: LeaseInstant,
    moved: bool,
}

impl Observation {
    /// Notes what was read. `received` is when the answer had arrived; `before` is what is known from earlier reads.
    pub fn note(before: Option<&Self>, item: &LockItem, received: LeaseInstant, timing: &LeaseTiming) -> Self {
        let mark = item.mark();
        let needed = needed(item, timing);
        match before {
            Some(before) if before.mark == mark => Self { mark, needed, ..before.clone() },
            before => Self { mark, needed, since: received, moved: before.is_some() },
        }
    }

    /// How long it is still to be watched before its holder counts as dead; zero when it does.
    pub fn left(&self, now: LeaseInstant) -> Duration {
        self.needed.saturating_sub(self.watched(now))
    }

    /// For how long it has been seen unchanged.
    pub fn watched(&self, now: LeaseInstant) -> Duration {
        now.surely_since(self.since)
    }

    /// Whether it was seen to change before, so that somebody lived then, whatever clocks say.
    pub fn has_moved(&self) -> bool {
        self.moved
    }

    /// The mark that was seen.
    pub fn mark(&self) -> &LockMark {
        &self.mark
    }
}

fn needed(item: &LockItem, timing: &LeaseTiming) -> Duration {
    if item.is_legacy() {
        return timing.legacy_lease;
    }
    // An item without a readable lease gets the default; one beyond all bounds is no reason to wait for ever.
    let lease = item.lease_ms().map_or(timing.lease, Duration::from_millis).min(timing.longest_lease);
    lease + timing.guard
}
