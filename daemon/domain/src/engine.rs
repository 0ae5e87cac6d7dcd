//! The port to engines: what makes a component so, takes it away, and looks after it.
//!
//! An engine is made for one run. It knows the run's lease, directory and credentials; what it is asked here is only
//! about components.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::cloudformation::{StackPlace, StackTemplate, Stacks};
use crate::error::Result;
use crate::name::ComponentId;
use crate::plan::{Outcome, Prepared, Proposal, Removal};
use crate::run::OutputStream;
use crate::state::Intent;

/// Why an engine did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It failed; this is why, in one line.
    Failed(String),
    /// It was stopped because somebody cancelled the run.
    Cancelled,
    /// It was ended because the lease was not proven in time. It may be asked again once the lease is.
    CutOff,
    /// The provider goes on with it by itself; its intent stays, for a successor to resolve. This is why it was left.
    Left(String),
}

/// The result of an engine's work.
pub type EngineResult<T> = std::result::Result<T, Failure>;

/// How a component is, as far as its engine can tell without a guess.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// In one word.
    pub condition: Condition,
    /// Why; may be empty.
    pub reason: String,
}

/// How a component is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// All is well.
    Healthy,
    /// It is there, and not all is well.
    Degraded,
    /// It is gone.
    Missing,
    /// It is there and well, and not as it was deployed.
    Drifted,
    /// The engine cannot tell.
    Unknown,
}

impl Condition {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Degraded => "Degraded",
            Self::Missing => "Missing",
            Self::Drifted => "Drifted",
            Self::Unknown => "Unknown",
        }
    }
}

/// Whether a component is as it was deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// In one word.
    pub state: DriftState,
    /// What differs, or why it cannot be told; may be empty.
    pub details: Vec<String>,
}

/// Whether a component is as it was deployed, in one word. Never a guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DriftState {
    /// It is.
    InSync,
    /// It is not.
    Drifted,
    /// It is gone.
    Missing,
    /// Nobody can tell.
    Unsupported,
}

impl DriftState {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InSync => "in-sync",
            Self::Drifted => "drifted",
            Self::Missing => "missing",
            Self::Unsupported => "unsupported",
        }
    }
}

/// What became of an operation that a dead or fenced-off holder had asked for.
#[derive(Debug, Clone)]
pub enum Adopted {
    /// It was done; nothing where the component is gone now.
    Done(Option<Outcome>),
    /// It failed; this is why.
    Failed(String),
    /// It never began, or was cut off: it is to be done again.
    Unfinished,
}

/// Is told what an engine has to tell while it works.
pub trait Listener: Send + Sync {
    /// A command printed a line.
    fn output(&self, stream: OutputStream, line: String);
    /// Something went on.
    fn progress(&self, message: String);
}

/// The lease of a run, as an engine needs it.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Passes when something new may be started at this very moment; waits while that is in doubt. The error is
    /// `LOCK_LOST`.
    async fn pass(&self) -> Result<()>;

    /// Waits until the lease is lost, which may be never.
    async fn lost(&self);
}

/// Opens CloudFormation for an engine, with the credentials of whoever asked for the run.
#[async_trait]
pub trait StackAccess: Send + Sync {
    /// CloudFormation in a region, with a role where one is assumed.
    async fn stacks(&self, place: &StackPlace) -> Result<Arc<dyn Stacks>>;

    /// Puts a template that is too long for a request where CloudFormation finds it; answers the address.
    async fn upload(&self, template: &StackTemplate) -> Result<String>;
}

/// Lends the cloud credentials of whoever asked to a program that is not ours.
#[async_trait]
pub trait ProviderAccess: Send + Sync {
    /// What such a program finds in its environment beside the caller's own, so that it works in this region and with
    /// this role. Fails where the credentials reach another account than they must, or end soon.
    async fn variables(&self, region: Option<&str>, role_arn: Option<&str>) -> Result<BTreeMap<String, SecretString>>;
}

/// Makes components so, takes them away, and looks after them.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Looks what [`apply`](Self::apply) would do, resource by resource; nothing where the engine cannot tell. Changes
    /// nothing that lasts.
    async fn plan(&self, id: &ComponentId, wanted: &Prepared) -> EngineResult<Option<Proposal>>;

    /// Creates or updates a component.
    async fn apply(&self, id: &ComponentId, wanted: &Prepared, listener: &dyn Listener) -> EngineResult<Outcome>;

    /// Takes a component away.
    async fn remove(&self, id: &ComponentId, removal: &Removal, listener: &dyn Listener) -> EngineResult<()>;

    /// Looks how a component is. Changes nothing.
    async fn check(&self, id: &ComponentId, check: &Removal) -> EngineResult<Health>;

    /// Looks whether a component is as it was deployed, however long that takes. Changes nothing.
    async fn drift(&self, id: &ComponentId, check: &Removal) -> EngineResult<Drift>;

    /// Brings an operation of an earlier holder to its end without starting anything.
    async fn adopt(&self, id: &ComponentId, intent: &Intent, listener: &dyn Listener) -> EngineResult<Adopted>;
}
