//! A plan as people and guests see it: texts only, no sensitive value.

use serde::{Deserialize, Serialize};

use super::RunOperation;
use crate::name::{EnvironmentName, StackName, TenantId};
use crate::plan::{Plan, Step, StepReason};
use crate::state::{Action, Counts, EngineKind};

/// A plan as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownPlan {
    /// The tenant.
    pub tenant: TenantId,
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// What it is for.
    pub operation: RunOperation,
    /// The serial of the state it was made for.
    pub serial: u64,
    /// What stands for exactly this plan.
    pub digest: String,
    /// The steps, each after all that it waits for.
    pub steps: Vec<ShownStep>,
    /// How many steps do what.
    pub counts: Counts,
    /// What a person should know.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What would stop a run.
    #[serde(default)]
    pub refusals: Vec<String>,
    /// Whether a run would do anything.
    pub changes: bool,
}

/// One component in a shown plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownStep {
    /// `SERVICE.COMPONENT`.
    pub component: String,
    /// Its type.
    #[serde(rename = "type")]
    pub component_type: String,
    /// Its engine.
    pub engine: EngineKind,
    /// What is done to it.
    pub action: Action,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// What changes, value by value.
    #[serde(default)]
    pub changes: Vec<ValueChange>,
    /// The steps that come first.
    #[serde(default)]
    pub depends_on: Vec<String>,
}

/// One value that changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ValueChange {
    /// Which.
    pub name: String,
    /// What it was; empty where there was none.
    #[serde(default)]
    pub before: String,
    /// What it will be.
    #[serde(default)]
    pub after: String,
}

impl ShownPlan {
    /// A plan as it is shown, with what would stop a run.
    pub fn of(plan: &Plan, operation: RunOperation, refusals: Vec<String>) -> Self {
        Self {
            tenant: plan.tenant.clone(),
            stack: plan.stack.clone(),
            environment: plan.environment.clone(),
            operation,
            serial: plan.serial,
            digest: plan.digest.to_string(),
            steps: plan.steps.iter().map(ShownStep::of).collect(),
            counts: plan.counts,
            warnings: plan.warnings.clone(),
            refusals,
            changes: plan.has_records(),
        }
    }
}

impl ShownStep {
    fn of(step: &Step) -> Self {
        let reasons: Vec<String> = step.reasons.iter().map(ToString::to_string).collect();
        let change = |reason: &StepReason| match reason {
            StepReason::Changed(change) => Some(ValueChange {
                name: change.part.clone(),
                before: change.before.as_ref().map(ToString::to_string).unwrap_or_default(),
                after: change.after.as_ref().map(ToString::to_string).unwrap_or_default(),
            }),
            _ => None,
        };
        Self {
            component: step.component.to_string(),
            component_type: step.component_type.clone(),
            engine: step.engine,
            action: step.action,
            reason: reasons.join("; "),
            changes: step.reasons.iter().filter_map(change).collect(),
            depends_on: step.after.iter().map(ToString::to_string).collect(),
        }
    }
}
