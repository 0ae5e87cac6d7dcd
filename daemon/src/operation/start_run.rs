//! Starts an apply or a destroy: everything that can be refused is refused before anything is locked.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deployer_domain::approval::{Person, Standing};
use deployer_domain::caller::Caller;
use deployer_domain::entropy::ulid;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::name::RunId;
use deployer_domain::plan::{Approved, Plan, SavedPlan};
use deployer_domain::run::{Happening, RunFinished, RunOperation, RunStatus, RunSummary, ShownPlan, named_outputs};
use deployer_domain::state::{Counts, StateDocument};
use secrecy::ExposeSecret;

use super::approvals::Asked;
use super::authorise::{self, TenantAccess};
use super::blueprint::{Blueprint, Planned, Question};
use super::conduct::Conductor;
use super::foreseen;
use super::judge::Asking;
use super::modules::CallersCredentials;
use super::record::acting;
use super::request_approval::RequestApproval;
use super::show_lock::{held, is_work_of};
use super::stack_access::CallersStacks;
use super::view::View;
use super::{Ports, saved_plan};
use crate::run::{NewRun, PARALLELISM, Run};
use crate::source::Keep;

/// How many commands run at once at most.
const MOST_PARALLEL: usize = 256;

/// What a caller asks to be run.
#[derive(Debug, Clone)]
pub struct StartRun {
    /// What is to be done.
    pub question: Question,
    /// The digest of the plan that was confirmed, if one was.
    pub plan_digest: Option<String>,
    /// What engines proposed for the plan that was confirmed.
    pub approved: Approved,
    /// Whether another plan under the lock is as good.
    pub accept_changed_plan: bool,
    /// How long to wait for the lock.
    pub wait: Duration,
    /// Skips the delay after a forced unlock.
    pub no_delay: bool,
    /// The plan file that is to be run instead.
    pub plan_file: Option<PathBuf>,
    /// What that file says, once it is read.
    pub saved: Option<Box<SavedPlan>>,
}

impl StartRun {
    /// Reads the plan file, if one is to be run.
    async fn read_plan_file(&mut self, caller: &Caller, access: &TenantAccess) -> Result<()> {
        let Some(path) = &self.plan_file else { return Ok(()) };
        if self.plan_digest.is_some() || self.accept_changed_plan || !self.approved.0.is_empty() {
            return Err(Error::new(Reason::InvalidRequest, "a plan file says itself which plan is confirmed"));
        }
        let (saved, question) = saved_plan::read(caller, access, path, &self.question).await?;
        self.question = question;
        self.approved = saved.proposals.clone();
        self.saved = Some(Box::new(saved));
        Ok(())
    }

    /// Whether only one plan will do.
    pub(super) fn is_exact(&self) -> bool {
        self.saved.is_some() || self.plan_digest.is_some() && !self.accept_changed_plan
    }
}

/// Starts a run and answers it; it goes on by itself.
pub async fn start_run(ports: &Ports, caller: &Caller, mut request: StartRun) -> Result<Arc<Run>> {
    if caller.full_environment.is_none() {
        return Err(no_environment());
    }
    let parallelism = parallelism(caller)?;
    let access = authorise::tenant(ports, caller).await?;
    request.read_plan_file(caller, &access).await?;
    let (blueprint, planned) = match foreseen::take(ports, caller, &access, &request).await? {
        Some(foreseen) => foreseen,
        None => planned_now(ports, caller, &access, &request).await?,
    };
    let Planned { plan, state } = planned;
    confirmed(&request, &plan)?;
    if plan.has_records()
        && let Some(refusal) = refusal(ports, caller, (&access, &blueprint), (&plan, &state)).await?
    {
        return Err(refusal);
    }
    let stacks = CallersStacks::new(ports, caller, &access, &blueprint);
    stacks.check(&plan).await?;
    CallersCredentials::new(ports, caller, &access.backend, stacks).check(&plan).await?;
    ports.runs.store_left_over(&access.backend, access.space.id());
    let summary = new_summary(ports, caller, blueprint.operation, blueprint.space.lock());
    let approval = match plan.has_records() && blueprint.needs_approval() {
        true => {
            let asking = RequestApproval { ports, caller, access: &access, blueprint: &blueprint };
            Some(asking.request(&mut request, &plan, (summary.id, parallelism)).await?)
        }
        false => None,
    };
    // While somebody is at work there, nothing to do is only what it looks like.
    let idle = !plan.has_records() && nobody_works(&access, &blueprint, caller).await?;
    let run = begin(ports, &access, &blueprint, summary).await?;
    if idle {
        nothing_to_do(&run, &plan, &state);
        return Ok(run);
    }
    let conductor = Conductor {
        ports: ports.clone(),
        caller: caller.clone(),
        access,
        blueprint,
        request,
        run: Arc::clone(&run),
        parallelism,
        approval,
        resumed: None,
        waited_ms: 0,
        ahead: None,
    };
    tokio::spawn(conductor.conduct(Planned { plan, state }));
    Ok(run)
}

