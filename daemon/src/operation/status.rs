//! Says what is deployed and whether it is healthy, as far as the engines can tell.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use deployer_domain::caller::Caller;
use deployer_domain::engine::{Condition, Engine, Health};
use deployer_domain::entropy::ulid;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::expression::{Outputs, Resolver, Scope};
use deployer_domain::lease;
use deployer_domain::lock::LockState;
use deployer_domain::manifest::{Given, Values};
use deployer_domain::name::{ComponentId, EnvironmentName, StackName, TenantId};
use deployer_domain::plan::{Deployed, Removal};
use deployer_domain::port_error::Attempted;
use deployer_domain::state::{ComponentState, ComponentStatus, EngineKind, StateDocument};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::commands::{Surroundings, open_commands};
use super::target::{Place, Target, not_deployed};
use super::view::View;
use super::{Ports, bounded};

/// How long one check may take unless its component says otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

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
    pub locked_by: Option<String>,
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
    let (state, locked_by) = tokio::try_join!(view.state(&space), locked_by(&view, &place))?;
    let Some((state, _)) = state.filter(|(state, _)| state.history_number > 0 || !state.is_empty()) else {
        return Err(not_deployed(&view, &place.stack, &place.environment).await);
    };
    let given = target.given(caller).await?;
    let health = Asking { ports, caller, view: &view, target, place: &place, state: &state, given }.health().await?;
    let components = state.components.iter().filter(|(id, _)| target.selection().names(id)).map(|(id, component)| {
        let unknown = || Health { condition: Condition::Unknown, reason: "it could not be asked".to_owned() };
        (id.clone(), component.component_type.clone(), health.get(id).cloned().unwrap_or_else(unknown))
    });
    Ok(Status {
        tenant: view.space.id().clone(),
        components: components.collect(),
        stack: place.stack,
        environment: place.environment,
        locked_by,
        updated: state.updated,
        history_number: state.history_number,
    })
}

async fn locked_by(view: &View, place: &Place) -> Result<Option<String>> {
    let space = view.stack(&place.stack, &place.environment);
    let read = view.backend.locks.read(space.lock()).await.attempted("read the lock", view.address())?;
    let held = read.filter(|item| item.state() == Some(LockState::Held) || item.token().is_none());
    let now = view.backend.locks.server_now();
    Ok(held.map(|item| lease::holder(&item, now)))
}

struct Asking<'a> {
    ports: &'a Ports,
    caller: &'a Caller,
    view: &'a View,
    target: &'a Target,
    place: &'a Place,
    state: &'a StateDocument,
    given: Given,
}

impl Asking<'_> {
    async fn health(&self) -> Result<BTreeMap<ComponentId, Health>> {
        let mut health = BTreeMap::new();
        let mut checks = Vec::new();
        let resolver = self.resolver();
        for (id, component) in &self.state.components {
            match known(component, self.state.in_flight.contains_key(id)) {
                Some(known) => drop(health.insert(id.clone(), known)),
                None => match self.check(id, component, &resolver) {
                    Ok(Removal::Command(run)) if run.text.is_none() => {
                        drop(health.insert(id.clone(), unknown("it has no `check` to be asked".to_owned())));
                    }
                    // A tenant's text, run with an admin's environment, would give the tenant an admin's rights.
                    Ok(Removal::Command(_)) if self.target.tenant.is_some() => {
                        drop(
                            health.insert(id.clone(), unknown("its `check` is run for its own tenant only".to_owned())),
                        );
                    }
                    Ok(check) => checks.push((id.clone(), check)),
                    Err(error) => drop(health.insert(id.clone(), unknown(error.to_string()))),
                },
            }
        }
        if !checks.is_empty() {
            health.extend(self.ask(checks).await?);
        }
        Ok(health)
    }

    fn check(&self, id: &ComponentId, component: &ComponentState, resolver: &Resolver) -> Result<Removal> {
        let mut check = Deployed::read(id, component)?.checking(id, resolver)?;
        if let Removal::Command(run) = &mut check {
            run.timeout = Some(run.timeout.unwrap_or(PATIENCE));
        }
        Ok(check)
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

    /// Runs the checks under a guard of their own; they change nothing, so they need no lock.
    async fn ask(&self, checks: Vec<(ComponentId, Removal)>) -> Result<Vec<(ComponentId, Health)>> {
        let directory = self.directory()?;
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
            secrets: self.given.values().cloned().collect(),
        })
        .await?;
        let engine = Arc::new(commands.engine(CancellationToken::new()));
        let asked = bounded::map(checks, |(id, check)| {
            let engine = Arc::clone(&engine);
            async move {
                let health = engine.check(&id, &check).await;
                let cut_off = || unknown("the check was cut off".to_owned());
                Ok((id, health.unwrap_or_else(|_| cut_off())))
            }
        });
        let health = asked.await;
        commands.end().await;
        health
    }

    fn directory(&self) -> Result<Temporary> {
        let id = ulid(self.ports.entropy.as_ref(), self.ports.clock.now());
        Temporary::create(self.ports.runs.settings().state_directory.join("checks").join(id.to_string()))
    }
}

/// What the state itself says about a component's health.
fn known(component: &ComponentState, in_flight: bool) -> Option<Health> {
    let degraded = |reason: String| Some(Health { condition: Condition::Degraded, reason });
    let last = |or: &str| component.last_error.clone().unwrap_or_else(|| or.to_owned());
    match component.status {
        ComponentStatus::Failed => degraded(format!("the last run failed here: {}", last("unknown"))),
        ComponentStatus::Interrupted if in_flight => Some(unknown("a run is at work here".to_owned())),
        ComponentStatus::Interrupted => degraded("the last run was cut off here; apply again".to_owned()),
        ComponentStatus::Deployed if component.engine != EngineKind::Command => {
            Some(unknown("this version has no engine for it".to_owned()))
        }
        ComponentStatus::Deployed => None,
    }
}

fn unknown(reason: String) -> Health {
    Health { condition: Condition::Unknown, reason }
}

/// A directory that is removed with its content.
struct Temporary(PathBuf);

impl Temporary {
    fn create(path: PathBuf) -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|error| {
            Error::new(Reason::Internal, format!("cannot create {}", path.display())).caused_by(error)
        })?;
        Ok(Self(path))
    }

    fn path(&self) -> &PathBuf {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
