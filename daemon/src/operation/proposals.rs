//! What engines say they would do for the steps of a plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use deployer_domain::caller::Caller;
use deployer_domain::cloudformation::OperationToken;
use deployer_domain::engine::{Engine, Failure};
use deployer_domain::entropy::ulid;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::name::ComponentId;
use deployer_domain::plan::{Approved, Plan, Proposal, Step};
use deployer_domain::run::Redactor;
use deployer_domain::state::{Action, EngineKind};
use tokio_util::sync::CancellationToken;

use super::authorise::TenantAccess;
use super::blueprint::Blueprint;
use super::commands::{Commands, Surroundings, open_commands};
use super::modules::{CallersCredentials, Modules};
use super::stack_access::{CallersStacks, Open};
use super::temporary::Temporary;
use super::{Ports, bounded};
use crate::engine::cloudformation::CloudformationEngine;
use crate::engine::terraform::{LOOKS_AT_ONCE, TerraformEngine};

/// What engines propose, and what else a person should know.
#[derive(Debug, Default)]
pub struct Proposals {
    /// By component.
    pub by_component: BTreeMap<ComponentId, Proposal>,
    /// Why some engine cannot say anything now.
    pub warnings: Vec<String>,
}

/// Asks the engines of all steps whose values are known what they would do.
pub async fn proposals(
    ports: &Ports,
    caller: &Caller,
    (access, blueprint): (&TenantAccess, &Blueprint),
    plan: &Plan,
) -> Result<Proposals> {
    let steps: Vec<Step> = plan.steps.iter().filter(|step| can_be_asked(step, plan)).cloned().collect();
    if steps.is_empty() {
        return Ok(Proposals::default());
    }
    let stacks = CallersStacks::new(ports, caller, access, blueprint);
    stacks.check(plan).await?;
    CallersCredentials::new(ports, caller, &access.backend, stacks).check(plan).await?;
    let asking = Asking { ports, caller, access, blueprint, plan };
    let cloudformation: Arc<dyn Engine> = Arc::new(asking.stacks());
    let modules = match steps.iter().any(|step| step.engine == EngineKind::Terraform) {
        true => {
            let (engine, commands, directory) = asking.modules(CancellationToken::new(), LOOKS_AT_ONCE).await?;
            Some((Arc::new(engine) as Arc<dyn Engine>, commands, directory))
        }
        false => None,
    };
    let asked = bounded::map(steps, |step| {
        let engine = match (&modules, step.engine) {
            (Some((engine, ..)), EngineKind::Terraform) => Arc::clone(engine),
            _ => Arc::clone(&cloudformation),
        };
        let prepared = step.prepare(&plan.resolver, &blueprint.key);
        async move {
            let proposal = engine.plan(&step.component, &prepared?).await;
            Ok((step.component, proposal))
        }
    });
    let asked = asked.await;
    if let Some((_, commands, _directory)) = &modules {
        commands.end().await;
    }
    let mut proposals = Proposals::default();
    for (id, answer) in asked? {
        match answer {
            Ok(Some(proposal)) => drop(proposals.by_component.insert(id, proposal)),
            Ok(None) => {}
            Err(Failure::Left(why)) => {
                proposals.warnings.push(format!("{id}: what would change cannot be told: {why}"))
            }
            Err(failure) => return Err(cannot_plan(&id, failure)),
        }
    }
    Ok(proposals)
}

/// Who asks what about which plan.
pub(super) struct Asking<'a> {
    pub ports: &'a Ports,
    pub caller: &'a Caller,
    pub access: &'a TenantAccess,
    pub blueprint: &'a Blueprint,
    pub plan: &'a Plan,
}

impl Asking<'_> {
    fn stacks(&self) -> CloudformationEngine {
        CloudformationEngine {
            access: Arc::new(CallersStacks::new(self.ports, self.caller, self.access, self.blueprint)),
            gate: Arc::new(Open),
            token: OperationToken::of_a_look(ulid(self.ports.entropy.as_ref(), self.ports.clock.now())),
            approved: Approved::default(),
            redactor: Redactor::new(self.plan.resolver.values().secrets()),
            cancel: CancellationToken::new(),
        }
    }

    /// An engine of modules that only looks, with the guard and the directory that it lives in.
    pub async fn modules(
        &self,
        cancel: CancellationToken,
        at_once: usize,
    ) -> Result<(TerraformEngine, Commands, Temporary)> {
        let Self { ports, caller, access, blueprint, plan } = *self;
        let directory = Temporary::of(ports, "plans")?;
        let commands = open_commands(Surroundings {
            ports,
            caller,
            backend: &access.backend,
            space: &blueprint.space,
            own: Vec::new(),
            files: directory.path(),
            directory: None,
            source: None,
            serves: true,
            secrets: plan.resolver.values().secrets().cloned().collect(),
            waiting: None,
        })
        .await?;
        let source = blueprint.source.as_ref();
        let modules = Modules {
            ports,
            caller,
            backend: &access.backend,
            space: &blueprint.space,
            commands: &commands,
            source: source.and_then(|source| Some((source.hash, source.archive.clone()?))),
            stacks: CallersStacks::new(ports, caller, access, blueprint),
            ahead: None,
            fence: None,
            gate: Arc::new(Open),
            approved: Approved::default(),
            cancel,
            at_once,
        };
        let engine = modules.engine().await?;
        Ok((engine, commands, directory))
    }
}

fn can_be_asked(step: &Step, plan: &Plan) -> bool {
    matches!(step.engine, EngineKind::Cloudformation | EngineKind::Terraform)
        && matches!(step.action, Action::Create | Action::Update)
        && step.is_known(&plan.resolver)
}

fn cannot_plan(id: &ComponentId, failure: Failure) -> Error {
    let why = match failure {
        Failure::Failed(why) | Failure::Left(why) => why,
        Failure::Cancelled | Failure::CutOff => "it was cut off".to_owned(),
    };
    Error::new(Reason::EngineFailed, format!("{id} cannot be planned")).caused_by(why)
}
