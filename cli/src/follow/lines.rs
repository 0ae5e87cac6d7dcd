//! Plain lines where no picture can be drawn, and JSON lines.

use deployer_proto::v1::RunEvent;
use deployer_proto::v1::run_event::Event;

use super::Show;
use super::progress::{self, doing, finished};
use crate::commands::history::operation;
use crate::output::{Terminal, escape, value};
use crate::report::Report;

/// One line an event, on stderr.
pub struct Lines<'a> {
    terminal: &'a Terminal,
}

impl<'a> Lines<'a> {
    /// Starts with nothing.
    pub fn new(terminal: &'a Terminal) -> Self {
        Self { terminal }
    }
}

impl Show for Lines<'_> {
    fn event(&mut self, event: &RunEvent) -> Result<(), Report> {
        if let Some(line) = event.event.as_ref().and_then(line) {
            self.terminal.progress(&format!("{line}\n"));
        }
        Ok(())
    }

    fn say(&mut self, text: &str) {
        self.terminal.progress(&format!("{text}\n"));
    }
}

/// An event as one line; nothing for what needs no line.
fn line(event: &Event) -> Option<String> {
    let line = match event {
        Event::Started(started) => {
            let run = started.run.clone().unwrap_or_default();
            let what = operation(run.operation());
            let text = format!("Run {} started: {what} {}/{}", run.id, run.stack, run.environment);
            escape::line(&text).into_owned()
        }
        Event::Waiting(waiting) => format!("Waiting for {}", escape::line(&waiting.r#for)),
        Event::AwaitingApproval(awaited) => {
            let until = value::second(&awaited.expires);
            format!("Waiting for another person's approval, until {}", escape::line(&until))
        }
        Event::Approved(approved) => progress::approved(approved),
        Event::Plan(_) => return None,
        Event::ComponentStarted(started) => {
            format!("{}... {}", escape::line(&started.component), doing(started.action()))
        }
        Event::ComponentProgress(progress) => {
            format!("{}: {}", escape::line(&progress.component), escape::line(&progress.message))
        }
        Event::ComponentOutput(output) => {
            format!("{} | {}", escape::line(&output.component), escape::line(&output.line))
        }
        Event::ComponentFinished(over) => {
            let line = finished(&escape::line(&over.component), over.action(), over.result(), over.duration_ms);
            if over.reason.is_empty() { line } else { format!("{line}: {}", escape::line(&over.reason)) }
        }
        Event::LeaseChanged(lease) => progress::lease(lease),
        Event::Resumed(resumed) => format!("Going on after its daemon ended, for {}", escape::line(&resumed.actor)),
        Event::Cancelling(cancelling) => format!("Cancelling, asked by {}", escape::line(&cancelling.actor)),
        Event::Finished(_) => return None,
    };
    Some(line)
}

/// One JSON line an event, on stdout.
pub struct Json<'a>(pub &'a Terminal);

impl Show for Json<'_> {
    fn event(&mut self, event: &RunEvent) -> Result<(), Report> {
        self.0.json_line(event)
    }

    fn say(&mut self, _text: &str) {}
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::{
        Action, ComponentFinished, ComponentOutput, ComponentResult, LeaseChanged, Operation, Run, RunStarted,
    };

    use super::*;
    use crate::output::paint::Look;

    fn plain(event: &Event) -> String {
        Look::plain().finish(&line(event).unwrap_or_default())
    }

    #[test]
    fn each_event_is_a_line_that_names_its_component() {
        let run = Run {
            id: "01JD".to_owned(),
            stack: "demo".to_owned(),
            environment: "development".to_owned(),
            operation: Operation::Apply.into(),
            ..Run::default()
        };
        let started = Event::Started(RunStarted { run: Some(run), ..RunStarted::default() });
        assert_eq!(plain(&started), "Run 01JD started: apply demo/development");
        let output = ComponentOutput {
            component: "email.migrate".to_owned(),
            line: "a\u{1b}b".to_owned(),
            ..Default::default()
        };
        assert_eq!(plain(&Event::ComponentOutput(output)), "email.migrate | a\\eb");
        let lost = LeaseChanged { state: "LOST".to_owned(), message: "the lock is another's".to_owned() };
        assert_eq!(plain(&Event::LeaseChanged(lost)), "✗ Lock LOST: the lock is another's");
        let over = ComponentFinished {
            component: "email.migrate".to_owned(),
            action: Action::Update.into(),
            result: ComponentResult::Failed.into(),
            reason: "exited with 1".to_owned(),
            duration_ms: 300,
        };
        assert_eq!(plain(&Event::ComponentFinished(over)), "email.migrate... ✗ failed 0.3s: exited with 1");
    }
}
