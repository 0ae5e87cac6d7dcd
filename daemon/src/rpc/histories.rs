//! The history of stacks on the wire.

use deployer_domain::history_diff::{ComponentChange, FileChange};
use deployer_domain::run::RunOperation;
use deployer_domain::state::{ComponentStatus, HistoryEntry, RecordedVariable, RunResult, StateDocument};
use deployer_proto::v1;

use super::events::{action_to_proto, counts_to_proto, operation_to_proto, short};
use super::plans::change_to_proto;
use crate::operation::diff_history::Difference;

pub(crate) fn history_to_proto(entry: HistoryEntry, state: Option<&StateDocument>) -> v1::HistoryRow {
    let operation = RunOperation::from_name(&entry.operation).map(operation_to_proto);
    v1::HistoryRow {
        number: short(entry.number),
        run: entry.run.to_string(),
        operation: operation.unwrap_or_default().into(),
        result: result_name(entry.result).to_owned(),
        actor: entry.actor,
        principal: entry.principal,
        started: entry.started.to_string(),
        duration_ms: short(entry.duration_ms),
        counts: Some(counts_to_proto(entry.counts)),
        git_commit: entry.git_commit.unwrap_or_default(),
        git_branch: entry.git_branch.unwrap_or_default(),
        message: entry.message.unwrap_or_default(),
        why: entry.why.unwrap_or_default(),
        variables: state.into_iter().flat_map(variables_to_proto).collect(),
        components: state.into_iter().flat_map(components_to_proto).collect(),
    }
}

fn result_name(result: RunResult) -> &'static str {
    match result {
        RunResult::Succeeded => "succeeded",
        RunResult::Failed => "failed",
        RunResult::Cancelled => "cancelled",
        RunResult::Interrupted => "interrupted",
        RunResult::LockLost => "lock lost",
    }
}

fn variables_to_proto(state: &StateDocument) -> impl Iterator<Item = v1::HistoryVariable> {
    state.variables.iter().map(|(name, recorded)| {
        let (value, sensitive) = match recorded {
            RecordedVariable::Value(value) => (value.clone(), false),
            RecordedVariable::Sensitive(_) => (String::new(), true),
        };
        v1::HistoryVariable { name: name.clone(), value, sensitive }
    })
}

fn components_to_proto(state: &StateDocument) -> impl Iterator<Item = v1::HistoryComponent> {
    state.components.iter().map(|(id, component)| v1::HistoryComponent {
        component: id.to_string(),
        r#type: component.component_type.clone(),
        status: match component.status {
            ComponentStatus::Deployed => "deployed",
            ComponentStatus::Failed => "failed",
            ComponentStatus::Interrupted => "interrupted",
        }
        .to_owned(),
    })
}

pub(crate) fn difference_to_proto(difference: Difference) -> v1::DiffHistoryResponse {
    v1::DiffHistoryResponse {
        stack: difference.stack.to_string(),
        environment: difference.environment.to_string(),
        from: Some(history_to_proto(difference.from, None)),
        to: Some(history_to_proto(difference.to, None)),
        variables: difference.variables.into_iter().map(change_to_proto).collect(),
        components: difference.components.into_iter().map(component_to_proto).collect(),
        files: difference.files.into_iter().map(file_to_proto).collect(),
        warnings: difference.warnings,
    }
}

fn component_to_proto(change: ComponentChange) -> v1::ComponentChange {
    v1::ComponentChange {
        component: change.component.to_string(),
        r#type: change.component_type,
        action: action_to_proto(change.action).into(),
        changes: change.changes.into_iter().map(change_to_proto).collect(),
    }
}

fn file_to_proto(change: FileChange) -> v1::FileChange {
    v1::FileChange { path: change.path, action: action_to_proto(change.action).into(), diff: change.diff }
}