/// Plans what is asked for.
async fn planned_now(
    ports: &Ports,
    caller: &Caller,
    access: &TenantAccess,
    request: &StartRun,
) -> Result<(Blueprint, Planned)> {
    let blueprint = Blueprint::gather(ports, caller, access, &request.question, Keep::Archive).await?;
    let state = blueprint.state(access).await?;
    let plan = blueprint.plan(access, &state)?;
    Ok((blueprint, Planned { plan, state }))
}

/// Whether nobody else is at work there.
async fn nobody_works(access: &TenantAccess, blueprint: &Blueprint, caller: &Caller) -> Result<bool> {
    let item = held(&View::from(access), &blueprint.space).await?;
    Ok(item.is_none_or(|item| is_work_of(&item, caller)))
}

/// The first reason why a plan may not be run.
async fn refusal(
    ports: &Ports,
    caller: &Caller,
    (access, blueprint): (&TenantAccess, &Blueprint),
    (plan, state): (&Plan, &StateDocument),
) -> Result<Option<Error>> {
    let judgement = blueprint.judge(&Asking { ports, caller, access }, plan, state).await?;
    Ok(judgement.refusals.into_iter().next())
}

/// Goes on with a run that waits for its approval, or has it, and that no daemon looks after any more. Only whoever
/// asked may: the run has the rights of the caller.
pub async fn start_pending(ports: &Ports, caller: &Caller, asked: Asked) -> Result<Arc<Run>> {
    let Asked { request: approval, decision, standing } = asked;
    if !matches!(standing, Standing::Pending | Standing::Approved) {
        return Err(approval.refusal(standing, decision.as_ref()));
    }
    if caller.full_environment.is_none() {
        return Err(no_environment());
    }
    let access = authorise::tenant(ports, caller).await?;
    let somebody = Person::of(&acting(&access.backend, caller).await)?;
    if !somebody.identity.is_same_person(&approval.requested_by.identity) {
        return Err(approval.refusal(standing, None).fact("Requested by", &approval.requested_by.identity.principal));
    }
    if !approval.task.withheld.is_empty() {
        return Err(Error::new(Reason::ApprovalRequired, "the values of sensitive variables are not stored")
            .fact("Variables", approval.task.withheld.join(", "))
            .hint("apply again with them, where the daemon keeps running"));
    }
    let caller = Caller { cwd: approval.task.cwd.clone(), ..caller.clone() };
    let place = (&approval.stack, &approval.environment);
    let question = Question::again(approval.operation, place, &approval.task);
    let asked_at = &approval.requested_by.host;
    let elsewhere = |error: Error| match *asked_at == caller.host {
        true => error,
        false => error.hint(format!(
            "it goes on with the files that it was asked for with: on {asked_at}, in {}",
            approval.task.cwd.display()
        )),
    };
    let blueprint = Blueprint::gather(ports, &caller, &access, &question, Keep::Archive).await.map_err(elsewhere)?;
    let state = blueprint.state(&access).await?;
    let plan = blueprint.plan(&access, &state)?;
    let request = StartRun {
        question,
        plan_digest: Some(approval.digest.clone()),
        approved: approval.proposals.clone(),
        accept_changed_plan: false,
        wait: Duration::ZERO,
        no_delay: false,
        plan_file: None,
        saved: None,
    };
    confirmed(&request, &plan)?;
    let mut summary = new_summary(ports, &caller, approval.operation, blueprint.space.lock());
    summary.id = approval.run;
    let run = begin(ports, &access, &blueprint, summary).await?;
    let conductor = Conductor {
        ports: ports.clone(),
        caller,
        access,
        blueprint,
        request,
        run: Arc::clone(&run),
        parallelism: approval.task.parallelism,
        approval: Some(approval),
        resumed: None,
        waited_ms: 0,
        ahead: None,
    };
    tokio::spawn(conductor.conduct(Planned { plan, state }));
    Ok(run)
}

