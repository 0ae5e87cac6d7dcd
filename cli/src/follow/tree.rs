//! The live tree on a terminal.

use deployer_proto::v1::RunEvent;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::Show;
use super::progress::{Frame, Progress};
use crate::output::Terminal;
use crate::report::Report;
use crate::terminal_mode::TerminalMode;

/// Redraws the picture of a run in place.
pub struct Tree<'a> {
    terminal: &'a Terminal,
    progress: Progress,
    bar: ProgressBar,
    begun: bool,
    _silent: TerminalMode,
}

impl<'a> Tree<'a> {
    /// Starts with an empty screen.
    pub fn new(terminal: &'a Terminal) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(12));
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        Self { terminal, progress: Progress::default(), bar, begun: false, _silent: TerminalMode::without_echo() }
    }

    fn picture(&self, width: Option<usize>, height: Option<usize>) -> String {
        let lines = self.progress.lines(Frame { width, height, now: Timestamp::now() });
        self.terminal.err.finish(&lines.join("\n"))
    }
}

impl Show for Tree<'_> {
    fn event(&mut self, event: &RunEvent) -> Result<(), Report> {
        self.progress.note(event);
        self.begun = true;
        self.tick();
        Ok(())
    }

    fn tick(&mut self) {
        if self.begun {
            let (rows, columns) = self.terminal.size_now();
            self.bar.set_message(self.picture(Some(columns.saturating_sub(1)), Some(rows.saturating_sub(2))));
            self.bar.tick();
        }
    }

    fn say(&mut self, text: &str) {
        self.progress.say(text);
        self.begun = true;
        self.tick();
    }

    fn end(&mut self) {
        self.bar.finish_and_clear();
        if self.begun {
            self.terminal.progress(&format!("{}\n", self.picture(None, None)));
        }
    }
}
