//! Says what is deployed and whether it is healthy, as far as the engines can tell.

use std::collections::BTreeMap;

use deployer_domain::caller::Caller;
use deployer_domain::engine::{Condition, Failure, Health};
use deployer_domain::error::Result;
use deployer_domain::name::{ComponentId, EnvironmentName, StackName, TenantId};
use deployer_domain::plan::Selection;
use deployer_domain::state::{ComponentState, ComponentStatus};
use jiff::Timestamp;

use super::Ports;
use super::looking::{Look, Looking, Seen};
use super::show_lock::{Holder, holder};
use super::target::{Target, not_deployed};
use super::view::View;

/// What is deployed in one environment.
#[derive(Debug, Clone)]
pub struct Status {
    /// The tenant.
    pub tenant: TenantId,
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Each component with its type and how it is.
    pub components: Vec<(ComponentId, String, Health)>,
    /// Who holds the lock, if somebody does.
    pub lock: Holder,
    /// When the state was last written.
    pub updated: Option<Timestamp>,
    /// The last history document.
    pub history_number: u64,
}

impl Status {
    /// Whether something is deployed and all of it is healthy.
    pub fn is_healthy(&self) -> bool {
        !self.components.is_empty()
            && self.components.iter().all(|(_, _, health)| health.condition == Condition::Healthy)
    }
}

/// Asks every engine how its components are.
pub async fn status(ports: &Ports, caller: &Caller, target: &Target) -> Result<Status> {
    let view = View::of(ports, caller, target.tenant.as_ref()).await?;
    let place = target.place(&view, caller).await?;
    let space = view.stack(&place.stack, &place.environment);
    let (state, lock) = tokio::join!(view.state(&space), holder(&view, &space, None));
    let Some((state, _)) = state?.filter(|(state, _)| state.history_number > 0 || !state.is_empty()) else {
        let error = not_deployed(&view, &place.stack, &place.environment).await;
        return Err(lock.by.into_iter().fold(error, |error, holder| error.fact("Locked by", holder)));
    };
    let given = target.given(caller).await?;
    let looking = Looking { ports, caller, view: &view, target, place: &place, state: &state, given };
    let health = health(&looking, &target.selection(), lock.by.is_some()).await?;
    let components = state.components.iter().filter(|(id, _)| target.selection().names(id)).map(|(id, component)| {
        let unknown = || Health { condition: Condition::Unknown, reason: "it could not be asked".to_owned() };
        (id.clone(), component.component_type.clone(), health.get(id).cloned().unwrap_or_else(unknown))
    });
    Ok(Status {
        tenant: view.space.id().clone(),
        components: components.collect(),
        stack: place.stack,
        environment: place.environment,
        lock,
        updated: state.updated,
        history_number: state.history_number,
    })
}

async fn health(looking: &Looking<'_>, selection: &Selection, locked: bool) -> Result<BTreeMap<ComponentId, Health>> {
    let (mut health, mut checks) = (BTreeMap::new(), Vec::new());
    for (id, component) in looking.state.components.iter().filter(|(id, _)| selection.names(id)) {
        match known(component, locked && looking.state.in_flight.contains_key(id)) {
            Some(known) => drop(health.insert(id.clone(), known)),
            None => match looking.check(id, component) {
                Ok(check) => checks.push((id.clone(), check)),
                Err(error) => drop(health.insert(id.clone(), unknown(error.in_one_line()))),
            },
        }
    }
    for (id, seen) in looking.ask(checks, Look::Health).await? {
        let seen = match seen {
            Ok(Seen::Health(health)) => health,
            Ok(Seen::Drift(_)) | Err(Failure::Cancelled | Failure::CutOff) => {
                unknown("the check was cut off".to_owned())
            }
            Err(Failure::Failed(why) | Failure::Left(why)) => unknown(why),
        };
        health.insert(id, seen);
    }
    Ok(health)
}

/// What the state itself says about a component's health.
fn known(component: &ComponentState, at_work: bool) -> Option<Health> {
    let degraded = |reason: String| Some(Health { condition: Condition::Degraded, reason });
    let last = |or: &str| component.last_error.clone().unwrap_or_else(|| or.to_owned());
    match component.status {
        ComponentStatus::Failed => degraded(format!("the last run failed here: {}", last("unknown"))),
        ComponentStatus::Interrupted if at_work => Some(unknown("a run is at work here".to_owned())),
        ComponentStatus::Interrupted => degraded("the last run was cut off here; apply again".to_owned()),
        ComponentStatus::Deployed => None,
    }
}

fn unknown(reason: String) -> Health {
    Health { condition: Condition::Unknown, reason }
}
