//! The course of an apply or a destroy from the lock to its last event.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use deployer_domain::approval::{ApprovalRequest, Decision, Standing};
use deployer_domain::caller::Caller;
use deployer_domain::engine::Engine;
use deployer_domain::error::{Error, Result};
use deployer_domain::plan::{Approved, Plan};
use deployer_domain::run::{Done, Happening, RunFinished, RunOperation, RunStatus, ShownPlan};
use deployer_domain::state::EngineKind;
use ulid::Ulid;

use super::Ports;
use super::approvals::Approvals;
use super::authorise::TenantAccess;
use super::await_approval::AwaitApproval;
use super::blueprint::{Blueprint, Planned};
use super::commands::{Commands, WaitingGuard};
use super::early;
use super::ending::failed;
use super::proposals::{Asking, proposals};
use super::record::{AuditOf, Recorder};
use super::start_run::{StartRun, confirmed, nothing_to_do, stale};
use super::under_lock::{Locked, Locking};
use crate::engine::terraform::Ahead;
use crate::run::{Executed, Execution, PARALLELISM, Run};

mod finish;
mod prepare;

type Engines = HashMap<EngineKind, Arc<dyn Engine>>;

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
    /// What another person has to approve before it begins.
    pub approval: Option<ApprovalRequest>,
    /// What a dead incarnation of this daemon had done of it, if one began it.
    pub resumed: Option<Done>,
    /// How long it waited for that other person, in milliseconds: no part of how long it took.
    pub waited_ms: u64,
    /// What is made ready while the lock is asked for.
    pub ahead: Option<Arc<Ahead>>,
}

impl Conductor {
    /// Conducts the run to its end, whatever happens. What was planned is without the lock.
    pub async fn conduct(mut self, before: Planned) {
        let locked = match self.approved().await {
            Ok(()) => {
                self.waited_ms = self.approval.as_ref().map_or(0, |_| self.run.age_ms());
                let (locked, (ahead, waiting)) = tokio::join!(self.lock(), async {
                    // It begins while the storage is asked.
                    let waiting = self.launch(&before.plan);
                    (self.make_ready(&before.plan).await, waiting)
                });
                self.ahead = ahead;
                locked.map(|locked| (locked, waiting))
            }
            Err(error) => Err(error),
        };
        let worked = match locked {
            Ok((locked, waiting)) => self.under_lock(locked, Some(before), waiting).await,
            Err(error) => Err(error),
        };
        self.record_refusal(&worked).await;
        // Nothing of it is left when the end is told.
        self.ahead = None;
        self.told(worked);
    }

    /// Starts the guard's process where the plan needs one. Where that fails it is tried again, and told, under the lock.
    fn launch(&self, plan: &Plan) -> Option<WaitingGuard> {
        let serves = plan.works_with(EngineKind::Terraform);
        let needed = serves || plan.works_with(EngineKind::Command);
        needed.then(|| WaitingGuard::launch(&self.ports, serves).ok()).flatten()
    }

    /// Whoever asks for fewer at once than usual is given none beside them.
    async fn make_ready(&self, plan: &Plan) -> Option<Arc<Ahead>> {
        if self.parallelism < PARALLELISM {
            return None;
        }
        let Self { ports, caller, access, blueprint, .. } = self;
        if let Some(begun) = early::take(ports, caller, (access, blueprint)).await {
            return Some(begun);
        }
        let asking = Asking { ports, caller, access, blueprint, plan };
        asking.ahead(self.run.cancelled(), self.parallelism).await
    }

    /// Waits for another person's approval, if one is needed.
    async fn approved(&self) -> Result<()> {
        let Some(request) = &self.approval else { return Ok(()) };
        let approvals = Approvals::new(&self.access.backend, &self.blueprint.space);
        let (ports, caller, access, run) = (&self.ports, &self.caller, &self.access, &*self.run);
        let decision = AwaitApproval { ports, caller, access, run, approvals, request }.approved().await?;
        self.run.tell(Happening::Approved { actor: decision.by.actor, comment: decision.comment });
        Ok(())
    }

    /// Who approved exactly this plan, if that is needed; asked under the lock, as nothing else is proof.
    async fn approval_of(&self, plan: &Plan, locked: &Locked) -> Result<Option<Decision>> {
        if !self.blueprint.needs_approval() {
            return Ok(None);
        }
        let approvals = Approvals::new(&self.access(locked).backend, &self.blueprint.space);
        let asked = approvals.read(self.run.id(), self.ports.clock.now()).await?;
        let asked = asked.ok_or_else(|| super::approvals::none(self.run.id()))?;
        if asked.standing != Standing::Approved {
            return Err(asked.request.refusal(asked.standing, asked.decision.as_ref()));
        }
        // A run that goes on does what is left of what was approved.
        if self.resumed.is_none() {
            asked.request.seen(Some(&asked.request.proposals.with(&plan.digest).to_string()))?;
        }
        Ok(asked.decision)
    }

    /// The same under a lock that is held already.
    pub async fn carry_on(self, locked: Locked) {
        let worked = self.under_lock(locked, None, None).await;
        self.told(worked);
    }

    /// A run that was refused has no intent in the audit, but it was asked for.
    async fn record_refusal(&self, worked: &Result<Option<RunFinished>>) {
        if worked.is_err() {
            self.recorder(&self.access).await.note(&self.ports, worked).await;
        }
    }

    fn told(&self, worked: Result<Option<RunFinished>>) {
        let mut finished = match worked {
            Ok(Some(finished)) => finished,
            Ok(None) => return,
            Err(error) => failed(&error),
        };
        finished.duration_ms = self.run.age_ms();
        self.run.finish(finished);
    }

