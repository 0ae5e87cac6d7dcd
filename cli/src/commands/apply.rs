//! `deployer apply`, and what it shares with destroy.

use deployer_proto::v1::run_event::Event;
use deployer_proto::v1::{
    ErrorReport, Mode, Operation, Plan, PlanOptions, PlanRequest, Run, RunEvent, RunFinished, RunStarted, RunStatus,
    StackTarget, StartRunRequest,
};

use crate::Outcome;
use crate::args::{Format, TargetArgs, seconds};
use crate::commands::{history, outputs, plan};
use crate::exit;
use crate::follow::{self, Ended};
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, escape, value};
use crate::prompt;
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A plan that `plan --out` has saved: exactly that is run, without a question, or nothing
    #[arg(value_name = "FILE", conflicts_with_all = ["service", "component", "replace"])]
    pub plan_file: Option<String>,
    /// Which stack.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Make this component anew (can be repeated)
    #[arg(long, value_name = "SERVICE.COMPONENT")]
    pub replace: Vec<String>,
    /// How it runs.
    #[command(flatten)]
    pub how: RunArgs,
}

// What all runs can be told.
#[derive(Debug, Clone, clap::Args)]
pub struct RunArgs {
    /// Confirm: do not ask
    #[arg(short, long, visible_alias = "auto-approve")]
    pub yes: bool,
    /// Start the run and leave it alone; prints its id
    #[arg(long)]
    pub detach: bool,
    /// How long to wait for the lock, such as 30m [default: not at all]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub wait: Option<u32>,
    /// Skip the delay after a forced unlock
    #[arg(long)]
    pub no_delay: bool,
}

/// A run to be planned, confirmed and started.
#[derive(Debug, Clone)]
pub struct Job {
    /// Where.
    pub target: StackTarget,
    /// What.
    pub options: PlanOptions,
    /// The plan file that is run instead.
    pub plan_file: Option<String>,
    /// How.
    pub how: RunArgs,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let options = PlanOptions { operation: Operation::Apply.into(), replace: args.replace, ..PlanOptions::default() };
    let (target, plan_file) = (args.target.target(&guest.surroundings), args.plan_file);
    Job { target, options, plan_file, how: args.how }.run(guest).await
}

impl Job {
    /// Plans, asks, starts and follows; a plan that went stale is asked about again.
    pub async fn run(mut self, guest: &Guest) -> Outcome {
        if self.how.detach && guest.globals.is_private() {
            return Err(Report::usage("nothing can be detached without the background daemon")
                .hint("leave out --detach, or run it where the daemon may run (without --no-daemon and CI=true)"));
        }
        loop {
            let plan = plan::made(guest, self.to_be_planned()).await?;
            if !self.confirmed(guest, &plan).await? {
                return Ok(exit::DONE);
            }
            // What was confirmed is what runs, also if the defaults change meanwhile.
            self.target.stack.clone_from(&plan.stack);
            self.target.environment.clone_from(&plan.environment);
            self.options.rollback_to = plan.rollback_to;
            let events = match self.started(guest, &plan).await {
                Err(report) if report.error().is_some_and(is_stale) && self.asks(guest) => {
                    changed(guest);
                    continue;
                }
                started => started?,
            };
            if self.how.detach {
                return detached(guest, events, plan.needs_approval).await;
            }
            let ended = follow::started(guest, events).await?;
            if ended.finished.error.as_ref().is_some_and(is_stale) && self.asks(guest) {
                changed(guest);
                continue;
            }
            let exit = ended.exit(guest)?;
            return finished(guest, &ended).map(|()| exit);
        }
    }

    fn to_be_planned(&self) -> PlanRequest {
        PlanRequest {
            target: Some(self.target.clone()),
            options: Some(self.options.clone()),
            plan_file: self.plan_file.clone().unwrap_or_default(),
            // The run asks the engines itself; who says yes beforehand does not wait for them twice.
            brief: self.how.yes,
            ..PlanRequest::default()
        }
    }

