//! The port to engines: what makes a component so, takes it away, and looks after it.
//!
//! An engine is made for one run. It knows the run's lease, directory and credentials; what it is asked here is only
//! about components.

use async_trait::async_trait;

use crate::name::ComponentId;
use crate::plan::{Outcome, Prepared, Removal};
use crate::run::OutputStream;

/// Why an engine did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It failed; this is why, in one line.
    Failed(String),
    /// It was stopped because somebody cancelled the run.
    Cancelled,
    /// It was ended because the lease was not proven in time. It may be asked again once the lease is.
    CutOff,
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

/// Is told what an engine has to tell while it works.
pub trait Listener: Send + Sync {
    /// A command printed a line.
    fn output(&self, stream: OutputStream, line: String);
    /// Something went on.
    fn progress(&self, message: String);
}

/// Makes components so, takes them away, and looks after them.
#[async_trait]
pub trait Engine: Send + Sync {
    /// Creates or updates a component.
    async fn apply(&self, id: &ComponentId, wanted: &Prepared, listener: &dyn Listener) -> EngineResult<Outcome>;

    /// Takes a component away.
    async fn remove(&self, id: &ComponentId, removal: &Removal, listener: &dyn Listener) -> EngineResult<()>;

    /// Looks how a component is. Changes nothing.
    async fn check(&self, id: &ComponentId, check: &Removal) -> EngineResult<Health>;
}
