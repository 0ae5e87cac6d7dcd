//! Ctrl-C: ends the program, unless a command has claimed it.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit;
use crate::report::Report;

static CLAIMED: AtomicBool = AtomicBool::new(false);

/// Held by a command that answers to Ctrl-C itself.
///
/// One listener for the whole claim: one made anew for each wait would miss what is pressed in between.
#[derive(Debug)]
pub struct Claim(Option<Signal>);

impl Claim {
    /// Takes Ctrl-C over until it is dropped.
    pub fn new() -> Self {
        CLAIMED.store(true, Ordering::Relaxed);
        Self(listener())
    }

    /// Waits for the next Ctrl-C since the last one that was answered.
    pub async fn pressed(&mut self) {
        next(&mut self.0).await;
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
    let mut listener = listener();
    loop {
        next(&mut listener).await;
        if !CLAIMED.load(Ordering::Relaxed) {
            return Report::silent(exit::INTERRUPTED);
        }
    }
}

fn listener() -> Option<Signal> {
    signal(SignalKind::interrupt()).ok()
}

/// Without a listener the signal keeps its own effect: the program ends.
async fn next(listener: &mut Option<Signal>) {
    let heard = match listener {
        Some(signal) => signal.recv().await,
        None => None,
    };
    if heard.is_none() {
        std::future::pending::<()>().await;
    }
}
