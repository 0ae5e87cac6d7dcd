//! Slows repeated failures to sign in down.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use deployer_domain::credential::{FAILURES_FORGOTTEN, delay_after};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

/// Far more names than one person mistypes; then the oldest are forgotten.
const MOST_NAMES: usize = 1000;

#[derive(Default)]
struct Failures {
    in_a_row: u32,
    last: Option<Instant>,
}

/// Counts failures in a row for each place and name.
#[derive(Default)]
pub(super) struct Throttle {
    names: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Failures>>>>,
}

/// One attempt; others for the same name wait until it is over.
pub(super) struct Attempt(OwnedMutexGuard<Failures>);

impl Throttle {
    /// Waits for its turn, and longer after failures in a row.
    pub(super) async fn attempt(&self, name: &str) -> Attempt {
        let failures = {
            let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
            if names.len() >= MOST_NAMES && !names.contains_key(name) {
                names.retain(|_, failures| Arc::strong_count(failures) > 1);
            }
            Arc::clone(names.entry(name.to_owned()).or_default())
        };
        let mut failures = failures.lock_owned().await;
        if failures.last.is_some_and(|last| last.elapsed() >= FAILURES_FORGOTTEN) {
            *failures = Failures::default();
        }
        tokio::time::sleep(delay_after(failures.in_a_row)).await;
        Attempt(failures)
    }
}

impl Attempt {
    /// Says how it ended.
    pub(super) fn ended(mut self, right: bool) {
        if right {
            *self.0 = Failures::default();
        } else {
            self.0.in_a_row = self.0.in_a_row.saturating_add(1);
            self.0.last = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn fail(throttle: &Throttle, name: &str) -> Duration {
        let begun = Instant::now();
        throttle.attempt(name).await.ended(false);
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn repeated_failures_wait_and_a_success_forgives_them() {
        let throttle = Throttle::default();
        for _ in 0..3 {
            assert_eq!(fail(&throttle, "a").await, Duration::ZERO);
        }
        assert_eq!(fail(&throttle, "a").await.as_secs(), 1);
        assert_eq!(fail(&throttle, "a").await.as_secs(), 2);
        assert_eq!(fail(&throttle, "b").await, Duration::ZERO);
        throttle.attempt("a").await.ended(true);
        assert_eq!(fail(&throttle, "a").await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_forgotten_after_a_while() {
        let throttle = Throttle::default();
        for _ in 0..5 {
            fail(&throttle, "a").await;
        }
        tokio::time::advance(FAILURES_FORGOTTEN).await;
        assert_eq!(fail(&throttle, "a").await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_at_once_do_not_get_around_it() {
        let throttle = Arc::new(Throttle::default());
        let begun = Instant::now();
        let mut attempts = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let throttle = Arc::clone(&throttle);
            attempts.spawn(async move { throttle.attempt("a").await.ended(false) });
        }
        while attempts.join_next().await.is_some() {}
        assert_eq!(begun.elapsed().as_secs(), 1 + 2 + 4);
    }
}
