//! The port to CloudFormation: only what this program needs, in words of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::expression::Resolved;
use crate::object::PortResult;
use crate::plan::ResourceChange;
use crate::state::Resource;

/// A stack as the provider describes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackDescription {
    /// Its ARN, which no later stack of the same name has.
    pub id: String,
    /// Its status, such as `UPDATE_COMPLETE`.
    pub status: String,
    /// Why; may be empty.
    pub reason: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, String>,
    /// Whether it cannot be deleted now.
    pub protected: bool,
    /// What the last look for drift found, such as `IN_SYNC`, and when.
    pub drift: Option<(String, Timestamp)>,
}

/// A template on its way to the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateBody {
    /// The text itself.
    Text(Arc<str>),
    /// Where the provider finds it.
    Link(String),
}

/// A change set to be made.
#[derive(Debug, Clone)]
pub struct ChangeSetRequest {
    /// The stack.
    pub stack: String,
    /// Its name, which is also its client token.
    pub name: String,
    /// Whether the stack is to be made; else it is there and changes.
    pub create: bool,
    /// The template.
    pub template: TemplateBody,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, Resolved>,
    /// Parameters whose values stay as they are.
    pub kept_parameters: BTreeSet<String>,
    /// What is acknowledged.
    pub capabilities: BTreeSet<&'static str>,
    /// The stack's tags.
    pub tags: BTreeMap<String, String>,
}

/// A change set as the provider describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSet {
    /// It is still being made.
    Pending,
    /// It can be executed.
    Ready(Vec<ResourceChange>),
    /// Nothing would change.
    Empty,
    /// It could not be made; this is why.
    Failed(String),
}

/// Something that happened in a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackEvent {
    /// Its id.
    pub id: String,
    /// The client request token of the operation that it belongs to.
    pub token: String,
    /// The resource, by its name in the template.
    pub resource: String,
    /// Its type.
    pub resource_type: String,
    /// Its status, such as `CREATE_FAILED`.
    pub status: String,
    /// Why; may be empty.
    pub reason: String,
    /// Whether it tells of the stack itself.
    pub of_stack: bool,
}

/// What a look for drift came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriftDetection {
    /// It is still at work.
    Pending,
    /// It is over; the status of the stack, such as `DRIFTED`, and why it failed where it did.
    Done(String, String),
}

/// CloudFormation in one region with one caller's credentials.
#[async_trait]
pub trait Stacks: Send + Sync {
    /// The account that is reached.
    async fn account(&self) -> PortResult<String>;

    /// Describes a stack by name or ARN; nothing where there is none. A deleted one is found by its ARN only.
    async fn describe(&self, stack: &str) -> PortResult<Option<StackDescription>>;

    /// Makes a change set. One of this name that is there already is an earlier attempt of our own.
    async fn create_change_set(&self, request: &ChangeSetRequest) -> PortResult<()>;

    /// Describes a change set; nothing where there is none.
    async fn change_set(&self, stack: &str, name: &str) -> PortResult<Option<ChangeSet>>;

    /// The names of a stack's change sets that were not executed.
    async fn change_sets(&self, stack: &str) -> PortResult<Vec<String>>;

    /// Deletes a change set; it is no error where there is none.
    async fn delete_change_set(&self, stack: &str, name: &str) -> PortResult<()>;

    /// Executes a change set under a token.
    async fn execute(&self, stack: &str, name: &str, token: &str) -> PortResult<()>;

    /// Turns the protection against deletion on or off.
    async fn protect(&self, stack: &str, on: bool) -> PortResult<()>;

    /// Deletes a stack under a token.
    async fn delete(&self, stack: &str, token: &str) -> PortResult<()>;

    /// Cancels an update, which is then rolled back.
    async fn cancel_update(&self, stack: &str) -> PortResult<()>;

    /// Continues a rollback that failed.
    async fn continue_rollback(&self, stack: &str, token: &str) -> PortResult<()>;

    /// The id of the newest event of a stack.
    async fn newest_event(&self, stack: &str) -> PortResult<Option<String>>;

    /// The events of a stack after one that is known, oldest first.
    async fn events(&self, stack: &str, after: Option<&str>) -> PortResult<Vec<StackEvent>>;

    /// The template of a stack, as it was sent.
    async fn template(&self, stack: &str) -> PortResult<String>;

    /// Deletes some of what is in a bucket of a stack, older versions too; answers how much, 0 once it is empty.
    async fn empty_bucket(&self, bucket: &str) -> PortResult<usize>;

    /// What is in a stack.
    async fn resources(&self, stack: &str) -> PortResult<Vec<Resource>>;

    /// Begins to look for drift; answers the id of the look.
    async fn detect_drift(&self, stack: &str) -> PortResult<String>;

    /// What a look for drift came to.
    async fn drift_detection(&self, id: &str) -> PortResult<DriftDetection>;

    /// What is not as the template says, each in one line.
    async fn drifted(&self, stack: &str) -> PortResult<Vec<String>>;
}
