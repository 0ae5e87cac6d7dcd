//! Says what an apply or a destroy would do. Changes nothing and takes no lock.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::plan::Approved;
use deployer_domain::run::ShownPlan;

use super::blueprint::{Blueprint, Question};
use super::proposals::{Proposals, proposals};
use super::{Ports, authorise};
use crate::source::Keep;

/// Plans, with what would stop a run. In a brief plan no engine is asked what it would do to each resource.
pub async fn plan(ports: &Ports, caller: &Caller, question: &Question, brief: bool) -> Result<ShownPlan> {
    let access = authorise::tenant(ports, caller).await?;
    let blueprint = Blueprint::gather(ports, caller, &access, question, Keep::Hash).await?;
    let state = blueprint.state(&access).await?;
    let plan = blueprint.plan(&access, &state)?;
    let proposed = match brief {
        true => Proposals::default(),
        false => proposals(ports, caller, (&access, &blueprint), &plan).await?,
    };
    let refusals = if plan.has_records() { blueprint.refusals(&access, &plan, &state).await? } else { Vec::new() };
    let mut shown = ShownPlan::of(&plan, question.operation, refusals.iter().map(sentence).collect());
    shown.needs_approval = plan.has_records() && blueprint.needs_approval();
    shown.warnings.extend(proposed.warnings);
    let digest = Approved::of(&proposed.by_component).with(&plan.digest);
    Ok(shown.proposed(&proposed.by_component, &digest))
}

fn sentence(refusal: &deployer_domain::error::Error) -> String {
    refusal.to_string()
}
