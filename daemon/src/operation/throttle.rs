//! Slows repeated failures to sign in down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use deployer_domain::clock::Clock;
use deployer_domain::credential::Failures;
use tokio::sync::OwnedMutexGuard;

/// Far more names than one person mistypes; then the oldest are forgotten.
const MOST_NAMES: usize = 1000;

/// Counts failures in a row for each place and name.
#[derive(Default)]
pub(super) struct Throttle {
    names: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Failures>>>>,
}

/// One attempt; others for the same name wait until it is over.
pub(super) struct Attempt<'a> {
    failures: OwnedMutexGuard<Failures>,
    clock: &'a dyn Clock,
}

impl Throttle {
    /// Waits for its turn, and longer after failures in a row.
    pub(super) async fn attempt<'a>(&self, name: &str, clock: &'a dyn Clock) -> Attempt<'a> {
        let failures = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            if names.len() >= MOST_NAMES && !names.contains_key(name) {
                names.retain(|_, failures| Arc::strong_count(failures) > 1);
            }
            Arc::clone(names.entry(name.to_owned()).or_default())
        };
        let failures = failures.lock_owned().await;
        tokio::time::sleep(failures.delay(clock.lease_now())).await;
        Attempt { failures, clock }
    }
}

impl Attempt<'_> {
    /// Says how it ended.
    pub(super) fn ended(mut self, right: bool) {
        *self.failures = self.failures.after(right, self.clock.lease_now());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn the_fourth_attempt_waits_under_its_own_name_only() {
        let throttle = Throttle::default();
        for _ in 0..3 {
            throttle.attempt("a", &SystemClock).await.ended(false);
        }
        let begun = Instant::now();
        throttle.attempt("b", &SystemClock).await.ended(false);
        assert!(begun.elapsed().as_millis() < 1000);
        throttle.attempt("a", &SystemClock).await.ended(true);
        assert!(begun.elapsed().as_millis() >= 1000);
    }

    #[tokio::test]
    async fn an_attempt_waits_for_the_one_before_it() {
        let throttle = Arc::new(Throttle::default());
        let first = throttle.attempt("a", &SystemClock).await;
        let second = tokio::spawn({
            let throttle = Arc::clone(&throttle);
            async move { throttle.attempt("a", &SystemClock).await.ended(false) }
        });
        throttle.attempt("b", &SystemClock).await.ended(false);
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        first.ended(false);
        second.await.unwrap();
    }
}
