//! The course of one run that a dead incarnation of this daemon left without an end.

use std::time::Duration;

use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::port_error::explain;
use deployer_domain::run::{Done, Handover, Happening, Report, RunFinished, RunOperation, RunStatus, Task};
use deployer_domain::seal;
use deployer_domain::state::{HistoryEntry, StateDocument};
use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot};

use super::Ports;
use super::authorise::{self, TenantAccess};
use super::blueprint::{Blueprint, Question};
use super::conduct::Conductor;
use super::start_run::StartRun;
use super::take_over::{Listed, Offer};
use super::under_lock::{Locked, Relocking};
use crate::run::{Unfinished, interrupted};
use crate::source::Keep;

/// Everything of one run without an end.
pub(super) struct Course {
    ports: Ports,
    left: Unfinished,
    listed: Listed,
    offers: mpsc::UnboundedReceiver<Offer>,
    /// Why the run cannot go on, if it cannot.
    obstacle: Option<String>,
}

/// Who came.
enum Next {
    Backend(Backend),
    Caller(Box<(Caller, TenantAccess)>),
    Another(oneshot::Sender<()>),
    Cancelled,
    Nobody,
}

/// What was found under the lock, or without it.
enum Found {
    /// The lock is held, and the run has no end.
    Open(Box<Locked>),
    /// The state tells how the run ended.
    Ended(Box<HistoryEntry>),
    /// The state tells nothing of the run, and there is no lock to go on from.
    Nothing,
}

impl Course {
    pub(super) fn new(ports: Ports, left: Unfinished, listed: Listed, offers: mpsc::UnboundedReceiver<Offer>) -> Self {
        let obstacle = left.handover.obstacle();
        Self { ports, left, listed, offers, obstacle }
    }

    /// Runs to the run's end, or until it goes on. `told` hears when it is known what can be known at once.
    pub(super) async fn go(mut self, told: oneshot::Sender<()>) {
        let mut told = Some(told);
        let mut held: Option<Locked> = None;
        let mut caller: Option<Box<(Caller, TenantAccess)>> = None;
        let mut backend = self.own_backend().await;
        loop {
            if let Some(backend) = backend.take().filter(|_| held.is_none()) {
                match self.look(&backend).await {
                    Ok(Found::Open(locked)) => held = Some(*locked),
                    Ok(Found::Ended(entry)) => return self.ended(&entry).await,
                    Ok(Found::Nothing) => return self.end("its lock could not be taken over").await,
                    Err(error) if is_passing(&error) => {
                        tracing::warn!(run = %self.left.run.id(), %error, "its lock is not taken over yet");
                    }
                    Err(error) => return self.end(&error.to_string()).await,
                }
            }
            match (held.take(), caller.take(), self.hindrance()) {
                (Some(locked), _, Some(why)) => return self.settle(locked, &why).await,
                (Some(locked), Some(caller), None) => return self.carry_on(locked, *caller).await,
                (locked, _, _) => held = locked,
            }
            self.announce(held.is_some()).await;
            drop(told.take());
            match self.next(held.is_some()).await {
                Next::Backend(lent) => backend = Some(lent),
                Next::Caller(came) => {
                    backend = Some(came.1.backend.clone());
                    caller = Some(came);
                }
                Next::Another(reply) => {
                    match held {
                        Some(locked) => self.settle(locked, "another run wanted its lock").await,
                        None => self.end("another run goes on in its place").await,
                    }
                    drop(reply);
                    return;
                }
                Next::Nobody => self.obstacle = Some("nobody came to go on with it".to_owned()),
                Next::Cancelled if held.is_none() => return self.end("it was cancelled while it waited").await,
                Next::Cancelled => {}
            }
        }
    }

    /// Why the run does not go on, now that its lock is held.
    fn hindrance(&self) -> Option<String> {
        let cancelled = self.left.run.cancelled().is_cancelled().then(|| "it was cancelled".to_owned());
        cancelled.or_else(|| self.obstacle.clone())
    }

