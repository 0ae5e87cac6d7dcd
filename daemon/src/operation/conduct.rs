//! The course of an apply or a destroy from the lock to its last event.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use deployer_domain::caller::Caller;
use deployer_domain::engine::Engine;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::object::{PortError, WriteIf};
use deployer_domain::plan::{Deployed, Plan};
use deployer_domain::port_error::explain;
use deployer_domain::run::{Happening, Report, RunFinished, RunStatus, ShownPlan, named_outputs};
use deployer_domain::schedule::Stop;
use deployer_domain::state::{Action, EngineKind, HistoryEntry};

use super::Ports;
use super::authorise::TenantAccess;
use super::blueprint::Blueprint;
use super::commands::Commands;
use super::record::{AuditOf, Recorder};
use super::start_run::{StartRun, confirmed, nothing_to_do};
use super::under_lock::{Locked, Locking};
use crate::run::{Executed, Execution, Revision, Run};

/// All that a run needs from its start on.
pub struct Conductor {
    /// The outside world.
    pub ports: Ports,
    /// Who asked.
    pub caller: Caller,
    /// As whom.
    pub access: TenantAccess,
    /// What plans are made of.
    pub blueprint: Blueprint,
    /// What was asked.
    pub request: StartRun,
    /// The run.
    pub run: Arc<Run>,
    /// How many commands run at once.
    pub parallelism: usize,
}

impl Conductor {
    /// Conducts the run to its end, whatever happens.
    pub async fn conduct(self) {
        let begun = Instant::now();
        let mut finished = match self.under_lock(begun).await {
            Ok(Some(finished)) => finished,
            Ok(None) => return,
            Err(error) => failed(&error),
        };
        finished.duration_ms = milliseconds(begun);
        self.run.finish(finished);
    }

    /// Answers how it ended, or nothing where the end was told already.
    async fn under_lock(&self, begun: Instant) -> Result<Option<RunFinished>> {
        let locking = Locking {
            ports: &self.ports,
            caller: &self.caller,
            access: &self.access,
            run: &self.run,
            space: &self.blueprint.space,
            operation: self.blueprint.operation,
            wait: self.request.wait,
            no_delay: self.request.no_delay,
        };
        let locked = locking.lock().await?;
        let worked = self.work(&locked, begun).await;
        let lost = matches!(&worked, Ok(Some(finished)) if finished.status == RunStatus::LockLost);
        let released = locked.release(&self.ports).await;
        if let Err(error) = released
            && !lost
        {
            tracing::warn!(%error, run = %self.run.id(), "the lock was not released");
        }
        worked
    }

    async fn work(&self, locked: &Locked, begun: Instant) -> Result<Option<RunFinished>> {
        let state = locked.state.document();
        let plan = Arc::new(self.blueprint.plan(&locked.access, &state)?);
        confirmed(&self.request, &plan)?;
        if !plan.has_records() {
            locked.state.flush().await?;
            nothing_to_do(&self.run, &plan, &state);
            return Ok(None);
        }
        if let Some(refusal) = self.blueprint.policies(&plan).into_iter().next() {
            return Err(refusal);
        }
        let shown = ShownPlan::of(&plan, self.blueprint.operation, Vec::new());
        self.run.tell(Happening::Plan(Box::new(shown)));
        let recorder = self.recorder(&locked.access).await;
        let intent = recorder.intent(&self.ports).await?;
        let worked = match self.prepare(&plan, locked).await {
            Ok(commands) => Ok(self.carry_out(plan, locked, commands).await),
            Err(error) => Err(error),
        };
        let finished = self.finish(worked, locked, &recorder, begun).await;
        let result = finished.error.clone().map_or(Ok(()), |report| Err(Error::from(report)));
        recorder.result(&self.ports, intent, &result).await;
        Ok(Some(finished))
    }

    async fn recorder(&self, access: &TenantAccess) -> Recorder {
        let lock = self.blueprint.space.lock();
        let subject = format!("{}/{} run {}", lock.stack, lock.environment, self.run.id());
        let action = match self.blueprint.operation {
            deployer_domain::run::RunOperation::Destroy => "run.destroy",
            _ => "run.apply",
        };
        let of = AuditOf::Tenant(access.space.clone());
        Recorder::new(&access.backend, &self.caller, of, action, &subject).await
    }

    /// Stores the source and starts the guard, at the same time.
    async fn prepare(&self, plan: &Plan, locked: &Locked) -> Result<Commands> {
        let removes = plan.steps.iter().any(|step| {
            matches!(step.action, Action::Delete | Action::Replace)
                && step.deployed.as_ref().is_some_and(|deployed| {
                    let read = Deployed::read(&step.component, deployed);
                    matches!(read, Ok(Deployed::Command(command)) if command.destroy.is_some())
                })
        });
        let (commands, ()) = tokio::try_join!(
            Commands::start(super::commands::Start {
                ports: &self.ports,
                caller: &self.caller,
                access: &locked.access,
                space: &self.blueprint.space,
                run: &self.run,
                lease: &locked.lease,
                directory: self.blueprint.loaded.as_ref().map(|loaded| loaded.files.directory.clone()),
                source: if removes { locked.state.view(|state| state.source.clone()) } else { None },
                secrets: plan.resolver.values().secrets().cloned().collect(),
            }),
            self.store_source(locked)
        )?;
        Ok(commands)
    }