/// Refuses a plan that is not the one that was confirmed.
pub(super) fn confirmed(request: &StartRun, plan: &Plan) -> Result<()> {
    if let Some(saved) = &request.saved {
        return saved.check(plan, &request.approved);
    }
    let digest = request.approved.with(&plan.digest).to_string();
    let differs = request.plan_digest.as_ref().is_some_and(|confirmed| *confirmed != digest);
    if !differs || request.accept_changed_plan {
        return Ok(());
    }
    Err(stale(plan).caused_by("the state, the stack's files or the variables changed since it was made"))
}

/// Something else would be done now than what was confirmed.
pub(super) fn stale(plan: &Plan) -> Error {
    let message =
        format!("the plan for {}/{} is stale: something else would be done now", plan.stack, plan.environment);
    Error::new(Reason::PlanStale, message).hint("plan again, and look at what would be done now")
}

async fn begin(ports: &Ports, access: &TenantAccess, blueprint: &Blueprint, summary: RunSummary) -> Result<Arc<Run>> {
    let (backend, version) = (access.backend.clone(), access.space.version().clone());
    ports.runs.begin(NewRun { summary, backend, space: blueprint.space.clone(), version }).await
}

/// A run that begins now.
pub(super) fn new_summary(
    ports: &Ports,
    caller: &Caller,
    operation: RunOperation,
    lock: &deployer_domain::key::LockKey,
) -> RunSummary {
    let now = ports.clock.now();
    RunSummary {
        id: RunId::new(ulid(ports.entropy.as_ref(), now)),
        tenant: lock.tenant.clone(),
        stack: lock.stack.clone(),
        environment: lock.environment.clone(),
        operation,
        status: RunStatus::Running,
        actor: caller.actor.to_string(),
        host: caller.host.clone(),
        started: now,
        ended: None,
        counts: Counts::default(),
        message: None,
    }
}

/// Ends a run that found everything as it should be.
pub(super) fn nothing_to_do(run: &Run, plan: &Plan, state: &StateDocument) {
    run.tell(Happening::Plan(Box::new(ShownPlan::of(plan, run.summary().operation, Vec::new()))));
    let duration_ms = run.age_ms();
    run.finish(RunFinished {
        counts: plan.counts,
        outputs: named_outputs(state),
        duration_ms,
        ..RunFinished::default()
    });
}

/// The call does not carry the environment that commands are to see.
pub(super) fn no_environment() -> Error {
    Error::new(Reason::InvalidRequest, "the call does not carry the caller's environment (context.full_environment)")
}

/// How many commands run at once.
pub(super) fn parallelism(caller: &Caller) -> Result<usize> {
    let Some(text) = caller.variable("DEPLOYER_PARALLELISM") else { return Ok(PARALLELISM) };
    match text.expose_secret().parse() {
        Ok(number @ 1..=MOST_PARALLEL) => Ok(number),
        _ => Err(Error::new(Reason::InvalidRequest, "DEPLOYER_PARALLELISM is not a number from 1 to 256")),
    }
}
