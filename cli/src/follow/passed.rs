//! The output of one command under a lock, as if it had been run directly.

use deployer_proto::v1::run_event::Event;
use deployer_proto::v1::{OutputStream, RunEvent};

use super::Show;
use crate::output::{Terminal, escape, paint};
use crate::report::Report;

/// Its lines go where they went: stdout to stdout, stderr to stderr.
pub struct Passed<'a>(pub &'a Terminal);

impl Show for Passed<'_> {
    fn event(&mut self, event: &RunEvent) -> Result<(), Report> {
        match &event.event {
            Some(Event::ComponentOutput(output)) => {
                let line = format!("{}\n", output.line);
                match output.stream() {
                    OutputStream::Stderr => self.0.raw_error(&line),
                    _ => self.0.raw(&line)?,
                }
            }
            Some(Event::Waiting(waiting)) => {
                self.0.progress(&format!("Waiting for {}\n", escape::line(&waiting.r#for)));
            }
            Some(Event::LeaseChanged(lease)) => {
                let text = format!("⚠ Lock {}: {}", escape::line(&lease.state), escape::line(&lease.message));
                self.0.progress(&format!("{}\n", paint::yellow(text)));
            }
            _ => {}
        }
        Ok(())
    }

    fn say(&mut self, text: &str) {
        self.0.progress(&format!("{text}\n"));
    }
}
