//! Asking the engines of what is deployed, without a lock: nothing is changed.

use std::sync::Arc;
use std::time::Duration;

use deployer_domain::caller::Caller;
use deployer_domain::cloudformation::OperationToken;
use deployer_domain::engine::{Drift, Engine, EngineResult, Health};
use deployer_domain::entropy::ulid;
use deployer_domain::error::Result;
use deployer_domain::expression::{Outputs, Resolver, Scope};
use deployer_domain::manifest::{Given, Values};
use deployer_domain::name::ComponentId;
use deployer_domain::plan::{Approved, Deployed, Removal};
use deployer_domain::run::Redactor;
use deployer_domain::state::{ComponentState, StateDocument};
use tokio_util::sync::CancellationToken;

use super::commands::{Commands, Surroundings, open_commands};
use super::modules::Modules;
use super::stack_access::{CallersStacks, Open};
use super::target::{Place, Target};
use super::temporary::Temporary;
use super::view::View;
use super::{Ports, bounded};
use crate::engine::cloudformation::CloudformationEngine;
use crate::engine::terraform::{LOOKS_AT_ONCE, TerraformEngine};

/// How long one check of commands may take unless its component says otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is deployed in one environment, and who looks.
pub struct Looking<'a> {
    /// The outside world.
    pub ports: &'a Ports,
    /// Who looks.
    pub caller: &'a Caller,
    /// The tenant's storage.
    pub view: &'a View,
    /// What was asked for.
    pub target: &'a Target,
    /// The environment.
    pub place: &'a Place,
    /// What is deployed.
    pub state: &'a StateDocument,
    /// The variables that were given.
    pub given: Given,
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// How it is.
    Health,
    /// Whether it is as it was deployed.
    Drift,
}

/// What was seen.
#[derive(Debug, Clone)]
pub enum Seen {
    /// How it is.
    Health(Health),
    /// Whether it is as it was deployed.
    Drift(Drift),
}

impl Looking<'_> {
    /// What the engine of a component needs to look.
    pub fn check(&self, id: &ComponentId, component: &ComponentState) -> Result<Removal> {
        let mut check = Deployed::read(id, component)?.checking(id, &self.resolver())?;
        if let Removal::Command(run) = &mut check {
            run.timeout = Some(run.timeout.unwrap_or(PATIENCE));
        }
        Ok(check)
    }

    /// Asks the engines, many at once.
    pub async fn ask(
        &self,
        checks: Vec<(ComponentId, Removal)>,
        look: Look,
    ) -> Result<Vec<(ComponentId, EngineResult<Seen>)>> {
        // A tenant's text, run with an admin's environment, would give the tenant an admin's rights.
        let own = self.target.tenant.is_none();
        let runs = |check: &Removal| match check {
            Removal::Command(run) => own && run.text.is_some(),
            Removal::Terraform(_) => own,
            Removal::Cloudformation(_) => false,
        };
        let serves = checks.iter().any(|(_, check)| matches!(check, Removal::Terraform(_)));
        let commands = match checks.iter().any(|(_, check)| runs(check)) {
            true => Some(self.commands(serves).await?),
            false => None,
        };
        let command = commands
            .as_ref()
            .map(|(_, commands)| Arc::new(commands.engine(CancellationToken::new())) as Arc<dyn Engine>);
        let modules = match &commands {
            Some((_, commands)) if serves => Some(Arc::new(self.modules(commands).await?) as Arc<dyn Engine>),
            _ => None,
        };
        let stacks: Arc<dyn Engine> = Arc::new(self.stacks());
        let why = if self.target.tenant.is_some() { NOT_FOR_ADMINS } else { NO_CHECK };
        let asked = bounded::map(checks, |(id, check)| {
            let engine = match &check {
                Removal::Command(run) => command.clone().filter(|_| run.text.is_some()),
                Removal::Cloudformation(_) => Some(Arc::clone(&stacks)),
                Removal::Terraform(_) => modules.clone(),
            };
            async move {
                let seen = match (engine, look) {
                    (None, Look::Health) => Ok(Seen::Health(no_check(why))),
                    (None, Look::Drift) => Ok(Seen::Drift(no_check_for_drift(why))),
                    (Some(engine), Look::Health) => engine.check(&id, &check).await.map(Seen::Health),
                    (Some(engine), Look::Drift) => engine.drift(&id, &check).await.map(Seen::Drift),
                };
                Ok((id, seen))
            }
        });
        let seen = asked.await;
        if let Some((_directory, commands)) = &commands {
            commands.end().await;
        }
        seen
    }

    fn resolver(&self) -> Resolver {
        let scope = Scope {
            tenant: self.view.space.id().clone(),
            stack: self.place.stack.clone(),
            environment: self.place.environment.clone(),
            region: self.state.region.clone(),
            role_arn: None,
            network: None,
        };
        let outputs = self.state.components.iter();
        let outputs = outputs.map(|(id, component)| (id.clone(), Outputs::Known(component.outputs.clone()))).collect();
        Resolver::new(scope, Values::of_state(self.state, &self.given), outputs)
    }

    /// A guard of their own for checks that are commands.
    async fn commands(&self, serves: bool) -> Result<(Temporary, Commands)> {
        let directory = Temporary::of(self.ports, "checks")?;
        // Checks look at what `apply` left in the stack's directory, wherever they are asked from.
        let loaded = match &self.place.loaded {
            Some(loaded) => Some(loaded.clone()),
            None => self.target.load(self.caller).await.ok(),
        };
        let commands = open_commands(Surroundings {
            ports: self.ports,
            caller: self.caller,
            backend: &self.view.backend,
            space: &self.view.stack(&self.place.stack, &self.place.environment),
            own: Vec::new(),
            files: directory.path(),
            source: if loaded.is_none() { self.state.source.clone() } else { None },
            directory: loaded.map(|loaded| loaded.files.directory),
            serves,
            secrets: self.given.values().cloned().collect(),
            waiting: None,
        })
        .await?;
        Ok((directory, commands))
    }

    async fn modules(&self, commands: &Commands) -> Result<TerraformEngine> {
        let space = self.view.stack(&self.place.stack, &self.place.environment);
        let modules = Modules {
            ports: self.ports,
            caller: self.caller,
            backend: &self.view.backend,
            space: &space,
            commands,
            source: None,
            stacks: CallersStacks::looking(self.ports, self.caller, self.view, &space),
            ahead: None,
            fence: None,
            gate: Arc::new(Open),
            approved: Approved::default(),
            cancel: CancellationToken::new(),
            at_once: LOOKS_AT_ONCE,
        };
        modules.engine().await
    }

    fn stacks(&self) -> CloudformationEngine {
        let space = self.view.stack(&self.place.stack, &self.place.environment);
        let id = ulid(self.ports.entropy.as_ref(), self.ports.clock.now());
        CloudformationEngine {
            access: Arc::new(CallersStacks::looking(self.ports, self.caller, self.view, &space)),
            gate: Arc::new(Open),
            token: OperationToken::of_a_look(id),
            approved: Approved::default(),
            redactor: Redactor::new(self.given.values()),
            cancel: CancellationToken::new(),
        }
    }
}

const NO_CHECK: &str = "it has no `check` to be asked";
const NOT_FOR_ADMINS: &str = "its `check` is run for its own tenant only";

fn no_check(why: &str) -> Health {
    Health { condition: deployer_domain::engine::Condition::Unknown, reason: why.to_owned() }
}

fn no_check_for_drift(why: &str) -> Drift {
    Drift { state: deployer_domain::engine::DriftState::Unsupported, details: vec![why.to_owned()] }
}
