//! A run as it happens: a live tree on a terminal, plain lines elsewhere, JSON lines with `-o json`.
//!
//! The first Ctrl-C asks the run to end gracefully, the second one leaves it alone: it goes on in the daemon.

mod lines;
mod logs;
mod passed;
mod progress;
mod tree;

use std::time::Duration;

use deployer_proto::v1::run_event::Event;
use deployer_proto::v1::run_service_client::RunServiceClient;
use deployer_proto::v1::{CancelRunRequest, Run, RunEvent, RunFinished, RunStatus};
use tonic::Streaming;
use tonic::transport::Channel;

use crate::args::{Format, Owner};
use crate::exit::{self, Exit};
use crate::guest::Guest;
use crate::interrupt::Claim;
use crate::output::{escape, value};
use crate::report::Report;

/// How often elapsed times move on.
const TICK: Duration = Duration::from_millis(250);

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Its components' progress.
    Progress,
    /// What its commands printed, and nothing else, as the answer.
    Logs,
    /// The output of the one command of `lock run`, as if it had been run directly.
    Passed,
}

/// Something that shows events.
trait Show {
    /// Shows one event.
    fn event(&mut self, event: &RunEvent) -> Result<(), Report>;
    /// Moves elapsed times on.
    fn tick(&mut self) {}
    /// Says something in between.
    fn say(&mut self, text: &str);
    /// Leaves the screen in order.
    fn end(&mut self) {}
}

/// A run that came to its end.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The run as its first event told it.
    pub run: Run,
    /// Its last event.
    pub finished: RunFinished,
}

impl Ended {
    /// Answers the run's exit code, as an error where there is something to explain.
    pub fn exit(&self, guest: &Guest) -> Result<Exit, Report> {
        if self.finished.status() == RunStatus::Succeeded {
            return Ok(exit::DONE);
        }
        let report = match &self.finished.error {
            Some(error) if self.run.id.is_empty() => Report::from(error.clone()),
            Some(error) => {
                Report::from(error.clone()).hint(format!("its whole output: `deployer run logs {}`", self.run.id))
            }
            None => self.unexplained(),
        };
        // The last line of JSON holds the same report.
        if guest.terminal.format == Format::Json { Err(Report::silent(report.exit())) } else { Err(report) }
    }

    fn unexplained(&self) -> Report {
        let place = format!("{}/{}", self.run.stack, self.run.environment);
        let (reason, what) = match self.finished.status() {
            RunStatus::Cancelled => ("CANCELLED", "was cancelled"),
            RunStatus::LockLost => ("LOCK_LOST", "lost its lock to another holder"),
            RunStatus::Interrupted => ("ENGINE_FAILED", "was interrupted: the daemon ended in its middle"),
            _ => ("ENGINE_FAILED", "failed"),
        };
        Report::new(reason, format!("the run on {place} {what}"))
            .hint(format!("see what happened: `deployer run logs {}`", self.run.id))
    }
}

/// Shows a run until it ends, or until Ctrl-C was pressed twice.
pub async fn to_the_end(guest: &Guest, events: Streaming<RunEvent>, view: View, owner: Owner) -> Result<Ended, Report> {
    following(guest, events, (view, owner), Patience::Always).await
}

/// The same for a run that was just started: where nobody is at the terminal, an approval is not waited for.
pub async fn started(guest: &Guest, events: Streaming<RunEvent>) -> Result<Ended, Report> {
    let patience = if guest.terminal.interactive { Patience::Always } else { Patience::NotForApproval };
    following(guest, events, (View::Progress, Owner::default()), patience).await
}

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    Always,
    NotForApproval,
}

async fn following(
    guest: &Guest,
    events: Streaming<RunEvent>,
    (view, owner): (View, Owner),
    patience: Patience,
) -> Result<Ended, Report> {
    let mut shown = show(guest, view);
    let mut following = Following { guest, events, owner, run: None, patience, wishes_to_cancel: false, pressed: 0 };
    let ended = following.ended(&mut *shown).await;
    shown.end();
    ended
}

fn show<'a>(guest: &'a Guest, view: View) -> Box<dyn Show + 'a> {
    let terminal = &guest.terminal;
    match view {
        _ if terminal.format == Format::Json => Box::new(lines::Json(terminal)),
        View::Logs => Box::new(logs::Logs(terminal)),
        View::Passed => Box::new(passed::Passed(terminal)),
        View::Progress if terminal.live && !terminal.quiet => Box::new(tree::Tree::new(terminal)),
        View::Progress => Box::new(lines::Lines::new(terminal)),
    }
}

/// How long a cancellation may still take after its caller has pressed Ctrl-C again.
const MOMENT: Duration = Duration::from_secs(2);

struct Following<'a> {
    guest: &'a Guest,
    events: Streaming<RunEvent>,
    owner: Owner,
    run: Option<Run>,
    patience: Patience,
    wishes_to_cancel: bool,
    pressed: u32,
}

