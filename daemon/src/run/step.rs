//! One step of a plan, from its intent to its record.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use deployer_domain::clock::Clock;
use deployer_domain::cloudformation::OperationToken;
use deployer_domain::engine::{Engine, EngineResult, Failure};
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::expression::Resolver;
use deployer_domain::lease::HolderState;
use deployer_domain::plan::{Outcome, Plan, Prepared, Removal, SensitiveKey, Step};
use deployer_domain::run::{ComponentEnd, Happening};
use deployer_domain::state::{Action, ComponentStatus, EngineKind, Intent, Output, StateDocument};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::listener::EventListener;
use super::owned::Run;
use crate::lease::{HeldLease, Landing, SealedState};

/// How often a step is begun anew that the guard ended because the lease was not proven in time.
const AGAIN: u32 = 2;

/// What all steps of a run share.
pub struct Asked {
    pub run: Arc<Run>,
    pub plan: Arc<Plan>,
    pub lease: Arc<HeldLease>,
    pub state: Arc<SealedState>,
    pub engines: HashMap<EngineKind, Arc<dyn Engine>>,
    pub free: Free,
    pub clock: Arc<dyn Clock>,
}

/// What is left of the engines that may be at work at once.
pub struct Free {
    /// On this machine.
    pub here: Semaphore,
    /// At a provider.
    pub elsewhere: Semaphore,
}

impl Free {
    async fn take(&self, engine: EngineKind) -> Option<SemaphorePermit<'_>> {
        let among = match engine {
            EngineKind::Command | EngineKind::Terraform => &self.here,
            EngineKind::Cloudformation => &self.elsewhere,
        };
        among.acquire().await.ok()
    }
}

/// A step with all that its engine needs.
pub struct Begun {
    pub removal: Option<Removal>,
    pub prepared: Option<Prepared>,
}

/// What became of a step.
pub enum End {
    /// It was done; these are its outputs, if it is still there.
    Done(Option<BTreeMap<String, Output>>),
    /// The engine found nothing to be done; these are its outputs.
    Unchanged(BTreeMap<String, Output>),
    Failed(String),
    Cancelled,
    /// The lock was lost while it was at work.
    Lost,
    /// Its engine was not asked; the error says why unless the run was stopped.
    Unasked(Option<Error>),
}

impl Begun {
    /// Works out what a step's engine is asked, now that what it waits for is done.
    pub fn prepare(step: &Step, resolver: &Resolver, key: &SensitiveKey) -> Result<Self> {
        let removes = matches!(step.action, Action::Delete | Action::Replace);
        let applies = matches!(step.action, Action::Create | Action::Update | Action::Replace);
        let removal = if removes { step.removal(resolver)? } else { None };
        let prepared = if applies { Some(step.prepare(resolver, key)?) } else { None };
        Ok(Self { removal, prepared })
    }

    /// What is about to be done, for whoever must bring it to its end without us.
    pub fn intent(&self, step: &Step, asked: &Asked) -> Intent {
        let (run, fence) = (asked.run.id(), asked.lease.token());
        let token = OperationToken::new(fence, run);
        let handle = match (&self.prepared, &self.removal) {
            (Some(prepared), _) => prepared.work.handle(&token),
            (None, Some(removal)) => removal.handle(&token),
            (None, None) => BTreeMap::new(),
        };
        Intent {
            action: step.action,
            run,
            fence,
            since: asked.clock.now(),
            component_type: step.component_type.clone(),
            handle,
            inputs_hash: self.prepared.as_ref().map(|prepared| prepared.inputs_hash.clone()).unwrap_or_default(),
            inputs: self.prepared.as_ref().map(|prepared| prepared.inputs.clone()).unwrap_or_default(),
        }
    }

    /// Whether it turned out that there is nothing to do.
    pub fn is_unchanged(&self) -> bool {
        self.prepared.as_ref().is_some_and(|prepared| prepared.unchanged)
    }
}

/// Performs a step once an engine is free, its intent is stored, and the lease allows it. An intent is in no hurry before an
/// engine is free: until then it shares the writes of others.
pub async fn perform(asked: Arc<Asked>, at: usize, begun: Begun, landing: Landing) -> End {
    let cancelled = asked.run.cancelled();
    let taken = asked.free.take(asked.plan.steps[at].engine);
    let Some(_free) = cancelled.run_until_cancelled(taken).await else { return End::Unasked(None) };
    if let Err(error) = landing.landed().await {
        let lost = error.reason == Reason::LockLost;
        return End::Unasked((!lost).then_some(error));
    }
    let Some(Ok(())) = cancelled.run_until_cancelled(asked.lease.gate()).await else { return End::Unasked(None) };
    let step = &asked.plan.steps[at];
    asked.run.tell(Happening::ComponentStarted { component: step.component.clone(), action: step.action });
    let clock = Instant::now();
    let worked = Work { asked: &asked, step, begun: &begun }.again_and_again().await;
    let duration_ms = u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX);
    conclude(&asked, step, &begun, worked, duration_ms)
}

