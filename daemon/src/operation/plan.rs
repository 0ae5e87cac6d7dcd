//! Says what an apply, a destroy or a rollback would do. Changes nothing and takes no lock.

use std::path::PathBuf;

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::plan::{Approved, Plan, SavedPlan, Saving};
use deployer_domain::run::{RunOperation, ShownPlan};
use deployer_domain::state::StateDocument;

use super::authorise::TenantAccess;
use super::blueprint::{Blueprint, Planned, Question};
use super::foreseen::Foreseen;
use super::judge::{Asking, Judgement};
use super::looking::Looking;
use super::proposals::proposals;
use super::show_lock::holder;
use super::target::Place;
use super::view::View;
use super::{Ports, authorise, drift, early, foreseen, saved_plan};
use crate::source::Keep;

/// What a caller asks to be shown.
#[derive(Debug, Clone)]
pub struct AskedPlan {
    /// What is to be planned.
    pub question: Question,
    /// A plan file that is to be shown instead, if it still holds.
    pub plan_file: Option<PathBuf>,
    /// Where the plan is to be saved.
    pub out: Option<PathBuf>,
    /// Whether no engine is asked what it would do to each resource, as the run is asked for at once.
    pub brief: bool,
}

/// Plans, with what would stop a run.
pub async fn plan(ports: &Ports, caller: &Caller, asked: &AskedPlan) -> Result<ShownPlan> {
    let access = authorise::tenant(ports, caller).await?;
    let (saved, question) = match &asked.plan_file {
        Some(path) => {
            let (saved, question) = saved_plan::read(caller, &access, path, &asked.question).await?;
            (Some(saved), question)
        }
        None => (None, asked.question.clone()),
    };
    let blueprint = Blueprint::gather(ports, caller, &access, &question, Keep::Hash).await?;
    let view = View::from(&access);
    let (state, holder) = tokio::join!(blueprint.state(&access), holder(&view, &blueprint.space, Some(caller)));
    let state = state?;
    let plan = blueprint.plan(&access, &state)?;
    let follows = asked.brief && plan.has_records() && holder.by.is_none() && !blueprint.needs_approval();
    if follows {
        early::begin(ports, caller, (&access, &blueprint), &plan);
    }
    let (proposed, drifted) = match asked.brief {
        true => Default::default(),
        false => tokio::try_join!(
            proposals(ports, caller, (&access, &blueprint), &plan),
            drifted(ports, (caller, &question), (&view, &blueprint), (&plan, &state)),
        )?,
    };
    let proposals = Approved::of(&proposed.by_component);
    if let Some(saved) = saved {
        saved.check(&plan, &proposals)?;
    }
    let asking = Asking { ports, caller, access: &access };
    let judgement = match plan.has_records() {
        true => blueprint.judge(&asking, &plan, &state).await?,
        false => Judgement::default(),
    };
    let refusals = judgement.refusals.iter().map(sentence).collect();
    let mut shown = ShownPlan::of(&plan, question.operation, refusals);
    shown.warnings.extend(judgement.warnings);
    shown.needs_approval = plan.has_records() && blueprint.needs_approval();
    shown.warnings.extend(proposed.warnings);
    shown.warnings.extend(drifted);
    shown.rollback_to = blueprint.rollback_to();
    shown.lock_unknown = !holder.unknown.is_empty();
    shown.warnings.extend(shown.lock_unknown.then(|| format!("who holds the lock is not known: {}", holder.unknown)));
    shown.locked_by = holder.by.unwrap_or_default();
    if let Some(path) = &asked.out {
        let saved = to_be_saved(ports, &access, (&blueprint, &plan), proposals.clone());
        saved_plan::write(caller, path, &saved).await?;
    }
    let shown = shown.proposed(&proposed.by_component, &proposals.with(&plan.digest));
    if follows && judgement.refusals.is_empty() {
        foreseen::keep(ports, caller, &access, Foreseen { question, blueprint, planned: Planned { plan, state } });
    }
    Ok(shown)
}

/// What has drifted, where the tenant's policies ask for that and something is to be applied.
async fn drifted(
    ports: &Ports,
    (caller, question): (&Caller, &Question),
    (view, blueprint): (&View, &Blueprint),
    (plan, state): (&Plan, &StateDocument),
) -> Result<Vec<String>> {
    if !blueprint.rules.policies.enable_drift_detection || question.operation != RunOperation::Apply {
        return Ok(Vec::new());
    }
    let target = &question.target;
    let place = Place {
        stack: blueprint.stack.clone(),
        environment: blueprint.environment.clone(),
        loaded: blueprint.loaded.clone(),
    };
    let given = target.given(caller).await?;
    drift::warnings(&Looking { ports, caller, view, target, place: &place, state, given }, plan).await
}

fn to_be_saved(
    ports: &Ports,
    access: &TenantAccess,
    (blueprint, plan): (&Blueprint, &Plan),
    proposals: Approved,
) -> SavedPlan {
    let saving = Saving {
        options: blueprint.options(),
        proposals,
        backend: access.backend.place.address.to_string(),
        file: blueprint.loaded.as_ref().map(|loaded| loaded.full_path().display().to_string()),
        now: ports.clock.now(),
    };
    SavedPlan::of(plan, saving)
}

/// A refusal in one line, with what is in use and who can change it.
fn sentence(refusal: &deployer_domain::error::Error) -> String {
    let facts = refusal.facts.iter().map(|(label, value)| format!(" ({label}: {value})")).collect::<String>();
    let hint = refusal.hints.last().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{refusal}{facts}{hint}")
}