    async fn store_source(&self, locked: &Locked) -> Result<()> {
        let Some(source) = &self.blueprint.source else { return Ok(()) };
        let known = locked.state.view(|state| state.source.as_deref() == Some(&source.hash.to_string()));
        let Some(archive) = source.archive.clone().filter(|_| !known) else { return Ok(()) };
        let key = self.blueprint.space.source(&source.hash.0);
        let backend = &locked.access.backend;
        let mut again = true;
        loop {
            match backend.objects.write(&key, archive.clone(), WriteIf::Absent).await {
                // It is named by its content: what is there is the same.
                Ok(_) | Err(PortError::Conflict) => return Ok(()),
                Err(PortError::Unavailable(_)) if again => again = false,
                Err(error) => return Err(explain(error, "store the source", &backend.place.address)),
            }
        }
    }

    async fn carry_out(&self, plan: Arc<Plan>, locked: &Locked, commands: Commands) -> Executed {
        let engine: Arc<dyn Engine> = Arc::new(commands.engine(self.run.cancelled().clone()));
        let execution = Execution {
            run: Arc::clone(&self.run),
            plan,
            key: self.blueprint.key.clone(),
            lease: Arc::clone(&locked.lease),
            state: Arc::clone(&locked.state),
            engines: HashMap::from([(EngineKind::Command, engine)]),
            parallelism: self.parallelism,
            clock: Arc::clone(&self.ports.clock),
        };
        let executed = execution.carry_out().await;
        commands.end().await;
        executed
    }

    /// Writes the final state with its history, and says how the run ended.
    async fn finish(
        &self,
        worked: Result<Executed>,
        locked: &Locked,
        recorder: &Recorder,
        begun: Instant,
    ) -> RunFinished {
        let mut finished = match worked {
            Ok(executed) => summarise(&executed),
            Err(error) => failed(&error),
        };
        let entry = self.entry(&finished, recorder, begun).await;
        match locked.state.finish(entry).await {
            Ok(number) => finished.history_number = number,
            Err(error) => {
                if error.reason == Reason::LockLost {
                    finished.status = RunStatus::LockLost;
                } else if finished.error.is_none() {
                    finished.status = RunStatus::Failed;
                }
                finished.error = Some(Report::from(&error));
            }
        }
        finished.outputs = locked.state.view(named_outputs);
        finished
    }

    async fn entry(&self, finished: &RunFinished, recorder: &Recorder, begun: Instant) -> HistoryEntry {
        let directory = self.blueprint.loaded.as_ref().map(|loaded| loaded.files.directory.clone());
        let revision = match directory {
            Some(directory) => super::blocking(move || Ok(Revision::of(&directory))).await.unwrap_or_default(),
            None => Revision::default(),
        };
        let who = recorder.who();
        let summary = self.run.summary();
        HistoryEntry {
            number: 0,
            run: summary.id,
            operation: summary.operation.as_str().to_owned(),
            actor: who.actor.clone(),
            principal: who.identity.as_ref().map(|identity| identity.principal.clone()).unwrap_or_default(),
            why: None,
            git_commit: revision.commit,
            git_branch: revision.branch,
            started: summary.started,
            duration_ms: milliseconds(begun),
            result: finished.status.result(),
            message: finished.error.as_ref().map(|report| report.message.clone()),
            counts: finished.counts,
        }
    }
}

/// How a run ended whose plan was carried out as far as that was possible.
fn summarise(executed: &Executed) -> RunFinished {
    let (status, error) = match executed.stop {
        Some(Stop::LockLost) => {
            let error = Error::new(Reason::LockLost, "the lock was lost while the run was at work")
                .hint("what was done is kept beside the state; the next run takes it up: apply again");
            (RunStatus::LockLost, Some(error))
        }
        _ if executed.broken.is_some() => (RunStatus::Failed, executed.broken.clone()),
        Some(Stop::Cancelled) => (RunStatus::Cancelled, Some(cancelled(executed))),
        None if executed.failures.is_empty() => (RunStatus::Succeeded, None),
        None => (RunStatus::Failed, Some(failures(executed))),
    };
    RunFinished { status, counts: executed.counts, error: error.as_ref().map(Report::from), ..RunFinished::default() }
}

fn failures(executed: &Executed) -> Error {
    let message = match executed.failures.as_slice() {
        [(component, _)] => format!("{component} failed"),
        several => format!("{} components failed", several.len()),
    };
    with_failures(Error::new(Reason::EngineFailed, message), executed)
        .hint("what was done is recorded: mend it and apply again, the rest follows")
}

fn cancelled(executed: &Executed) -> Error {
    with_failures(super::under_lock::cancelled(), executed)
        .hint("what was done is recorded: the next apply goes on from there")
}

fn with_failures(mut error: Error, executed: &Executed) -> Error {
    const MOST: usize = 20;
    for (component, why) in executed.failures.iter().take(MOST) {
        error = error.fact(&component.to_string(), why);
    }
    if !executed.skipped.is_empty() {
        let names: Vec<String> = executed.skipped.iter().take(MOST).map(ToString::to_string).collect();
        let more = executed.skipped.len().saturating_sub(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        error = error.fact("Not started", format!("{}{more}", names.join(", ")));
    }
    error
}

/// How a run ended that could not do anything.
pub(super) fn failed(error: &Error) -> RunFinished {
    let status = match error.reason {
        Reason::Cancelled => RunStatus::Cancelled,
        Reason::LockLost => RunStatus::LockLost,
        _ => RunStatus::Failed,
    };
    RunFinished { status, error: Some(Report::from(error)), ..RunFinished::default() }
}

pub(super) fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