    /// The backend, where this daemon has credentials for it.
    async fn own_backend(&self) -> Option<Backend> {
        let lender = &self.left.handover.lender;
        let environment = lender.environment.clone()?.into_iter();
        let environment = environment.map(|(name, value)| (name, SecretString::from(value))).collect();
        let caller = Caller { environment, actor: self.left.run.summary().actor.into(), ..Caller::default() };
        match self.ports.backends.open(&lender.place, lender.lock_table.as_deref(), &caller).await {
            Ok(backend) => Some(backend),
            Err(error) => {
                tracing::warn!(run = %self.left.run.id(), %error, "its backend cannot be opened by the daemon itself");
                None
            }
        }
    }

    /// Takes the lock again, if it was held, and looks what the state tells of the run.
    async fn look(&mut self, backend: &Backend) -> Result<Found> {
        let Unfinished { run, space, crashed, .. } = &self.left;
        self.ports.runs.adopt(run, backend, space)?;
        let Some(crashed) = crashed else {
            let state = read_state(backend, &self.left).await?;
            return Ok(state.and_then(|state| end_in(&state, &self.left)).map_or(Found::Nothing, Found::Ended));
        };
        let locked = Relocking { ports: &self.ports, backend, run, space, crashed }.lock().await?;
        self.listed.holds();
        if let Some(entry) = locked.state.view(|state| end_in(state, &self.left)) {
            release(&self.ports, locked).await;
            return Ok(Found::Ended(entry));
        }
        if locked.lease.token() > crashed.hold().token + 1 {
            self.obstacle = Some("somebody else has held its lock meanwhile".to_owned());
        }
        Ok(Found::Open(Box::new(locked)))
    }

    /// Says what the run waits for. One that cannot go on and whose lock cannot be settled yet ends here.
    async fn announce(&self, held: bool) {
        let run = &self.left.run;
        if run.summary().status.is_over() {
            return;
        }
        match &self.obstacle {
            Some(why) if !held => self.end(why).await,
            _ if run.summary().status != RunStatus::Waiting => {
                let whose = match &self.left.handover.lender.identity {
                    Some(identity) => identity.principal.clone(),
                    None => run.summary().actor,
                };
                let reason = format!(
                    "somebody to go on with it, as its daemon ended in its middle: `deployer run attach {}` as {whose}",
                    run.id()
                );
                run.tell(Happening::Waiting { reason });
            }
            _ => {}
        }
    }

    async fn next(&mut self, held: bool) -> Next {
        let lease = self.ports.leases.timing().lease;
        let cancelled = self.left.run.cancelled().clone();
        let over = self.left.run.summary().status.is_over();
        tokio::select! {
            offer = self.offers.recv() => match offer {
                Some(Offer::Credentials(backend)) => Next::Backend(backend),
                Some(Offer::Everything(came)) => Next::Caller(came),
                Some(Offer::Way(reply)) => Next::Another(reply),
                // Not while it is listed.
                None => std::future::pending().await,
            },
            () = cancelled.cancelled(), if !over => Next::Cancelled,
            () = tokio::time::sleep(lease.max(Duration::from_millis(1))), if held => Next::Nobody,
        }
    }

    /// Records the run as interrupted and gives the lock back.
    async fn settle(&self, locked: Locked, why: &str) {
        let run = &self.left.run;
        let mut finished = self.last(why);
        let recorded = match run.summary().operation {
            RunOperation::LockRun => locked.state.flush().await.map(|()| 0),
            _ => locked.state.finish(self.entry(&finished)).await,
        };
        match recorded {
            Ok(number) => finished.history_number = number,
            Err(error) => {
                tracing::warn!(run = %run.id(), %error, "an interrupted run was not recorded in the history");
                if error.reason == Reason::LockLost {
                    finished.status = RunStatus::LockLost;
                }
            }
        }
        release(&self.ports, locked).await;
        self.ports.runs.end_left(run, finished).await;
    }

    fn done(&self) -> Done {
        self.left.run.events().map(|events| Done::of(&events)).unwrap_or_default()
    }

    fn entry(&self, finished: &RunFinished) -> HistoryEntry {
        let summary = self.left.run.summary();
        let identity = self.left.handover.lender.identity.as_ref();
        HistoryEntry {
            number: 0,
            run: summary.id,
            operation: summary.operation.as_str().to_owned(),
            actor: summary.actor,
            principal: identity.map(|identity| identity.principal.clone()).unwrap_or_default(),
            why: None,
            git_commit: None,
            git_branch: None,
            started: summary.started,
            duration_ms: self.left.run.age_ms(),
            result: finished.status.result(),
            message: finished.error.as_ref().map(|report| report.message.clone()),
            counts: finished.counts,
        }
    }

