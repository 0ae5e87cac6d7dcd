//! The engine of components that are Terraform or OpenTofu modules.
//!
//! Each operation works on a copy of the module, taken from the source that the plan was made of, with a data directory
//! of its own. The state is Terraform's own `http` backend, which this daemon serves on loopback for as long as the run
//! lasts, and lies in the tenant's storage under the lease's fence.
//!
//! **Invariant:** nothing is applied unless the lease was proven at that moment.
//! **Invariant:** no value of a variable, no credential and no state is ever an argument of a process.

mod ahead;
mod apply;
mod command;
mod copy;
mod look;
mod operation;
mod program;
mod server;
mod sources;
mod state;
mod workshop;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use deployer_domain::engine::{Adopted, Drift, Engine, EngineResult, Failure, Gate, Health, Listener, ProviderAccess};
use deployer_domain::name::ComponentId;
use deployer_domain::plan::{Approved, ModuleWork, Outcome, Prepared, Proposal, Removal, Work};
use deployer_domain::run::{OutputStream, Redactor};
use deployer_domain::state::Intent;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::process::Guard;
pub use ahead::Ahead;
use operation::{Means, Operation};
pub use server::StateServer;
pub use sources::Sources;
pub use state::States;
pub use workshop::{Owner, Workshop};

/// How many programs look at once where no run bounds it.
pub const LOOKS_AT_ONCE: usize = 4;

/// Works on the modules of one run, or looks at them.
pub struct TerraformEngine {
    /// Under which the program runs.
    pub guard: Guard,
    /// The caller's PATH.
    pub path: String,
    /// Whether the caller's own settings say where providers are cached and where logs go.
    pub settings: CallerSettings,
    /// Where copies of modules are worked on.
    pub workshop: Arc<Workshop>,
    /// What was made ready there before the lock was held, if anything was.
    pub ahead: Option<Arc<Ahead>>,
    /// Where providers are kept between runs.
    pub plugins: PathBuf,
    /// What modules are read from.
    pub sources: Sources,
    /// Where states are.
    pub states: Arc<States>,
    /// Serves them.
    pub server: StateServer,
    /// The way to cloud credentials.
    pub access: Arc<dyn ProviderAccess>,
    /// The lease; open for whoever only looks.
    pub gate: Arc<dyn Gate>,
    /// What was shown to whoever confirmed the plan; a plan that differs is refused.
    pub approved: Approved,
    /// Masks sensitive values in what is printed.
    pub redactor: Redactor,
    /// Fires when the run is to end.
    pub cancel: CancellationToken,
    /// How many programs may run at once.
    pub at_once: Semaphore,
}

/// What the caller's own environment settles, so that we do not.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallerSettings {
    /// Whether it says where providers are cached.
    pub plugin_cache: bool,
    /// Whether it says which file logs go to.
    pub log_file: bool,
    /// Whether it says how memory is collected.
    pub memory: bool,
}

impl TerraformEngine {
    async fn operation<'a>(
        &'a self,
        id: &'a ComponentId,
        work: &'a ModuleWork,
        listener: &'a dyn Listener,
    ) -> EngineResult<Operation<'a>> {
        let ready = async {
            let Some(ahead) = &self.ahead else { return Ok(None) };
            // What is still at work on the copy must be over before another one takes its place.
            let taken = self.cancel.run_until_cancelled(ahead.take(id, work)).await;
            taken.ok_or(Failure::Cancelled)
        };
        // The copy has nothing to do with the state.
        let (ready, means) = tokio::try_join!(ready, Means::find(self, (id, work), listener))?;
        let turn = self.at_once.acquire().await.map_err(|error| Failure::Failed(error.to_string()))?;
        Operation::begin(self, (id, work), listener, (turn, ready, means)).await
    }
}

fn work_of(wanted: &Prepared) -> EngineResult<&ModuleWork> {
    match &wanted.work {
        Work::Terraform(work) => Ok(work),
        Work::Command(_) | Work::Cloudformation(_) => Err(not_a_module()),
    }
}

fn module_of(removal: &Removal) -> EngineResult<&ModuleWork> {
    match removal {
        Removal::Terraform(work) => Ok(work),
        Removal::Command(_) | Removal::Cloudformation(_) => Err(not_a_module()),
    }
}

fn not_a_module() -> Failure {
    Failure::Failed("a fault in this program: the engine of modules was asked for something else".to_owned())
}

/// Listens to nothing.
struct Deaf;

impl Listener for Deaf {
    fn output(&self, _: OutputStream, _: String) {}
    fn progress(&self, _: String) {}
}

#[async_trait]
impl Engine for TerraformEngine {
    async fn plan(&self, id: &ComponentId, wanted: &Prepared) -> EngineResult<Option<Proposal>> {
        self.operation(id, work_of(wanted)?, &Deaf).await?.propose().await.map(Some)
    }

    async fn apply(&self, id: &ComponentId, wanted: &Prepared, listener: &dyn Listener) -> EngineResult<Outcome> {
        self.operation(id, work_of(wanted)?, listener).await?.apply().await
    }

    async fn remove(&self, id: &ComponentId, removal: &Removal, listener: &dyn Listener) -> EngineResult<()> {
        self.operation(id, module_of(removal)?, listener).await?.remove().await
    }

    async fn check(&self, id: &ComponentId, check: &Removal) -> EngineResult<Health> {
        self.operation(id, module_of(check)?, &Deaf).await?.health().await
    }

    async fn drift(&self, id: &ComponentId, check: &Removal) -> EngineResult<Drift> {
        self.operation(id, module_of(check)?, &Deaf).await?.drift().await
    }

    async fn adopt(&self, _: &ComponentId, _: &Intent, _: &dyn Listener) -> EngineResult<Adopted> {
        // What was under way when its daemon died is dead by now; what it could still store is taken up by the next
        // operation.
        Ok(Adopted::Unfinished)
    }
}
