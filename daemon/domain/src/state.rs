//! `state.json`: what is deployed in one environment of one stack, and who may change it next.
//!
//! The document is fenced: it carries the token of the lease that may write it (`fence`), and every write has a
//! `writeId` of its own, so that an answer that got lost can be recognised. How it is written is the business of the
//! lease; here is only its shape.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ulid::Ulid;

use crate::name::{ComponentId, EnvironmentName, RunId, StackName, TenantId};

/// The version of `state.json` and `history/NNN.json` that this program writes.
pub const STATE_FORMAT: u32 = 1;

/// The state of one environment of one stack.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateDocument {
    /// [`STATE_FORMAT`]; absent (0) in documents of older tools.
    #[serde(default)]
    pub format_version: u32,
    /// The program that wrote it, such as `deployer 0.1.0`.
    #[serde(default)]
    pub written_by: String,
    /// The tenant.
    pub tenant: TenantId,
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Rises by one with each run that changed something; a seal keeps it. A plan is made for one serial.
    #[serde(default)]
    pub serial: u64,
    /// The fencing token of the lease that may write; never falls.
    #[serde(default)]
    pub fence: u64,
    /// The session (daemon incarnation) of that lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Ulid>,
    /// Unique for each write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write_id: Option<Ulid>,
    /// Operations that may be going on at an engine: the intents, by component.
    #[serde(default)]
    pub in_flight: BTreeMap<ComponentId, Intent>,
    /// The number of the last history document.
    #[serde(default)]
    pub history_number: u64,
    /// The run that wrote last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// When it was last written, by the writer's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
    /// SHA-256, in hexadecimal, of the source that the last apply was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The region of the environment when it was last applied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The variables of the last apply; a sensitive one only as a keyed HMAC.
    #[serde(default)]
    pub variables: BTreeMap<String, RecordedVariable>,
    /// What is deployed.
    #[serde(default)]
    pub components: BTreeMap<ComponentId, ComponentState>,
    /// How the last finished run ended: what history document [`history_number`](Self::history_number) says beside the
    /// state, so that the next holder can write that document where its author could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<Box<HistoryEntry>>,
    /// Set when the tenant's storage moved: the new path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
    /// Set when the stack was removed: nothing is left of it but the fence. The next apply begins it anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// Set when the tenant was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// Fields of a newer or older tool, kept as they are.
    #[serde(flatten)]
    pub unknown: BTreeMap<String, Value>,
}

impl StateDocument {
    /// The state of an environment in which nothing was ever deployed.
    pub fn empty(tenant: TenantId, stack: StackName, environment: EnvironmentName) -> Self {
        Self {
            format_version: STATE_FORMAT,
            written_by: String::new(),
            tenant,
            stack,
            environment,
            serial: 0,
            fence: 0,
            session: None,
            write_id: None,
            in_flight: BTreeMap::new(),
            history_number: 0,
            run: None,
            updated: None,
            source: None,
            region: None,
            variables: BTreeMap::new(),
            components: BTreeMap::new(),
            last_run: None,
            moved_to: None,
            removed: false,
            deleted: false,
            unknown: BTreeMap::new(),
        }
    }

    /// Whether anything is deployed.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty() && self.in_flight.is_empty()
    }

    /// The number of distinct services with at least one component.
    pub fn service_count(&self) -> usize {
        let services: std::collections::BTreeSet<_> = self.components.keys().map(|id| &id.service).collect();
        services.len()
    }
}

/// A variable as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecordedVariable {
    /// Its value.
    Value(String),
    /// A keyed HMAC-SHA-256 of a sensitive value, in hexadecimal; the key is not in the state.
    Sensitive(String),
}

/// What is about to be done, written before an engine is asked to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Intent {
    /// What was asked for.
    pub action: Action,
    /// The run that asked.
    pub run: RunId,
    /// The token of its lease.
    pub fence: u64,
    /// When, by the writer's clock.
    pub since: Timestamp,
    /// The component's type.
    #[serde(rename = "type")]
    pub component_type: String,
    /// What the engine needs to find the operation again, such as a client request token.
    #[serde(default)]
    pub handle: BTreeMap<String, String>,
    /// The inputs hash of the component once it is done; empty for a delete.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub inputs_hash: String,
    /// The parts of that hash.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
}