    /// Whether somebody is there who can be asked again.
    fn asks(&self, guest: &Guest) -> bool {
        guest.terminal.interactive && !self.how.yes && self.plan_file.is_none()
    }

    /// Shows the plan and asks; answers false where there is nothing to do.
    async fn confirmed(&self, guest: &Guest, plan: &Plan) -> Result<bool, Report> {
        if !plan.changes && plan.refusals.is_empty() {
            // While somebody is at work there, or may be, nothing to do is only what it looks like: the run itself waits, or
            // says who.
            if !plan.locked_by.is_empty() || plan.lock_unknown {
                return Ok(true);
            }
            unchanged(guest, plan)?;
            return Ok(false);
        }
        guest.terminal.progress(&format!("\n{}\n", plan::render(plan, &guest.terminal.err)));
        if self.how.yes {
            return Ok(true);
        }
        if let Some(first) = plan.refusals.first() {
            let refused = Report::new("POLICY_DENIED", format!("{}/{}: {first}", plan.stack, plan.environment))
                .hint("`deployer tenant details` shows what the tenant may do; a platform admin may change it");
            return Err(plan.refusals.iter().skip(1).cloned().fold(refused, Report::caused_by));
        }
        let place = format!("{}/{}", plan.stack, plan.environment);
        if plan.operation() == Operation::Destroy {
            let typed = prompt::TypedName { kind: "the stack's name", name: &plan.stack, flag: "--yes" };
            prompt::confirm_by_name(guest, false, typed, &format!("destroying {place}")).await?;
        } else if self.plan_file.is_some() {
            // Whoever saved the plan has seen it, and nothing else will be run.
            return Ok(true);
        } else if guest.terminal.format == Format::Json {
            // Nobody can judge a plan that was not shown.
            let what = doing(plan.operation());
            return Err(Report::usage(format!("{what} {place} as JSON needs --yes")).hint("confirm it with --yes"));
        } else {
            prompt::confirm(guest, false, &format!("{} {place}", doing(plan.operation()))).await?;
        }
        Ok(true)
    }

    async fn started(&self, guest: &Guest, plan: &Plan) -> Result<tonic::Streaming<RunEvent>, Report> {
        let mut request = StartRunRequest {
            context: guest.call_with_commands(Mode::Tenant)?,
            target: Some(self.target.clone()),
            options: Some(self.options.clone()),
            wait_seconds: self.how.wait.unwrap_or_default(),
            no_delay: self.how.no_delay,
            ..StartRunRequest::default()
        };
        match &self.plan_file {
            Some(file) => request.plan_file.clone_from(file),
            None => {
                request.plan_digest.clone_from(&plan.digest);
                request.accept_changed_plan = self.how.yes;
                request.proposals = plan::proposals(plan);
            }
        }
        Ok(follow::client(guest).await?.start(request).await?.into_inner())
    }
}

fn doing(operation: Operation) -> &'static str {
    match operation {
        Operation::Rollback => "rolling back",
        _ => "applying",
    }
}

fn is_stale(error: &ErrorReport) -> bool {
    error.reason == "PLAN_STALE"
}

fn changed(guest: &Guest) {
    guest.terminal.warn("The plan has changed since you saw it; this is the new one.");
}

/// A machine gets the same records as from a run: first the version, then the plan, last a summary.
fn unchanged(guest: &Guest, plan: &Plan) -> Result<(), Report> {
    if guest.terminal.format == Format::Text {
        return if guest.terminal.quiet {
            Ok(())
        } else {
            guest.terminal.text(&plan::render(plan, &guest.terminal.out))
        };
    }
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let finished = RunFinished { status: RunStatus::Succeeded.into(), counts: plan.counts, ..RunFinished::default() };
    let events = [
        Event::Started(RunStarted { format_version: 1, version, run: None }),
        Event::Plan(plan.clone()),
        Event::Finished(finished),
    ];
    for (sequence, event) in (1..).zip(events) {
        let time = guest.terminal.out.now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        guest.terminal.json_line(&RunEvent { sequence, time, event: Some(event) })?;
    }
    Ok(())
}

