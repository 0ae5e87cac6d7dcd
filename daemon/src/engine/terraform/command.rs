//! One command of Terraform's under the run's guard: what it prints becomes events, one SIGINT asks it to stop.

use std::collections::BTreeMap;
use std::path::PathBuf;

use deployer_domain::engine::{EngineResult, Failure, Listener};
use deployer_domain::run::{OutputStream, Redactor};
use deployer_domain::terraform::{Event, Told};
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::super::guard::message::Ending;
use super::super::process::{ChildEvent, ChildStart, Guard};

/// A line that is nearly as long as this may go on in the next one.
const PIECE: usize = 64 * 1024 - 4;
/// How much of one line is put together.
const LONGEST: usize = 16 << 20;

/// What all commands on one component have in common.
pub(super) struct Commands<'a> {
    pub guard: &'a Guard,
    pub program: PathBuf,
    pub directory: PathBuf,
    pub environment: BTreeMap<String, SecretString>,
    pub redactor: &'a Redactor,
    pub cancel: &'a CancellationToken,
    pub listener: &'a dyn Listener,
}

/// How a command ended that was not cut off.
#[derive(Debug)]
pub(super) struct Ended {
    pub code: i32,
    pub told: Told,
    /// What it printed that is no event.
    pub lines: Vec<String>,
}

impl Commands<'_> {
    /// Runs a command to its end. A cancelled run sends it one SIGINT and waits for as long as it takes to stop.
    pub async fn run(&self, arguments: Vec<String>) -> EngineResult<Ended> {
        if self.cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        let mut child = self.guard.spawn(ChildStart {
            program: self.program.display().to_string(),
            arguments,
            directory: self.directory.clone(),
            environment: self.environment.clone(),
            ending: Ending::Interrupt,
        });
        let mut hearing = Hearing { commands: self, piece: String::new(), told: Told::default(), lines: Vec::new() };
        let mut asked = false;
        let exit = loop {
            tokio::select! {
                event = child.next() => match event {
                    ChildEvent::Line(_, text) => hearing.take(text),
                    ChildEvent::Refused(why) => return Err(Failure::Failed(format!("it could not be started: {why}"))),
                    ChildEvent::Exited(exit) => break exit,
                },
                () = self.cancel.cancelled(), if !asked => {
                    asked = true;
                    child.stop();
                    self.listener.progress("asked to stop: it ends what it has begun, and stores what it knows".to_owned());
                }
            }
        };
        let Hearing { told, lines, .. } = hearing;
        match exit.code {
            _ if exit.by_deadline => Err(Failure::CutOff),
            // What ended well in spite of the request was done.
            Some(code) if !asked || code == 0 => Ok(Ended { code, told, lines }),
            _ if asked => Err(Failure::Cancelled),
            _ => Err(Failure::Failed(format!("it was ended by signal {}", exit.signal.unwrap_or_default()))),
        }
    }
}

struct Hearing<'a> {
    commands: &'a Commands<'a>,
    piece: String,
    told: Told,
    lines: Vec<String>,
}

impl Hearing<'_> {
    fn take(&mut self, text: String) {
        let long = text.len() >= PIECE;
        let line = if self.piece.is_empty() { text } else { std::mem::take(&mut self.piece) + &text };
        match Event::parse(&line) {
            Some(event) => self.hear(&event),
            None if long && line.starts_with('{') && line.len() < LONGEST => self.piece = line,
            None => self.lines.push(self.commands.redactor.redact(line)),
        }
    }

    fn hear(&mut self, event: &Event) {
        let (listener, redact) = (self.commands.listener, |text: String| self.commands.redactor.redact(text));
        match event {
            Event::Progress(text) => listener.progress(redact(text.clone())),
            Event::Output(text) => listener.output(OutputStream::Stdout, redact(text.clone())),
            Event::Diagnostic(diagnostic) => {
                let kind = if diagnostic.error { "Error" } else { "Warning" };
                let text = redact(format!("{kind}: {diagnostic}"));
                listener.output(OutputStream::Stderr, text);
            }
            Event::Summary(summary) if summary.operation == "plan" => {
                let text = summary.to_string();
                if !text.is_empty() {
                    listener.progress(text);
                }
            }
            _ => {}
        }
        self.told.take(event);
    }
}

impl Ended {
    /// Fails where the command did, with its first error.
    pub fn success(self, redactor: &Redactor) -> EngineResult<Self> {
        match self.code {
            // 2 is how a plan says that there is something to do.
            0 | 2 => Ok(self),
            code => {
                let why = self.told.reason().map(|reason| redactor.redact(reason)).or_else(|| first_error(&self.lines));
                Err(Failure::Failed(why.unwrap_or_else(|| format!("exit code {code}"))))
            }
        }
    }
}

/// The first error in what was printed for people, such as by `init`.
fn first_error(lines: &[String]) -> Option<String> {
    let bare = |line: &String| line.trim_start_matches(['│', '╷', '╵', ' ']).trim().to_owned();
    let lines: Vec<String> = lines.iter().map(bare).filter(|line| !line.is_empty()).collect();
    match lines.iter().position(|line| line.starts_with("Error: ")) {
        Some(at) => Some(
            lines[at..].iter().take(5).map(String::as_str).collect::<Vec<_>>().join(" ").replacen("Error: ", "", 1),
        ),
        None => lines.last().cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_for_people_is_told_in_one_line() {
        let lines = [
            "",
            "╷",
            "│ Error: Failed to query available provider packages",
            "│ ",
            "│ Could not retrieve",
            "│ the list",
            "╵",
        ];
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let told = first_error(&lines).unwrap();
        assert_eq!(told, "Failed to query available provider packages Could not retrieve the list");
        assert_eq!(first_error(&[]), None);
    }
}
