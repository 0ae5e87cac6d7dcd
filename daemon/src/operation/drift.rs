//! Looks whether what is deployed in an environment is as it was deployed.

use deployer_domain::caller::Caller;
use deployer_domain::engine::{Drift, DriftState, EngineResult, Failure};
use deployer_domain::error::Result;
use deployer_domain::name::{ComponentId, EnvironmentName, StackName};
use deployer_domain::plan::Plan;
use deployer_domain::state::{Action, ComponentState, ComponentStatus, EngineKind};

use super::Ports;
use super::looking::{Look, Looking, Seen};
use super::target::{Target, not_deployed};
use super::view::View;

/// What a look came to.
#[derive(Debug, Clone)]
pub struct Drifts {
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Each component with its type and whether it is as it was deployed.
    pub components: Vec<(ComponentId, String, Drift)>,
}

impl Drifts {
    /// Whether anything is not as it was deployed.
    pub fn any(&self) -> bool {
        let off = |drift: &Drift| matches!(drift.state, DriftState::Drifted | DriftState::Missing);
        self.components.iter().any(|(_, _, drift)| off(drift))
    }
}

/// Asks every engine.
pub async fn drift(ports: &Ports, caller: &Caller, target: &Target) -> Result<Drifts> {
    let view = View::of(ports, caller, target.tenant.as_ref()).await?;
    let place = target.place(&view, caller).await?;
    let state = view.state(&view.stack(&place.stack, &place.environment)).await?;
    let Some((state, _)) = state.filter(|(state, _)| !state.is_empty()) else {
        return Err(not_deployed(&view, &place.stack, &place.environment).await);
    };
    let given = target.given(caller).await?;
    let looking = Looking { ports, caller, view: &view, target, place: &place, state: &state, given };
    let selection = target.selection();
    let seen = look(&looking, |id, _| selection.names(id)).await?;
    let mut found: Vec<(ComponentId, Drift)> =
        seen.into_iter().map(|(id, seen)| (id, seen.unwrap_or_else(unsupported))).collect();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let typed = |(id, drift): (ComponentId, Drift)| {
        let component_type = state.components.get(&id).map(|known| known.component_type.clone());
        (id, component_type.unwrap_or_default(), drift)
    };
    let components = found.into_iter().map(typed).collect();
    Ok(Drifts { stack: place.stack, environment: place.environment, components })
}

/// Looks at the components that are wanted; where it cannot be told, why.
pub(super) async fn look(
    looking: &Looking<'_>,
    wanted: impl Fn(&ComponentId, &ComponentState) -> bool,
) -> Result<Vec<(ComponentId, std::result::Result<Drift, String>)>> {
    let (mut found, mut checks) = (Vec::new(), Vec::new());
    for (id, component) in looking.state.components.iter().filter(|(id, component)| wanted(id, component)) {
        match looking.check(id, component) {
            Ok(check) => checks.push((id.clone(), check)),
            Err(error) => found.push((id.clone(), Err(error.in_one_line()))),
        }
    }
    if checks.is_empty() {
        return Ok(found);
    }
    let seen = looking.ask(checks, Look::Drift).await?;
    found.extend(seen.into_iter().map(|(id, seen)| (id, told(seen))));
    Ok(found)
}

fn told(seen: EngineResult<Seen>) -> std::result::Result<Drift, String> {
    match seen {
        Ok(Seen::Drift(drift)) => Ok(drift),
        Err(Failure::Failed(why) | Failure::Left(why)) => Err(why),
        Ok(Seen::Health(_)) | Err(Failure::Cancelled | Failure::CutOff) => Err("the look was cut off".to_owned()),
    }
}

/// What a plan says of drift, as the tenant's policies want it: of stacks and modules that were deployed. A plan runs none
/// of a team's own commands, so those are asked by `drift` and `status` only; a module that changes is looked at by its
/// own plan.
pub(super) async fn warnings(looking: &Looking<'_>, plan: &Plan) -> Result<Vec<String>> {
    let unchanged =
        |id: &ComponentId| plan.steps.iter().any(|step| step.component == *id && step.action == Action::None);
    let seen = look(looking, |id, component| match component.engine {
        // What failed may be nothing that could drift, and the plan says already that it failed.
        EngineKind::Cloudformation => {
            component.status == ComponentStatus::Deployed && plan.steps.iter().any(|step| step.component == *id)
        }
        EngineKind::Terraform => unchanged(id),
        EngineKind::Command => false,
    });
    let warning = |(id, seen): (ComponentId, std::result::Result<Drift, String>)| match seen {
        Err(why) => Some(format!("{id} could not be looked at for drift: {why}")),
        Ok(Drift { state: DriftState::InSync | DriftState::Unsupported, .. }) => None,
        Ok(Drift { state, details }) => {
            let details = if details.is_empty() { String::new() } else { format!(": {}", details.join(", ")) };
            Some(format!("{id} is not as it was deployed ({}){details}", state.as_str()))
        }
    };
    Ok(seen.await?.into_iter().filter_map(warning).collect())
}

fn unsupported(why: String) -> Drift {
    Drift { state: DriftState::Unsupported, details: vec![why] }
}