async fn detached(guest: &Guest, mut events: tonic::Streaming<RunEvent>, needs_approval: bool) -> Outcome {
    let mut waiting = Run::default();
    while let Some(RunEvent { event, .. }) = events.message().await? {
        match event {
            Some(Event::Started(started)) => {
                let run = started.run.unwrap_or_default();
                let text = if needs_approval { |_: &Run, _: &Look| String::new() } else { render_detached };
                guest.terminal.answer(&run, &Shapes { quiet: |run| run.id.clone(), text })?;
                if !needs_approval {
                    return Ok(exit::DONE);
                }
                waiting = run;
            }
            Some(Event::AwaitingApproval(awaited)) => return Err(follow::not_approved(&waiting, &awaited.expires)),
            Some(Event::Finished(finished)) => return Ended { run: Run::default(), finished }.exit(guest),
            _ => {}
        }
    }
    Err(Report::unreachable("the daemon did not say whether the run has started").hint("look: `deployer run list`"))
}

fn render_detached(run: &Run, look: &Look) -> String {
    let mut page = Page::new(look);
    page.done(&format!("Run {} has started: {}/{}", run.id, run.stack, run.environment));
    page.line(&format!("Watch it: deployer run attach {}", escape::line(&run.id)));
    page.text()
}

/// Says how a run went that went well.
pub fn finished(guest: &Guest, ended: &Ended) -> Result<(), Report> {
    match guest.terminal.format {
        Format::Json => Ok(()),
        _ if guest.terminal.quiet => guest.terminal.quiet_value(&ended.run.id),
        _ => guest.terminal.text(&render(ended, &guest.terminal.out)),
    }
}

fn render(ended: &Ended, look: &Look) -> String {
    let (run, finished) = (&ended.run, &ended.finished);
    let done = match run.operation() {
        Operation::Destroy => "Destroyed",
        Operation::Rollback => "Rolled back",
        Operation::LockRun => "Done on",
        _ => "Applied",
    };
    let mut page = Page::new(look);
    page.rule().done(&format!("{done} {}/{}", run.stack, run.environment)).blank();
    page.field("Changes", &history::changes(finished.counts));
    page.field("Took", &value::milliseconds(finished.duration_ms)).field("Run", &run.id);
    if finished.history_number > 0 {
        page.field("History", &format!("#{}", finished.history_number));
    }
    if !finished.outputs.is_empty() {
        page.section("Outputs");
        for output in &finished.outputs {
            page.sub(&outputs::name(output), outputs::value(output));
        }
    }
    page.rule();
    page.text()
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::{NamedOutput, PlanCounts};

    use super::*;

    #[test]
    fn a_finished_run_ends_with_its_outputs() {
        let output = NamedOutput {
            component: "email.api".to_owned(),
            name: "url".to_owned(),
            value: "http://x".to_owned(),
            sensitive: false,
        };
        let ended = Ended {
            run: Run {
                id: "01JD".to_owned(),
                stack: "demo".to_owned(),
                environment: "development".to_owned(),
                operation: Operation::Apply.into(),
                ..Run::default()
            },
            finished: RunFinished {
                status: RunStatus::Succeeded.into(),
                counts: Some(PlanCounts { create: 2, ..PlanCounts::default() }),
                duration_ms: 1234,
                history_number: 3,
                outputs: vec![output],
                ..RunFinished::default()
            },
        };
        assert_eq!(
            Look::plain().finish(&render(&ended, &Look::plain())),
            "────────────────────────────────────────────────\n\
             ✓ Applied demo/development\n\
             \n\
             Changes: +2\n\
             Took: 1.2s\n\
             Run: 01JD\n\
             History: #3\n\
             \n\
             Outputs:\n\
             \x20 email.api.url: http://x\n\
             ────────────────────────────────────────────────\n"
        );
    }
}
