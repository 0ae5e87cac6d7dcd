//! Targets and plans on the wire.

use std::collections::HashMap;
use std::path::PathBuf;

use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::manifest::Given;
use deployer_domain::name::ComponentId;
use deployer_domain::plan::{Approved, ResourceChange};
use deployer_domain::run::{RunOperation, ShownPlan, ShownStep, ValueChange};
use deployer_domain::state::EngineKind;
use deployer_proto::v1;
use secrecy::SecretString;

use super::convert::given;
use super::events::{action_to_proto, counts_to_proto, operation_to_proto, short};
use crate::operation::blueprint::Question;
use crate::operation::target::Target;

pub(crate) fn target_from_proto(target: Option<v1::StackTarget>) -> Result<Target> {
    let target = target.unwrap_or_default();
    Ok(Target {
        stack: given(target.stack).map(|name| name.parse()).transpose()?,
        environment: given(target.environment),
        file: given(target.file).map(PathBuf::from),
        services: target.services.iter().map(|name| name.parse()).collect::<std::result::Result<_, _>>()?,
        components: target.components.iter().map(|id| id.parse()).collect::<std::result::Result<_, _>>()?,
        variables: variables(target.variables),
        variable_files: target.variable_files.into_iter().map(PathBuf::from).collect(),
        tenant: given(target.tenant).map(|id| id.parse()).transpose()?,
    })
}

fn variables(variables: std::collections::HashMap<String, String>) -> Given {
    variables.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect()
}

pub(crate) fn question_from_proto(
    target: Option<v1::StackTarget>,
    options: Option<v1::PlanOptions>,
) -> Result<Question> {
    let options = options.unwrap_or_default();
    let operation = match options.operation() {
        v1::Operation::Unspecified | v1::Operation::Apply => RunOperation::Apply,
        v1::Operation::Destroy => RunOperation::Destroy,
        v1::Operation::Rollback => RunOperation::Rollback,
        v1::Operation::LockRun => {
            return Err(Error::new(Reason::InvalidRequest, "options.operation must be apply, destroy or rollback"));
        }
    };
    Ok(Question {
        operation,
        target: target_from_proto(target)?,
        replace: options.replace.iter().map(|id| id.parse()).collect::<std::result::Result<_, _>>()?,
        delete_data: options.delete_data,
        rollback_to: (options.rollback_to > 0).then(|| options.rollback_to.into()),
    })
}

pub(crate) fn plan_to_proto(plan: ShownPlan) -> v1::Plan {
    v1::Plan {
        tenant: plan.tenant.to_string(),
        stack: plan.stack.to_string(),
        environment: plan.environment.to_string(),
        operation: operation_to_proto(plan.operation).into(),
        serial: plan.serial,
        digest: plan.digest,
        steps: plan.steps.into_iter().map(step_to_proto).collect(),
        counts: Some(counts_to_proto(plan.counts)),
        warnings: plan.warnings,
        refusals: plan.refusals,
        changes: plan.changes,
        needs_approval: plan.needs_approval,
        rollback_to: plan.rollback_to.map(short).unwrap_or_default(),
        locked_by: plan.locked_by,
        lock_unknown: plan.lock_unknown,
    }
}

fn step_to_proto(step: ShownStep) -> v1::PlannedStep {
    v1::PlannedStep {
        component: step.component,
        r#type: step.component_type,
        engine: engine_name(step.engine).to_owned(),
        action: action_to_proto(step.action).into(),
        reason: step.reason,
        changes: step.changes.into_iter().map(change_to_proto).collect(),
        depends_on: step.depends_on,
        resources: step.resources.into_iter().map(resource_to_proto).collect(),
        proposal: step.proposal,
    }
}

fn resource_to_proto(change: ResourceChange) -> v1::ResourceChange {
    v1::ResourceChange {
        action: change.action.to_string(),
        name: change.name,
        r#type: change.resource_type,
        physical_id: change.physical_id,
        permissions: change.permissions,
        details: change.details,
    }
}

/// What engines proposed for a plan that was confirmed, by component.
pub(crate) fn approved_from_proto(proposals: HashMap<String, String>) -> Result<Approved> {
    let one = |(id, digest): (String, String)| Ok((id.parse::<ComponentId>()?, digest));
    proposals.into_iter().map(one).collect::<Result<_>>().map(Approved)
}

pub(crate) fn change_to_proto(change: ValueChange) -> v1::ValueChange {
    v1::ValueChange { name: change.name, before: change.before, after: change.after }
}

pub(crate) fn engine_name(engine: EngineKind) -> &'static str {
    match engine {
        EngineKind::Command => "command",
        EngineKind::Cloudformation => "cloudformation",
        EngineKind::Terraform => "terraform",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_not_given() {
        let target = target_from_proto(Some(v1::StackTarget::default())).unwrap();
        assert!(target.stack.is_none() && target.environment.is_none() && target.file.is_none());
        assert!(target.selection().is_everything() && target.variables.is_empty());
    }

    #[test]
    fn bad_names_and_operations_are_refused_before_they_reach_anything() {
        let target = |stack: &str| Some(v1::StackTarget { stack: stack.to_owned(), ..v1::StackTarget::default() });
        for stack in ["../x", "A b", &"x".repeat(300)] {
            assert_eq!(target_from_proto(target(stack)).unwrap_err().reason, Reason::InvalidRequest, "{stack}");
        }
        let options = v1::PlanOptions { operation: v1::Operation::LockRun.into(), ..v1::PlanOptions::default() };
        assert_eq!(question_from_proto(None, Some(options)).unwrap_err().reason, Reason::InvalidRequest);
    }
}