    /// How long it waits for the lock. What another person approved is not lost to whoever holds it just now.
    fn patience(&self) -> Duration {
        let approved = self.approval.as_ref().map(|request| request.left(self.ports.clock.now()));
        approved.unwrap_or_default().max(self.request.wait)
    }

    async fn lock(&self) -> Result<Locked> {
        let locking = Locking {
            ports: &self.ports,
            caller: &self.caller,
            access: &self.access,
            run: &self.run,
            space: &self.blueprint.space,
            operation: self.blueprint.operation,
            task: Some(self.blueprint.task(&self.caller, &self.request.question, self.parallelism)),
            wait: self.patience(),
            no_delay: self.request.no_delay,
        };
        locking.lock().await
    }

    /// Answers how it ended, or nothing where the end was told already.
    async fn under_lock(
        &self,
        locked: Locked,
        before: Option<Planned>,
        waiting: Option<WaitingGuard>,
    ) -> Result<Option<RunFinished>> {
        let worked = self.work(&locked, before, waiting).await;
        let lost = matches!(&worked, Ok(Some(worked)) if worked.finished.status == RunStatus::LockLost);
        let audited = async {
            if let Ok(Some(worked)) = &worked {
                worked.audit(&self.ports).await;
            }
        };
        let (released, ()) = tokio::join!(locked.release(&self.ports), audited);
        if let Err(error) = released
            && !lost
        {
            tracing::warn!(%error, run = %self.run.id(), "the lock was not released");
        }
        Ok(worked?.map(|worked| worked.finished))
    }

    fn access<'a>(&'a self, locked: &'a Locked) -> &'a TenantAccess {
        locked.access.as_ref().unwrap_or(&self.access)
    }

    async fn work(
        &self,
        locked: &Locked,
        before: Option<Planned>,
        waiting: Option<WaitingGuard>,
    ) -> Result<Option<Worked>> {
        let state = locked.state.document();
        let plan = Arc::new(self.blueprint.plan_anew(self.access(locked), &state, before)?);
        confirmed(&self.request, &plan)?;
        // A run that goes on had something to do, and ends like one.
        if !plan.has_records() && self.resumed.is_none() {
            locked.state.flush().await?;
            nothing_to_do(&self.run, &plan, &state);
            return Ok(None);
        }
        if let Some(refusal) = self.blueprint.policies(&plan).into_iter().next() {
            return Err(refusal);
        }
        self.proposed_still(&plan, locked).await?;
        let approval = self.approval_of(&plan, locked).await?;
        let mut shown = ShownPlan::of(&plan, self.blueprint.operation, Vec::new());
        shown.rollback_to = self.blueprint.rollback_to();
        self.run.tell(Happening::Plan(Box::new(shown)));
        let recorder = self.recorder(self.access(locked)).await;
        // What is prepared changes nothing yet.
        let (intent, commands) = tokio::join!(recorder.intent(&self.ports), self.prepare(&plan, locked, waiting));
        let (intent, commands) = match (intent, commands) {
            (Ok(intent), commands) => (intent, commands),
            (Err(error), commands) => {
                end(commands.ok().as_ref()).await;
                return Err(error);
            }
        };
        let worked = match &commands {
            Ok(commands) => self.carry_out(plan, locked, commands).await,
            Err(error) => Err(error.clone()),
        };
        let finishing = self.finish(worked, locked, (&recorder, approval));
        let commands = commands.ok();
        // Nothing that they left is there any more when the lock is released.
        let (finished, ()) = tokio::join!(finishing, end(commands.as_ref()));
        Ok(Some(Worked { finished, recorder, intent }))
    }

    /// Refuses, before anything is done, when an engine would do something else than what was confirmed.
    async fn proposed_still(&self, plan: &Plan, locked: &Locked) -> Result<()> {
        if !self.request.is_exact() {
            return Ok(());
        }
        let access = self.access(locked);
        let proposed = proposals(&self.ports, &self.caller, (access, &self.blueprint), plan).await?;
        match self.request.approved.differs(&Approved::of(&proposed.by_component)) {
            None => Ok(()),
            Some(component) => {
                Err(stale(plan).caused_by(format!("the provider would do something else to {component} now")))
            }
        }
    }

    async fn recorder(&self, access: &TenantAccess) -> Recorder {
        let lock = self.blueprint.space.lock();
        let subject = format!("{}/{} run {}", lock.stack, lock.environment, self.run.id());
        let action = match self.blueprint.operation {
            RunOperation::Destroy => "run.destroy",
            RunOperation::Rollback => "run.rollback",
            _ => "run.apply",
        };
        let of = AuditOf::Tenant(access.space.clone());
        Recorder::new(&access.backend, &self.caller, of, action, &subject).await
    }

    async fn carry_out(&self, plan: Arc<Plan>, locked: &Locked, commands: &Commands) -> Result<Executed> {
        let engines = self.engines(&plan, locked, commands).await?;
        let execution = Execution {
            run: Arc::clone(&self.run),
            plan,
            key: self.blueprint.key.clone(),
            lease: Arc::clone(&locked.lease),
            state: Arc::clone(&locked.state),
            engines,
            parallelism: self.parallelism,
            clock: Arc::clone(&self.ports.clock),
        };
        Ok(execution.carry_out().await)
    }
}

async fn end(commands: Option<&Commands>) {
    if let Some(commands) = commands {
        commands.end().await;
    }
}

/// A run whose end is still to be recorded in the audit.
struct Worked {
    finished: RunFinished,
    recorder: Recorder,
    intent: Ulid,
}

impl Worked {
    async fn audit(&self, ports: &Ports) {
        let result = self.finished.error.clone().map_or(Ok(()), |report| Err(Error::from(report)));
        self.recorder.result(ports, self.intent, &result).await;
    }
}
