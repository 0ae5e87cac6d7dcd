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
use super::stack_access::{CallersStacks, Open};
use super::{Ports, bounded};
use crate::engine::cloudformation::CloudformationEngine;

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
    let engine = Arc::new(CloudformationEngine {
        access: Arc::new(stacks),
        gate: Arc::new(Open),
        token: OperationToken::of_a_look(ulid(ports.entropy.as_ref(), ports.clock.now())),
        approved: Approved::default(),
        redactor: Redactor::new(plan.resolver.values().secrets()),
        cancel: CancellationToken::new(),
    });
    let asked = bounded::map(steps, |step| {
        let engine = Arc::clone(&engine);
        let prepared = step.prepare(&plan.resolver, &blueprint.key);
        async move {
            let proposal = engine.plan(&step.component, &prepared?).await;
            Ok((step.component, proposal))
        }
    });
    let mut proposals = Proposals::default();
    for (id, answer) in asked.await? {
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

fn can_be_asked(step: &Step, plan: &Plan) -> bool {
    step.engine == EngineKind::Cloudformation
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
