//! What a run would do, as a value.
//!
//! ```text
//! plan_apply(&manifest, PlanInput { … })   -> Plan     apply, rollback (with the old source's manifest), plan
//! plan_destroy(PlanInput { … })            -> Plan     destroy, from the state alone
//! plan.steps                               in an order that respects `after`; steps that do nothing are among them
//! plan.resolver                            knows variables and outputs; teach it with `resolver.learn(id, outputs)`
//! Progress::new(&plan.steps)               which steps are ready, and what a failure stops (the scheduler's core)
//! step.prepare(&resolver, &key)            -> Prepared: what to run for create, update, replace
//! step.removal(&resolver)                  -> Option<Removal>: what to run for delete and the first half of replace
//! step.begin / applied / deleted / stopped  how the state document changes around a step (`record.rs`)
//! plan.digest                              covers tenant, stack, environment, serial, source, variables and steps
//! SavedPlan::of(&plan, …) / .check(&plan, …)  `plan --out FILE`, `apply FILE`
//! ```
//!
//! A step whose only reason is a value that is not known yet (`Step::conditional`) may turn out to have nothing to do:
//! `Prepared::unchanged` says so once its dependencies have told their outputs.

mod apply;
mod deployed;
mod destroy;
mod digest;
mod inputs;
mod progress;
mod proposal;
mod reason;
mod record;
mod saved;
mod select;
mod step;
#[cfg(test)]
mod tests;
mod work;

pub use apply::plan_apply;
pub use deployed::{Deployed, DeployedCommand, DeployedModule, DeployedStack, RecordedText};
pub use destroy::plan_destroy;
pub use digest::{PlanDigest, SensitiveKey};
pub use inputs::Inputs;
pub use progress::{Progress, Status};
pub use proposal::{Approved, Proposal, ResourceAction, ResourceChange};
pub use reason::{Change, StepReason};
pub use record::{Outcome, adopted};
pub use saved::{PLAN_FORMAT, SavedPlan, Saving};
pub use select::Selection;
pub use step::Step;
pub use work::{CommandRun, CommandWork, DataFate, ModuleWork, Prepared, Removal, StackRemoval, StackWork, Work};

use std::collections::{BTreeMap, BTreeSet};

use crate::expression::Resolver;
use crate::manifest::Values;
use crate::name::{ComponentId, EnvironmentName, StackName, TenantId};
use crate::source::{InputHashes, SourceHash};
use crate::state::{Counts, RecordedVariable, StateDocument};

/// What a run would do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it was planned for.
    pub operation: Operation,
    /// The tenant.
    pub tenant: TenantId,
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The region, where one is known.
    pub region: Option<String>,
    /// The serial of the state that it was made for; it is stale when the state's has risen.
    pub serial: u64,
    /// What it was made of; none for a destroy.
    pub source: Option<SourceHash>,
    /// The variables as the state will record them.
    pub variables: BTreeMap<String, RecordedVariable>,
    /// Every selected component, each after all that it waits for.
    pub steps: Vec<Step>,
    /// How many steps do what.
    pub counts: Counts,
    /// What a person should know before saying yes.
    pub warnings: Vec<String>,
    /// What stands for exactly this plan.
    pub digest: PlanDigest,
    /// Knows the variables and the outputs; the scheduler teaches it new outputs.
    pub resolver: Resolver,
}

impl Plan {
    /// Whether a run would start any engine.
    pub fn has_changes(&self) -> bool {
        self.counts.create + self.counts.update + self.counts.replace + self.counts.delete > 0
    }

    /// Whether a run would write the state: it also does where only something like `onDestroy` changed.
    pub fn has_records(&self) -> bool {
        self.has_changes() || self.steps.iter().any(|step| step.record)
    }
}

/// What a plan is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operation {
    /// To make the environment as the file says.
    Apply,
    /// To take everything away.
    Destroy,
}

/// What a plan is made from, besides the file.
#[derive(Debug, Clone)]
pub struct PlanInput<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// The region where the environment names none: the tenant's.
    pub default_region: Option<&'a str>,
    /// The variables; for a destroy `Values::of_state`.
    pub values: Values,
    /// What is deployed.
    pub state: &'a StateDocument,
    /// The content of the files that `inputs:` name; empty for a destroy.
    pub inputs: &'a InputHashes,
    /// What the plan is made of; none for a destroy.
    pub source: Option<SourceHash>,
    /// What sensitive values are compared with.
    pub key: &'a SensitiveKey,
    /// What the person asked for besides.
    pub options: PlanOptions,
}

/// What the person asked for besides.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// Only these, and what they need (for a destroy: what needs them).
    pub selection: Selection,
    /// Components to be made anew.
    pub replace: BTreeSet<ComponentId>,
    /// Whether a destroy deletes what is kept by default.
    pub delete_data: bool,
}
