//! Many at once: one lock that everybody wants, and one daemon that holds many locks. On both backends, with the real
//! programs; who holds a lock is judged by witnesses that know nothing of the product.
//!
//! These load the machine, so each runs alone: `.config/nextest.toml`, and [`alone`] elsewhere.
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail as loudly as the tests")]

mod crowd;
mod hundred;
mod items;
mod runs;
mod witness;

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use harness::aws::LocalAws;
use harness::scenes::Platform;

const TEAM: &str = "web-team";

fn on_the_embedded_backend() -> Platform {
    Platform::local().in_development()
}

fn on_aws() -> Platform {
    static AWS: LazyLock<LocalAws> = LazyLock::new(LocalAws::start);
    Platform::aws(&AWS).in_development()
}

/// Keeps the tests of one process apart.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}
