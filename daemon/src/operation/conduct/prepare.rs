//! What a run needs before it can be carried out: its source stored, a guard, and the engines.

use std::collections::HashMap;
use std::sync::Arc;

use deployer_domain::cloudformation::OperationToken;
use deployer_domain::engine::{Engine, Gate};
use deployer_domain::error::Result;
use deployer_domain::object::{PortError, WriteIf};
use deployer_domain::plan::{Approved, Deployed, Plan};
use deployer_domain::port_error::explain;
use deployer_domain::run::Redactor;
use deployer_domain::seal::Fence;
use deployer_domain::state::{Action, EngineKind};

use super::super::commands::{self, Commands, WaitingGuard};
use super::super::modules::Modules;
use super::super::stack_access::CallersStacks;
use super::super::under_lock::Locked;
use super::{Conductor, Engines};
use crate::engine::cloudformation::CloudformationEngine;

impl Conductor {
    /// Stores the source and starts the guard, at the same time.
    pub(super) async fn prepare(
        &self,
        plan: &Plan,
        locked: &Locked,
        waiting: Option<WaitingGuard>,
    ) -> Result<Commands> {
        let removes = plan.steps.iter().any(|step| {
            matches!(step.action, Action::Delete | Action::Replace)
                && step.deployed.as_ref().is_some_and(|deployed| {
                    let read = Deployed::read(&step.component, deployed);
                    matches!(read, Ok(Deployed::Command(command)) if command.destroy.is_some())
                })
        });
        let (commands, ()) = tokio::try_join!(
            Commands::start(commands::Start {
                ports: &self.ports,
                caller: &self.caller,
                access: self.access(locked),
                space: &self.blueprint.space,
                run: &self.run,
                lease: &locked.lease,
                directory: self.blueprint.loaded.as_ref().map(|loaded| loaded.files.directory.clone()),
                source: if removes { locked.state.view(|state| state.source.clone()) } else { None },
                serves: plan.works_with(EngineKind::Terraform),
                secrets: plan.resolver.values().secrets().cloned().collect(),
                waiting,
            }),
            self.store_source(locked)
        )?;
        Ok(commands)
    }

    async fn store_source(&self, locked: &Locked) -> Result<()> {
        let Some(source) = &self.blueprint.source else { return Ok(()) };
        let known = locked.state.view(|state| state.source.as_deref() == Some(&source.hash.to_string()));
        let Some(archive) = source.archive.clone().filter(|_| !known) else { return Ok(()) };
        let key = self.blueprint.space.source(&source.hash.0);
        let backend = &self.access(locked).backend;
        let mut again = true;
        loop {
            match backend.objects.write(&key, archive.clone(), WriteIf::Absent).await {
                // It is named by its content: what is there is the same.
                Ok(_) | Err(PortError::Conflict) => return Ok(()),
                Err(PortError::Unavailable(_)) if again => again = false,
                Err(error) => return Err(explain(error, "store the source", &backend.place.address)),
            }
        }
    }

    /// The engines of this run, each with the caller's credentials.
    pub(super) async fn engines(&self, plan: &Plan, locked: &Locked, commands: &Commands) -> Result<Engines> {
        let stacks = || CallersStacks::new(&self.ports, &self.caller, self.access(locked), &self.blueprint);
        let approved = match self.request.accept_changed_plan {
            true => Approved::default(),
            false => self.request.approved.clone(),
        };
        let command: Arc<dyn Engine> = Arc::new(commands.engine(self.run.cancelled().clone()));
        let cloudformation: Arc<dyn Engine> = Arc::new(CloudformationEngine {
            access: Arc::new(stacks()),
            gate: Arc::clone(&locked.lease) as Arc<dyn Gate>,
            token: OperationToken::new(locked.lease.token(), self.run.id()),
            approved: approved.clone(),
            redactor: Redactor::new(plan.resolver.values().secrets()),
            cancel: self.run.cancelled().clone(),
        });
        let mut engines = HashMap::from([(EngineKind::Command, command), (EngineKind::Cloudformation, cloudformation)]);
        if plan.works_with(EngineKind::Terraform) {
            let source = self.blueprint.source.as_ref();
            let modules = Modules {
                ports: &self.ports,
                caller: &self.caller,
                backend: &self.access(locked).backend,
                space: &self.blueprint.space,
                commands,
                source: source.and_then(|source| Some((source.hash, source.archive.clone()?))),
                stacks: stacks(),
                ahead: self.ahead.clone(),
                fence: Some(Fence { token: locked.lease.token(), session: locked.lease.session() }),
                gate: Arc::clone(&locked.lease) as Arc<dyn Gate>,
                approved,
                cancel: self.run.cancelled().clone(),
                at_once: self.parallelism,
            };
            engines.insert(EngineKind::Terraform, Arc::new(modules.engine().await?));
        }
        Ok(engines)
    }
}
