//! The engine of components that are CloudFormation stacks.
//!
//! Stacks change by change sets only. What is about to be done was noted in the state before, under a name and a token
//! that nobody else has; so whoever holds the lock next can find it, wait for it, or make sure that it never runs.
//!
//! **Invariant:** nothing is executed or deleted unless the lease was proven at that moment.
//! **Invariant:** no stack is changed whose tags say that it is another component's.

mod adopt;
mod apply;
mod change_set;
mod follow;
mod let_go;
mod look;
mod propose;
mod remove;

use std::sync::Arc;

use async_trait::async_trait;
use deployer_domain::cloudformation::{OperationToken, StackDescription, StackPlace, Stacks};
use deployer_domain::engine::{Adopted, Drift, Engine, EngineResult, Failure, Gate, Health, Listener, StackAccess};
use deployer_domain::error::Error;
use deployer_domain::name::ComponentId;
use deployer_domain::object::PortError;
use deployer_domain::plan::{Approved, Outcome, Prepared, Proposal, Removal, StackRemoval, StackWork, Work};
use deployer_domain::run::Redactor;
use deployer_domain::state::Intent;
use tokio_util::sync::CancellationToken;

/// Works on the stacks of one run, or looks at them.
pub struct CloudformationEngine {
    /// The way to CloudFormation.
    pub access: Arc<dyn StackAccess>,
    /// The lease; open for whoever only looks.
    pub gate: Arc<dyn Gate>,
    /// Names what is asked for.
    pub token: OperationToken,
    /// What was shown to whoever confirmed the plan; a change set that differs is refused.
    pub approved: Approved,
    /// Masks sensitive values in what CloudFormation tells.
    pub redactor: Redactor,
    /// Fires when the run is to end.
    pub cancel: CancellationToken,
}

/// One operation on one stack.
struct Operation<'a> {
    engine: &'a CloudformationEngine,
    id: &'a ComponentId,
    place: &'a StackPlace,
    stacks: Arc<dyn Stacks>,
    listener: &'a dyn Listener,
}

impl CloudformationEngine {
    async fn operation<'a>(
        &'a self,
        id: &'a ComponentId,
        place: &'a StackPlace,
        listener: &'a dyn Listener,
    ) -> EngineResult<Operation<'a>> {
        let stacks = self.access.stacks(place).await.map_err(|error| refused(&error))?;
        Ok(Operation { engine: self, id, place, stacks, listener })
    }
}

impl Operation<'_> {
    fn tell(&self, text: &str) {
        self.listener.progress(self.engine.redactor.redact(text.to_owned()));
    }

    fn name(&self) -> &str {
        &self.place.stack_name
    }

    async fn describe(&self) -> EngineResult<Option<StackDescription>> {
        self.stacks.describe(self.name()).await.map_err(|error| failed("describe", self.name(), &error))
    }

    /// Waits until something may be begun; the lock may have been lost meanwhile.
    async fn pass_gate(&self) -> EngineResult<()> {
        if self.engine.cancel.is_cancelled() {
            return Err(Failure::Cancelled);
        }
        self.engine.gate.pass().await.map_err(|_| Failure::CutOff)
    }

    /// Refuses a stack that is not this component's.
    fn check_owner(&self, stack: &StackDescription, tags: &Tags) -> EngineResult<()> {
        let foreign = tags.iter().find(|(name, value)| stack.tags.get(**name) != Some(*value));
        match foreign {
            None => Ok(()),
            Some((name, wanted)) => {
                let found = stack.tags.get(*name).map_or_else(|| "none".to_owned(), |found| format!("{found:?}"));
                Err(Failure::Failed(format!(
                    "the stack {} is not this component's: its tag {name} is {found}, not {wanted:?}; nothing was done",
                    self.name()
                )))
            }
        }
    }
}

/// The tags that say whose a stack is.
type Tags = std::collections::BTreeMap<&'static str, String>;

fn failed(what: &str, stack: &str, error: &PortError) -> Failure {
    Failure::Failed(format!("cannot {what} the stack {stack}: {error}"))
}

fn refused(error: &Error) -> Failure {
    Failure::Failed(error.to_string())
}

fn work_of(wanted: &Prepared) -> EngineResult<&StackWork> {
    match &wanted.work {
        Work::Cloudformation(work) => Ok(work),
        Work::Command(_) | Work::Terraform(_) => Err(not_a_stack()),
    }
}

fn stack_of(removal: &Removal) -> EngineResult<&StackRemoval> {
    match removal {
        Removal::Cloudformation(stack) => Ok(stack),
        Removal::Command(_) | Removal::Terraform(_) => Err(not_a_stack()),
    }
}

fn not_a_stack() -> Failure {
    Failure::Failed("a fault in this program: the engine of stacks was asked for something else".to_owned())
}

/// Listens to nothing.
struct Deaf;

impl Listener for Deaf {
    fn output(&self, _: deployer_domain::run::OutputStream, _: String) {}
    fn progress(&self, _: String) {}
}

#[async_trait]
impl Engine for CloudformationEngine {
    async fn plan(&self, id: &ComponentId, wanted: &Prepared) -> EngineResult<Option<Proposal>> {
        let work = work_of(wanted)?;
        self.operation(id, &work.place, &Deaf).await?.propose(work).await.map(Some)
    }

    async fn apply(&self, id: &ComponentId, wanted: &Prepared, listener: &dyn Listener) -> EngineResult<Outcome> {
        let work = work_of(wanted)?;
        self.operation(id, &work.place, listener).await?.apply(work).await
    }

    async fn remove(&self, id: &ComponentId, removal: &Removal, listener: &dyn Listener) -> EngineResult<()> {
        let stack = stack_of(removal)?;
        self.operation(id, &stack.place, listener).await?.remove(stack.data).await
    }

    async fn check(&self, id: &ComponentId, check: &Removal) -> EngineResult<Health> {
        self.operation(id, &stack_of(check)?.place, &Deaf).await?.health().await
    }

    async fn drift(&self, id: &ComponentId, check: &Removal) -> EngineResult<Drift> {
        self.operation(id, &stack_of(check)?.place, &Deaf).await?.drift().await
    }

    async fn adopt(&self, id: &ComponentId, intent: &Intent, listener: &dyn Listener) -> EngineResult<Adopted> {
        let Some((place, token)) = StackPlace::of_handle(&intent.handle) else { return Ok(Adopted::Unfinished) };
        self.operation(id, &place, listener).await?.adopt(intent, &token).await
    }
}
