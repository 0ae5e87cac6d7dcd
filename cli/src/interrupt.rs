//! Ctrl-C: ends the program, unless a command has claimed it.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::exit;
use crate::report::Report;

static CLAIMED: AtomicBool = AtomicBool::new(false);

/// Held by a command that answers to Ctrl-C itself.
#[derive(Debug)]
pub struct Claim(());

impl Claim {
    /// Takes Ctrl-C over until it is dropped.
    pub fn new() -> Self {
        CLAIMED.store(true, Ordering::Relaxed);
        Self(())
    }

    /// Waits for the next Ctrl-C.
    pub async fn pressed(&self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Default for Claim {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        CLAIMED.store(false, Ordering::Relaxed);
    }
}

/// Waits for a Ctrl-C that nobody has claimed.
pub async fn unclaimed() -> Report {
    loop {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        if !CLAIMED.load(Ordering::Relaxed) {
            return Report::silent(exit::INTERRUPTED);
        }
    }
}
