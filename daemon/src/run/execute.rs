//! Carries a plan out: begins what is ready, records what becomes of it, and stops when it must.

use std::collections::HashMap;
use std::sync::Arc;

use deployer_domain::clock::Clock;
use deployer_domain::engine::Engine;
use deployer_domain::error::Error;
use deployer_domain::expression::Outputs;
use deployer_domain::lease::HolderState;
use deployer_domain::name::ComponentId;
use deployer_domain::plan::{Plan, SensitiveKey};
use deployer_domain::run::{ComponentEnd, Happening};
use deployer_domain::schedule::{Schedule, Stop};
use deployer_domain::state::{Action, Counts, EngineKind};
use tokio::sync::Semaphore;
use tokio::task::{self, JoinSet};

use super::owned::Run;
use super::step::{self, Asked, Begun, End, Free};
use crate::lease::{HeldLease, SealedState};

/// What is needed to carry a plan out.
pub struct Execution {
    /// The run.
    pub run: Arc<Run>,
    /// What is to be done.
    pub plan: Arc<Plan>,
    /// What sensitive values are compared with.
    pub key: SensitiveKey,
    /// The lock that it is done under.
    pub lease: Arc<HeldLease>,
    /// The sealed state.
    pub state: Arc<SealedState>,
    /// Who does it, by engine.
    pub engines: HashMap<EngineKind, Arc<dyn Engine>>,
    /// How many engines may be at work at once.
    pub parallelism: usize,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// How many commands run at once where nobody says otherwise.
pub const PARALLELISM: usize = 10;

/// What became of a plan.
#[derive(Debug, Default)]
pub struct Executed {
    /// How many steps did what.
    pub counts: Counts,
    /// What failed, and why.
    pub failures: Vec<(ComponentId, String)>,
    /// What was not begun because of that.
    pub skipped: Vec<ComponentId>,
    /// Why it was stopped before its end.
    pub stop: Option<Stop>,
    /// Why the state could not be written, apart from a lost lock.
    pub broken: Option<Error>,
}

impl Execution {
    /// Carries the plan out as far as that is possible.
    pub async fn carry_out(self) -> Executed {
        let mut course = Course::new(self);
        course.go().await;
        course.end()
    }
}

/// How many operations may be under way at a provider, which does the work: this machine only asks how they are. Who asks
/// for less than usual gets no more than that.
fn elsewhere(parallelism: usize) -> usize {
    if parallelism < PARALLELISM { parallelism } else { parallelism * 4 }
}

struct Course {
    asked: Arc<Asked>,
    resolver: deployer_domain::expression::Resolver,
    key: SensitiveKey,
    schedule: Schedule,
    at_work: JoinSet<End>,
    steps: HashMap<task::Id, usize>,
    executed: Executed,
}

impl Course {
    fn new(execution: Execution) -> Self {
        let Execution { run, plan, key, lease, state, engines, parallelism, clock } = execution;
        let parallelism = parallelism.max(1);
        let resolver = plan.resolver.clone();
        let elsewhere = elsewhere(parallelism);
        let stacks = plan.steps.iter().filter(|step| step.engine == EngineKind::Cloudformation).count();
        // As many again are begun ahead, so that engines do not wait for the storage.
        let schedule = Schedule::new(&plan.steps, parallelism * 2 + stacks.min(elsewhere));
        let free = Free { here: Semaphore::new(parallelism), elsewhere: Semaphore::new(elsewhere) };
        let asked = Arc::new(Asked { run, plan, lease, state, engines, free, clock });
        Self {
            asked,
            resolver,
            key,
            schedule,
            at_work: JoinSet::new(),
            steps: HashMap::new(),
            executed: Executed::default(),
        }
    }

    async fn go(&mut self) {
        let asked = Arc::clone(&self.asked);
        drop(asked.state.update(|state| asked.plan.record(state)));
        let mut standings = asked.lease.states();
        let mut followed = true;
        loop {
            let standing = asked.lease.standing();
            if standing == HolderState::Lost {
                self.schedule.stop(Stop::LockLost);
            } else if asked.run.cancelled().is_cancelled() {
                self.schedule.stop(Stop::Cancelled);
            }
            while let Some(step) = self.schedule.next(standing) {
                self.begin(step);
            }
            if self.schedule.is_over() {
                return;
            }
            let stopped = self.schedule.stopped().is_some();
            tokio::select! {
                Some(ended) = self.at_work.join_next_with_id() => self.joined(ended),
                changed = standings.changed(), if followed => followed = changed.is_ok(),
                () = asked.run.cancelled().cancelled(), if !stopped => {}
            }
        }
    }

