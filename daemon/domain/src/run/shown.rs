//! A plan as people and guests see it: texts only, no sensitive value.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::RunOperation;
use crate::expression::Shown;
use crate::name::{ComponentId, EnvironmentName, StackName, TenantId};
use crate::plan::{Plan, PlanDigest, Proposal, ResourceChange, Step, StepReason};
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
    /// Whether another person has to approve it first.
    #[serde(default)]
    pub needs_approval: bool,
    /// The number of the run whose source and variables a rollback goes back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_to: Option<u64>,
    /// Who holds the lock, in words: what that one does is not in the plan. Empty where nobody does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub locked_by: String,
    /// Whether the lock could not be read: a warning says why.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lock_unknown: bool,
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
    /// What its engine proposes, resource by resource.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceChange>,
    /// Stands for exactly that proposal; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub proposal: String,
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
    /// The plan with what engines propose for it. A component for which an engine finds nothing to do does not change.
    #[must_use]
    pub fn proposed(mut self, proposals: &BTreeMap<ComponentId, Proposal>, digest: &PlanDigest) -> Self {
        self.digest = digest.to_string();
        for step in &mut self.steps {
            let proposal = proposals.iter().find(|(id, _)| id.to_string() == step.component);
            let Some((_, proposal)) = proposal else { continue };
            step.proposal = proposal.digest();
            step.resources.clone_from(&proposal.resources);
            if proposal.is_empty() && step.action == Action::Update {
                step.action = Action::None;
                step.changes.clear();
                step.reason = "the provider finds nothing to change".to_owned();
                self.counts.update -= 1;
                self.counts.unchanged += 1;
            }
        }
        let counts = self.counts;
        self.changes &= counts.create + counts.update + counts.replace + counts.delete > 0 || proposals.is_empty();
        self
    }

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
            needs_approval: false,
            rollback_to: None,
            locked_by: String::new(),
            lock_unknown: false,
        }
    }
}

impl ShownStep {
    fn of(step: &Step) -> Self {
        let changes: Vec<ValueChange> = step.reasons.iter().filter_map(ValueChange::of).collect();
        let told = |reason: &&StepReason| ValueChange::of(reason).is_none();
        let reasons: Vec<String> = step.reasons.iter().filter(told).map(ToString::to_string).collect();
        Self {
            component: step.component.to_string(),
            component_type: step.component_type.clone(),
            engine: step.engine,
            action: step.action,
            reason: reasons.join("; "),
            changes,
            depends_on: step.after.iter().map(ToString::to_string).collect(),
            resources: Vec::new(),
            proposal: String::new(),
        }
    }
}

impl ValueChange {
    /// A change that has values to show; one that has none is a reason in words.
    fn of(reason: &StepReason) -> Option<Self> {
        match reason {
            StepReason::Changed(change) if change.before.is_some() || change.after.is_some() => Some(Self {
                name: change.part.clone(),
                before: change.before.as_ref().map(bare).unwrap_or_default(),
                after: change.after.as_ref().map(bare).unwrap_or_default(),
            }),
            _ => None,
        }
    }
}

/// A value without quotes: whoever prints it adds its own.
fn bare(value: &Shown) -> String {
    match value {
        Shown::Plain(text) => text.clone(),
        words => words.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Change;

    fn changed(before: Option<Shown>, after: Option<Shown>) -> StepReason {
        StepReason::Changed(Change { part: "environment.PAGE".to_owned(), before, after })
    }

    #[test]
    fn a_change_with_values_is_shown_by_them_without_quotes() {
        let change = ValueChange::of(&changed(Some(Shown::Plain("a".to_owned())), Some(Shown::Unknown))).unwrap();
        assert_eq!((change.before.as_str(), change.after.as_str()), ("a", "(known after apply)"));
    }

    #[test]
    fn a_change_without_values_is_told_in_words_alone() {
        assert_eq!(ValueChange::of(&changed(None, None)), None);
    }
}