/// What a plan does to a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It is not there yet.
    Create,
    /// It is there and changes in place.
    Update,
    /// It is destroyed and made anew.
    Replace,
    /// It is destroyed.
    Delete,
    /// Nothing is to be done.
    None,
}

/// The engine that a component's type names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EngineKind {
    /// Commands run by the daemon.
    Command,
    /// AWS CloudFormation.
    Cloudformation,
    /// Terraform or OpenTofu.
    Terraform,
}

/// What is known of one deployed component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComponentState {
    /// Its type, such as `command`.
    #[serde(rename = "type")]
    pub component_type: String,
    /// Its engine.
    pub engine: EngineKind,
    /// What became of the last operation.
    pub status: ComponentStatus,
    /// SHA-256, in hexadecimal, over its inputs, its text and its resolved expressions.
    #[serde(default)]
    pub inputs_hash: String,
    /// The parts of that hash by what they stand for, so that a plan can say which one changed.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// The components it depends on, for the order of a destroy without the file.
    #[serde(default)]
    pub depends_on: Vec<ComponentId>,
    /// What it needs to be destroyed without the file (for `command`: text and environment expressions).
    #[serde(default)]
    pub definition: Value,
    /// Its outputs.
    #[serde(default)]
    pub outputs: BTreeMap<String, Output>,
    /// What the engine made: physical resources.
    #[serde(default)]
    pub resources: Vec<Resource>,
    /// Whether `destroy` keeps it unless `--delete-data` is given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retain: bool,
    /// When it was first made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
    /// How long the last operation took, in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
    /// Why the last operation failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// What became of a component's last operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ComponentStatus {
    /// It is there as the last apply wanted it.
    Deployed,
    /// The last operation failed; it may be there in part. The next apply does it again.
    Failed,
    /// The last operation was cut off; it may be there in part. The next apply does it again.
    Interrupted,
}

/// One output of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Output {
    /// Its value.
    Value(String),
    /// Only where the value is, because it is sensitive.
    Reference(String),
}

/// One physical resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// Its type at the provider.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// Its name or ARN at the provider.
    pub id: String,
}

/// `history/NNN.json`: the state as of one finished run, and how it came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryDocument {
    /// [`STATE_FORMAT`].
    #[serde(default)]
    pub format_version: u32,
    /// Which run it was and how it ended.
    #[serde(flatten)]
    pub entry: HistoryEntry,
    /// The state when it ended.
    pub state: StateDocument,
}

/// One finished run: who, what, why, when, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Its number.
    pub number: u64,
    /// The run.
    pub run: RunId,
    /// What the run was asked to do: `apply`, `destroy`, `rollback`.
    pub operation: String,
    /// Who asked.
    pub actor: String,
    /// Who that was to the cloud.
    pub principal: String,
    /// The reason that was given, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The commit of the stack's directory, if it is in a git work tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_commit: Option<String>,
    /// The branch, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_branch: Option<String>,
    /// When the run started.
    pub started: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How it ended.
    pub result: RunResult,
    /// Why, when it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How many components it created, updated, replaced and deleted.
    #[serde(default)]
    pub counts: Counts,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunResult {
    /// Everything was done.
    Succeeded,
    /// Something failed; what did not depend on it was finished.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// The daemon ended in its middle.
    Interrupted,
    /// Another holder took the lock over.
    LockLost,
}

/// Numbers of components by what was done to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub struct Counts {
    #[serde(default)]
    pub create: u32,
    #[serde(default)]
    pub update: u32,
    #[serde(default)]
    pub replace: u32,
    #[serde(default)]
    pub delete: u32,
    #[serde(default)]
    pub unchanged: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_read_back_as_it_was_written_and_keeps_unknown_fields() {
        let mut state =
            StateDocument::empty("acme-team".parse().unwrap(), "s".parse().unwrap(), "dev".parse().unwrap());
        state.unknown.insert("later".to_owned(), Value::from(7));
        let text = serde_json::to_string(&state).unwrap();
        assert!(text.contains("\"formatVersion\":1") && text.contains("\"later\":7"), "{text}");
        assert_eq!(serde_json::from_str::<StateDocument>(&text).unwrap(), state);
    }
}