    fn joined(&mut self, ended: std::result::Result<(task::Id, End), task::JoinError>) {
        let (id, end) = match ended {
            Ok((id, end)) => (id, end),
            Err(error) => (error.id(), End::Failed(format!("a fault in this program: {error}"))),
        };
        if let Some(step) = self.steps.remove(&id) {
            self.take(step, end);
        }
    }

    /// Begins a step: its intent is on the way to the state, and its task waits for that.
    fn begin(&mut self, at: usize) {
        let asked = Arc::clone(&self.asked);
        let step = &asked.plan.steps[at];
        if !asked.plan.runs(at) {
            if step.record {
                drop(asked.state.update(|state| step.record(state)));
            }
            self.executed.counts.unchanged += 1;
            self.schedule.done(at);
            return;
        }
        let begun = match Begun::prepare(step, &self.resolver, &self.key) {
            Ok(begun) => begun,
            Err(error) => return self.take(at, End::Failed(error.to_string())),
        };
        if begun.is_unchanged() {
            // What waits for its outputs finds those of the last time.
            if let Some(deployed) = &step.deployed {
                self.resolver.learn(step.component.clone(), Outputs::Known(deployed.outputs.clone()));
            }
            drop(asked.state.update(|state| step.record(state)));
            self.executed.counts.unchanged += 1;
            asked.finished(step, Action::None, ComponentEnd::Succeeded, "nothing changed", 0);
            self.schedule.done(at);
            return;
        }
        let intent = begun.intent(step, &asked);
        let landing = asked.state.update(|state| step.begin(state, intent, begun.prepared.as_ref()));
        let working = Arc::clone(&asked);
        let task = self.at_work.spawn(step::perform(working, at, begun, landing));
        self.steps.insert(task.id(), at);
    }

    fn take(&mut self, at: usize, end: End) {
        let asked = Arc::clone(&self.asked);
        let step = &asked.plan.steps[at];
        match end {
            End::Done(outputs) => {
                let counts = &mut self.executed.counts;
                match step.action {
                    Action::Create => counts.create += 1,
                    Action::Update => counts.update += 1,
                    Action::Replace => counts.replace += 1,
                    Action::Delete => counts.delete += 1,
                    Action::None => counts.unchanged += 1,
                }
                if let Some(outputs) = outputs {
                    self.resolver.learn(step.component.clone(), Outputs::Known(outputs));
                }
                self.schedule.done(at);
            }
            End::Unchanged(outputs) => {
                self.executed.counts.unchanged += 1;
                self.resolver.learn(step.component.clone(), Outputs::Known(outputs));
                self.schedule.done(at);
            }
            End::Failed(why) => {
                self.executed.failures.push((step.component.clone(), why));
                let blocked = self.schedule.failed(at);
                self.skip(&blocked, &format!("{} failed", step.component));
            }
            End::Cancelled => {
                self.schedule.stop(Stop::Cancelled);
                let blocked = self.schedule.failed(at);
                self.skip(&blocked, "the run was cancelled");
            }
            End::Lost => {
                self.schedule.stop(Stop::LockLost);
                let blocked = self.schedule.failed(at);
                self.skip(&blocked, "the lock was lost");
            }
            End::Unasked(broken) => {
                if let Some(error) = broken {
                    self.schedule.stop(Stop::Cancelled);
                    self.executed.broken.get_or_insert(error);
                }
                drop(asked.state.update(|state| step::undo(step, state)));
                self.schedule.unasked(at);
            }
        }
    }

    fn skip(&mut self, steps: &[usize], why: &str) {
        for &at in steps.iter().filter(|&&at| self.asked.plan.runs(at)) {
            let step = &self.asked.plan.steps[at];
            self.asked.finished(step, step.action, ComponentEnd::Skipped, why, 0);
            self.executed.skipped.push(step.component.clone());
        }
    }

    fn end(mut self) -> Executed {
        self.executed.stop = self.schedule.stopped();
        let left = self.schedule.left();
        let why = match self.executed.stop {
            Some(Stop::LockLost) => "the lock was lost",
            _ => "the run was cancelled",
        };
        self.skip(&left, why);
        self.executed
    }
}

impl Asked {
    /// Tells that a component's turn is over.
    pub(super) fn finished(
        &self,
        step: &deployer_domain::plan::Step,
        action: Action,
        result: ComponentEnd,
        reason: &str,
        duration_ms: u64,
    ) {
        self.run.tell(Happening::ComponentFinished {
            component: step.component.clone(),
            action,
            result,
            reason: reason.to_owned(),
            duration_ms,
        });
    }
}
