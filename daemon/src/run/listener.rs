//! Tells a run's events what an engine tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use deployer_domain::engine::Listener;
use deployer_domain::name::ComponentId;
use deployer_domain::run::{Happening, OutputStream};

use super::owned::Run;

/// How many bytes of one component's output are recorded.
const RECORDED: usize = 16 << 20;
/// What a line costs beside its text.
const LINE: usize = 64;

/// Listens for one component, or for the command of `lock run`.
pub struct EventListener {
    run: Arc<Run>,
    component: Option<ComponentId>,
    recorded: AtomicUsize,
}

impl EventListener {
    /// Listens for a component; for none: for the command of `lock run`.
    pub fn new(run: Arc<Run>, component: Option<ComponentId>) -> Self {
        Self { run, component, recorded: AtomicUsize::new(0) }
    }

    fn tell(&self, stream: OutputStream, line: String) {
        self.run.tell(Happening::ComponentOutput { component: self.component.clone(), stream, line });
    }
}

impl Listener for EventListener {
    fn output(&self, stream: OutputStream, line: String) {
        let cost = line.len() + LINE;
        let before = self.recorded.fetch_add(cost, Ordering::Relaxed);
        if before + cost <= RECORDED {
            self.tell(stream, line);
        } else if before <= RECORDED {
            self.tell(OutputStream::Stderr, format!("[what follows is not recorded: {} MiB were]", RECORDED >> 20));
        }
    }

    fn progress(&self, message: String) {
        if let Some(component) = self.component.clone() {
            self.run.tell(Happening::ComponentProgress { component, message });
        }
    }
}