/// Records and tells what became of a step.
fn conclude(asked: &Asked, step: &Step, begun: &Begun, worked: EngineResult<Option<Outcome>>, duration_ms: u64) -> End {
    let now = asked.clock.now();
    let stopped = |status, why: &str| {
        drop(asked.state.update(|state| step.stopped(state, status, why.to_owned(), now)));
    };
    let (end, result, reason) = match worked {
        Ok(outcome) => {
            let outputs = outcome.as_ref().map(|outcome| outcome.outputs.clone());
            let unchanged = outcome.as_ref().is_some_and(|outcome| outcome.unchanged);
            drop(asked.state.update(|state| match (outcome, &begun.prepared) {
                (Some(outcome), Some(prepared)) => step.applied(state, prepared, outcome, now),
                _ => step.deleted(state),
            }));
            match outputs {
                Some(outputs) if unchanged => {
                    (End::Unchanged(outputs), ComponentEnd::Succeeded, "nothing changed".to_owned())
                }
                outputs => (End::Done(outputs), ComponentEnd::Succeeded, String::new()),
            }
        }
        Err(Failure::Failed(why)) => {
            stopped(ComponentStatus::Failed, &why);
            (End::Failed(why.clone()), ComponentEnd::Failed, why)
        }
        Err(Failure::Cancelled) => {
            stopped(ComponentStatus::Interrupted, "cancelled");
            (End::Cancelled, ComponentEnd::Cancelled, "the run was cancelled".to_owned())
        }
        Err(Failure::CutOff) => {
            let why = "the lock was lost while it ran";
            stopped(ComponentStatus::Interrupted, why);
            (End::Lost, ComponentEnd::Failed, why.to_owned())
        }
        Err(Failure::Left(why)) => {
            // The intent stays: whoever holds the lock next brings it to its end.
            drop(asked.state.update(|state| step.left(state, why.clone(), now)));
            let end = if asked.lease.standing() == HolderState::Lost { End::Lost } else { End::Cancelled };
            (end, ComponentEnd::Cancelled, why)
        }
    };
    let action = if matches!(end, End::Unchanged(_)) { Action::None } else { step.action };
    asked.finished(step, action, result, &reason, duration_ms);
    end
}

struct Work<'a> {
    asked: &'a Asked,
    step: &'a Step,
    begun: &'a Begun,
}

impl Work<'_> {
    /// Works; when the guard ended it because the lease was not proven in time, and now it is, works again.
    async fn again_and_again(&self) -> EngineResult<Option<Outcome>> {
        let listener = EventListener::new(Arc::clone(&self.asked.run), Some(self.step.component.clone()));
        let mut left = AGAIN;
        loop {
            let worked = self.work(&listener).await;
            let cut_off = matches!(worked, Err(Failure::CutOff));
            if !cut_off || left == 0 {
                return worked;
            }
            left -= 1;
            match self.asked.run.cancelled().run_until_cancelled(self.asked.lease.gate()).await {
                None => return Err(Failure::Cancelled),
                Some(Err(_)) => return worked,
                Some(Ok(())) => self.asked.run.tell(Happening::ComponentProgress {
                    component: self.step.component.clone(),
                    message: "started again: it had been ended, as the lock could not be proven to be ours".to_owned(),
                }),
            }
        }
    }

    async fn work(&self, listener: &EventListener) -> EngineResult<Option<Outcome>> {
        let id = &self.step.component;
        if let (Some(removal), Some(deployed)) = (&self.begun.removal, &self.step.deployed) {
            self.engine(deployed.engine)?.remove(id, removal, listener).await?;
            if self.begun.prepared.is_some() {
                drop(self.asked.state.update(|state| self.step.removed(state)));
            }
        }
        match &self.begun.prepared {
            Some(prepared) => self.engine(self.step.engine)?.apply(id, prepared, listener).await.map(Some),
            None => Ok(None),
        }
    }

    fn engine(&self, kind: EngineKind) -> EngineResult<&dyn Engine> {
        let missing = || Failure::Failed(format!("this version has no engine for `{}`", self.step.component_type));
        self.asked.engines.get(&kind).map(AsRef::as_ref).ok_or_else(missing)
    }
}

/// Takes the intent of a step back whose engine was not asked.
pub fn undo(step: &Step, state: &mut StateDocument) {
    state.in_flight.remove(&step.component);
    match &step.deployed {
        Some(deployed) => drop(state.components.insert(step.component.clone(), deployed.clone())),
        None => drop(state.components.remove(&step.component)),
    }
}
