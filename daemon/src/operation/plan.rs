//! Says what an apply or a destroy would do. Changes nothing and takes no lock.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::run::ShownPlan;

use super::blueprint::{Blueprint, Question};
use super::{Ports, authorise};
use crate::source::Keep;

/// Plans, with what would stop a run.
pub async fn plan(ports: &Ports, caller: &Caller, question: &Question) -> Result<ShownPlan> {
    let access = authorise::tenant(ports, caller).await?;
    let blueprint = Blueprint::gather(ports, caller, &access, question, Keep::Hash).await?;
    let state = blueprint.state(&access).await?;
    let plan = blueprint.plan(&access, &state)?;
    let refusals = if plan.has_records() { blueprint.refusals(&access, &plan, &state).await? } else { Vec::new() };
    Ok(ShownPlan::of(&plan, question.operation, refusals.iter().map(sentence).collect()))
}

fn sentence(refusal: &deployer_domain::error::Error) -> String {
    refusal.to_string()
}
