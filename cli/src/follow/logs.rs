//! What a run's commands printed, as the answer.

use deployer_proto::v1::RunEvent;
use deployer_proto::v1::run_event::Event;

use super::Show;
use crate::output::Terminal;
use crate::report::Report;

/// `component | line` for every printed line.
pub struct Logs<'a>(pub &'a Terminal);

impl Show for Logs<'_> {
    fn event(&mut self, event: &RunEvent) -> Result<(), Report> {
        match &event.event {
            Some(Event::ComponentOutput(output)) => self.0.raw(&format!("{} | {}\n", output.component, output.line)),
            _ => Ok(()),
        }
    }

    fn say(&mut self, text: &str) {
        self.0.progress(&format!("{text}\n"));
    }
}