    /// Ends the run without its lock.
    async fn end(&self, why: &str) {
        self.ports.runs.end_left(&self.left.run, self.last(why)).await;
    }

    /// The end of the run as it is: interrupted, unless somebody had cancelled it.
    fn last(&self, why: &str) -> RunFinished {
        let mut finished = interrupted(why);
        if self.left.run.summary().status == RunStatus::Cancelling {
            finished.status = RunStatus::Cancelled;
            finished.error = Some(Report::from(&super::under_lock::cancelled()));
        }
        finished.counts = self.done().and(finished.counts);
        finished
    }

    /// Tells the end that only the state knew.
    async fn ended(&self, entry: &HistoryEntry) {
        let error = entry.message.as_ref().map(|message| Report::from(&Error::new(Reason::EngineFailed, message)));
        let finished = RunFinished {
            status: RunStatus::of(entry.result),
            counts: entry.counts,
            history_number: entry.number,
            error,
            ..RunFinished::default()
        };
        self.ports.runs.end_left(&self.left.run, finished).await;
    }

    /// Lets the run go on with a caller's credentials and environment.
    async fn carry_on(self, locked: Locked, (caller, access): (Caller, TenantAccess)) {
        let actor = caller.actor.to_string();
        match self.conductor(caller, access).await {
            Ok(conductor) => {
                self.left.run.tell(Happening::Resumed { actor });
                // Whoever wants the lock from now on meets a run like any other.
                drop(self.listed);
                drop(self.offers);
                conductor.carry_on(locked).await;
            }
            Err(error) => self.settle(locked, &error.to_string()).await,
        }
    }

    async fn conductor(&self, caller: Caller, access: TenantAccess) -> Result<Conductor> {
        let Unfinished { run, handover, .. } = &self.left;
        let Handover { task: Some(task), .. } = handover else {
            return Err(Error::new(Reason::Internal, "it is not known what the run was asked"));
        };
        let done = self.done();
        let caller = Caller { cwd: task.cwd.clone(), ..caller };
        let access = authorise::recheck(&self.ports, &access).await?;
        let question = self.question(task, &done);
        let blueprint = Blueprint::gather(&self.ports, &caller, &access, &question, Keep::Archive).await?;
        if blueprint.source.as_ref().map(|source| source.hash) != task.source {
            return Err(Error::new(Reason::PlanStale, "the stack's files have changed since it began"));
        }
        let request = StartRun {
            question,
            plan_digest: None,
            approved: Default::default(),
            accept_changed_plan: true,
            wait: Duration::ZERO,
            no_delay: false,
            plan_file: None,
            saved: None,
        };
        Ok(Conductor {
            ports: self.ports.clone(),
            caller,
            access,
            blueprint,
            request,
            run: run.clone(),
            parallelism: task.parallelism,
            approval: None,
            resumed: Some(done),
            waited_ms: 0,
            ahead: None,
        })
    }

    /// What the run was asked, less what was made anew already.
    fn question(&self, task: &Task, done: &Done) -> Question {
        let summary = self.left.run.summary();
        let mut question = Question::again(summary.operation, (&summary.stack, &summary.environment), task);
        question.replace.retain(|id| !done.components.contains_key(id));
        question
    }
}

async fn release(ports: &Ports, locked: Locked) {
    if let Err(error) = locked.release(ports).await {
        tracing::warn!(%error, "the lock of an interrupted run was not released");
    }
}

/// Whether the same may succeed with other credentials, or later.
fn is_passing(error: &Error) -> bool {
    matches!(error.reason, Reason::BackendUnavailable | Reason::BackendDenied)
}

async fn read_state(backend: &Backend, left: &Unfinished) -> Result<Option<StateDocument>> {
    let key = left.space.state();
    let read = backend.objects.read(&key).await;
    let read = read.map_err(|error| explain(error, format!("read {key}"), &backend.place.address))?;
    read.map(|object| seal::parse(&object.bytes, &left.space)).transpose()
}

/// How the run ended, if the state tells it.
fn end_in(state: &StateDocument, left: &Unfinished) -> Option<Box<HistoryEntry>> {
    state.last_run.clone().filter(|entry| entry.run == left.run.id())
}
