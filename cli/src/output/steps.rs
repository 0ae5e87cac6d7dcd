//! What happens during a sign-in or a tenant change: `├── step... ✓`.

use deployer_proto::v1::Step;

use super::{Terminal, escape, paint};

/// The steps that are shown so far.
#[derive(Debug)]
pub struct Steps<'a> {
    terminal: &'a Terminal,
    closing: &'static str,
    shown: bool,
}

impl<'a> Steps<'a> {
    /// Announces what is about to happen, such as `Creating tenant...`, and how it closes when all went well.
    pub fn new(terminal: &'a Terminal, title: &str, closing: &'static str) -> Self {
        terminal.progress(&format!("\n{title}\n"));
        Self { terminal, closing, shown: false }
    }

    /// Shows a finished step.
    pub fn done(&mut self, step: &Step) {
        if step.name == self.closing {
            return;
        }
        self.shown = true;
        self.terminal.progress(&format!("├── {}... {}\n", escape::line(&step.name), paint::green("✓")));
    }

    /// Closes the tree with a success.
    pub fn succeeded(self) {
        let closing = self.closing;
        self.closed(closing);
    }

    /// Closes the tree with a success of another kind.
    pub fn closed(self, closing: &str) {
        self.terminal.progress(&format!("└── {closing} {}\n", paint::green("✓")));
    }

    /// Closes the tree with a failure; the error itself follows elsewhere.
    pub fn failed(self) {
        if self.shown {
            self.terminal.progress(&format!("└── Failed {}\n", paint::red("✗")));
        }
    }
}