impl Following<'_> {
    async fn ended(&mut self, shown: &mut dyn Show) -> Result<Ended, Report> {
        let mut claim = Claim::new();
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                event = self.events.message() => match event.map_err(|status| self.lost(status))? {
                    Some(event) => {
                        shown.event(&event)?;
                        self.awaits_approval(&event, shown)?;
                        if let Some(ended) = self.noted(event) {
                            return Ok(ended);
                        }
                    }
                    None => return Err(self.lost(tonic::Status::unavailable("the stream ended"))),
                },
                () = claim.pressed() => self.pressed(shown)?,
                _ = ticks.tick() => shown.tick(),
            }
            let id = self.run.as_ref().map(|run| run.id.clone());
            if let (true, Some(id)) = (self.wishes_to_cancel, id) {
                self.wishes_to_cancel = false;
                if self.left_while_cancelling(id, shown, &mut claim).await {
                    self.pressed(shown)?;
                }
            }
        }
    }

    fn noted(&mut self, event: RunEvent) -> Option<Ended> {
        match event.event? {
            Event::Started(started) => self.run = started.run,
            Event::Finished(finished) => {
                return Some(Ended { run: self.run.clone().unwrap_or_default(), finished });
            }
            _ => {}
        }
        None
    }

    /// Says who can do what about an approval, and leaves the run alone where nobody is there to wait for it.
    fn awaits_approval(&self, event: &RunEvent, shown: &mut dyn Show) -> Result<(), Report> {
        let (Some(Event::AwaitingApproval(awaited)), Some(run)) = (&event.event, &self.run) else { return Ok(()) };
        if self.patience == Patience::NotForApproval {
            return Err(not_approved(run, &awaited.expires));
        }
        shown.say(&format!("Another person approves it with: deployer approvals approve {}", escape::line(&run.id)));
        Ok(())
    }

    fn pressed(&mut self, shown: &mut dyn Show) -> Result<(), Report> {
        self.pressed += 1;
        if self.pressed == 1 {
            self.wishes_to_cancel = true;
            shown.say(match self.guest.globals.is_private() {
                false => "Cancelling; Ctrl-C again to leave it.",
                true => "Cancelling; Ctrl-C again not to wait.",
            });
            return Ok(());
        }
        if let (Some(run), false) = (&self.run, self.guest.globals.is_private()) {
            shown.say("The run goes on. Watch it:");
            shown.say(&format!("  deployer run attach {}", escape::line(&run.id)));
        }
        Err(Report::silent(exit::INTERRUPTED))
    }

    /// Cancels; answers whether Ctrl-C was pressed again meanwhile. A daemon that is slow to answer must not swallow that, but
    /// it gets a moment: whoever leaves was told that the run is being cancelled.
    async fn left_while_cancelling(&self, id: String, shown: &mut dyn Show, claim: &mut Claim) -> bool {
        let mut cancel = std::pin::pin!(self.cancel(id, shown));
        tokio::select! {
            () = &mut cancel => return false,
            () = claim.pressed() => {}
        }
        let _too_slow = tokio::time::timeout(MOMENT, cancel).await;
        true
    }

    async fn cancel(&self, id: String, shown: &mut dyn Show) {
        if let Err(report) = cancelled(self.guest, &self.owner, id).await {
            let why = report.error().map(|error| error.message.clone()).unwrap_or_default();
            shown.say(&format!("Could not cancel: {}", escape::line(&why)));
        }
    }

    fn lost(&self, status: tonic::Status) -> Report {
        let report = Report::from(status);
        let (Some(run), exit::UNREACHABLE) = (&self.run, report.reason()) else { return report };
        let causes = report.error().map(|error| error.causes.clone()).unwrap_or_default();
        let lost = Report::unreachable(format!("lost the daemon during run {}", run.id));
        causes.into_iter().fold(lost, Report::caused_by).hint(format!(
            "see what became of it: `deployer run attach {}`; what happened: `deployer daemon logs`",
            run.id
        ))
    }
}

/// What is told of a run that waits for its approval to somebody who does not wait.
pub fn not_approved(run: &Run, expires: &str) -> Report {
    let what = format!("run {} on {}/{} waits for another person's approval", run.id, run.stack, run.environment);
    Report::new("APPROVAL_REQUIRED", what)
        .fact("Until", value::second(expires))
        .hint(format!("another person looks at it and approves it: `deployer approvals approve {}`", run.id))
        .hint(format!("it then starts by itself, or with `deployer run attach {}`", run.id))
}

/// Asks a run to end gracefully.
pub async fn cancelled(guest: &Guest, owner: &Owner, id: String) -> Result<Run, Report> {
    let request = CancelRunRequest { context: guest.call(owner.mode())?, id, tenant: owner.tenant() };
    let answer = client(guest).await?.cancel(request).await?.into_inner();
    Ok(answer.run.unwrap_or_default())
}

/// The way to runs.
pub async fn client(guest: &Guest) -> Result<RunServiceClient<Channel>, Report> {
    Ok(RunServiceClient::new(guest.channel().await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_without_words_still_has_its_exit_code() {
        let ended = |status: RunStatus| Ended {
            run: Run { id: "01JD".to_owned(), ..Run::default() },
            finished: RunFinished { status: status.into(), ..RunFinished::default() },
        };
        assert_eq!(ended(RunStatus::Failed).unexplained().exit(), exit::FAILED);
        assert_eq!(ended(RunStatus::Cancelled).unexplained().exit(), exit::INTERRUPTED);
        assert_eq!(ended(RunStatus::LockLost).unexplained().exit(), Exit(6));
        assert_eq!(ended(RunStatus::Interrupted).unexplained().exit(), exit::FAILED);
    }
}
