//! Looks whether what is deployed in an environment is as it was deployed.

use deployer_domain::caller::Caller;
use deployer_domain::engine::{Drift, DriftState, Failure};
use deployer_domain::error::Result;
use deployer_domain::name::{ComponentId, EnvironmentName, StackName};

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
    let (mut found, mut checks) = (Vec::new(), Vec::new());
    for (id, component) in state.components.iter().filter(|(id, _)| selection.names(id)) {
        match looking.check(id, component) {
            Ok(check) => checks.push((id.clone(), check)),
            Err(error) => found.push((id.clone(), unsupported(error.to_string()))),
        }
    }
    let seen = looking.ask(checks, Look::Drift).await?;
    found.extend(seen.into_iter().map(|(id, seen)| {
        let drift = match seen {
            Ok(Seen::Drift(drift)) => drift,
            Err(Failure::Failed(why) | Failure::Left(why)) => unsupported(why),
            Ok(Seen::Health(_)) | Err(Failure::Cancelled | Failure::CutOff) => {
                unsupported("the look was cut off".into())
            }
        };
        (id, drift)
    }));
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let typed = |(id, drift): (ComponentId, Drift)| {
        let component_type = state.components.get(&id).map(|known| known.component_type.clone());
        (id, component_type.unwrap_or_default(), drift)
    };
    let components = found.into_iter().map(typed).collect();
    Ok(Drifts { stack: place.stack, environment: place.environment, components })
}

fn unsupported(why: String) -> Drift {
    Drift { state: DriftState::Unsupported, details: vec![why] }
}
