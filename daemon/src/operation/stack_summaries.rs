//! What a tenant has deployed: counted from its states, by listing its own prefix only.

use std::collections::BTreeSet;
use std::sync::Arc;

use deployer_domain::backend::{Backend, BackendAddress};
use deployer_domain::error::{Error, Result};
use deployer_domain::key::{LockKey, StackSpace, TenantSpace};
use deployer_domain::limits::Usage;
use deployer_domain::name::{EnvironmentName, ServiceName, StackName};
use deployer_domain::object::ObjectStore;
use deployer_domain::port_error::Attempted;
use deployer_domain::seal;
use deployer_domain::state::{ComponentStatus, HistoryEntry, RunResult, StateDocument};
use jiff::Timestamp;

use super::bounded;

/// One environment of one stack, as its state has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSummary {
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// Its services with at least one component.
    pub services: BTreeSet<ServiceName>,
    /// How many components it has.
    pub components: u32,
    /// When it was last written.
    pub updated: Option<Timestamp>,
    /// What became of it.
    pub status: StackStatus,
    /// The number of its last history document.
    pub history_number: u64,
    /// Why its state cannot be read; empty where it can.
    pub problem: String,
}

/// The states of a tenant.
#[derive(Debug, Default)]
pub struct States {
    /// Those that can be read, sorted by stack and environment.
    pub read: Vec<StateDocument>,
    /// Those that cannot: one of them must not hide the others.
    pub unreadable: Vec<StackSummary>,
}

impl States {
    /// Sums them up, sorted by stack and environment. One that was only ever locked is none.
    pub fn summaries(&self) -> Vec<StackSummary> {
        let read = self.read.iter().map(summary).filter(|summary| summary.status != StackStatus::Empty);
        let mut all: Vec<StackSummary> = read.chain(self.unreadable.iter().cloned()).collect();
        all.sort_by(|one, other| (&one.stack, &one.environment).cmp(&(&other.stack, &other.environment)));
        all
    }
}

/// What became of an environment of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StackStatus {
    /// Everything is deployed.
    Deployed,
    /// The last operation of some component failed or was cut off.
    Failed,
    /// It was deployed once.
    Destroyed,
    /// Nothing was ever deployed.
    Empty,
    /// Its state cannot be read.
    Unreadable,
}

impl StackStatus {
    /// As it travels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deployed => "deployed",
            Self::Failed => "failed",
            Self::Destroyed => "destroyed",
            Self::Empty => "empty",
            Self::Unreadable => "unreadable",
        }
    }

    fn of(state: &StateDocument) -> Self {
        if state.is_empty() {
            return if state.history_number > 0 && !state.removed { Self::Destroyed } else { Self::Empty };
        }
        let good = |status| status == ComponentStatus::Deployed;
        match state.in_flight.is_empty() && state.components.values().all(|component| good(component.status)) {
            true => Self::Deployed,
            false => Self::Failed,
        }
    }
}

/// Reads all states of a tenant and sums them up, sorted by stack and environment.
pub async fn summaries(backend: &Backend, space: &TenantSpace) -> Result<Vec<StackSummary>> {
    states(backend, space).await.map(|states| states.summaries())
}

/// Reads all states of a tenant.
pub async fn states(backend: &Backend, space: &TenantSpace) -> Result<States> {
    let found = bounded::map(environments(backend, space).await?, |(stack, environment)| {
        let place = space.stack(&stack, &environment);
        let (objects, address) = (Arc::clone(&backend.objects), backend.place.address.clone());
        async move { Ok((read_state(objects.as_ref(), &address, &place).await?, place)) }
    });
    let mut states = States::default();
    for (state, place) in found.await? {
        match state {
            Some(Ok(state)) => states.read.push(state),
            Some(Err(why)) => states.unreadable.push(unreadable(&place, &why)),
            None => {}
        }
    }
    Ok(states)
}

/// Counts what a tenant uses: what is deployed, not what was. What cannot be read counts as a stack, and its services
/// are not known.
pub fn usage(summaries: &[StackSummary]) -> Usage {
    let counts = |summary: &&StackSummary| summary.components > 0 || summary.status == StackStatus::Unreadable;
    let deployed = || summaries.iter().filter(counts);
    let stacks: BTreeSet<_> = deployed().map(|summary| &summary.stack).collect();
    let services: BTreeSet<_> =
        deployed().flat_map(|summary| summary.services.iter().map(move |service| (&summary.stack, service))).collect();
    let short = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Usage { stacks: short(stacks.len()), services: short(services.len()) }
}

/// Adds services that are about to be deployed, to count what would be used then.
pub fn add(
    summaries: &mut Vec<StackSummary>,
    stack: &StackName,
    environment: &EnvironmentName,
    services: impl IntoIterator<Item = ServiceName>,
) {
    let services: BTreeSet<ServiceName> = services.into_iter().collect();
    let components = u32::try_from(services.len()).unwrap_or(u32::MAX);
    summaries.push(StackSummary {
        stack: stack.clone(),
        environment: environment.clone(),
        services,
        components,
        updated: None,
        status: StackStatus::Empty,
        history_number: 0,
        problem: String::new(),
    });
}

/// Counts the finished applies and rollbacks that began at a time or later, from the newest history backwards.
pub async fn deployments_since(
    backend: &Backend,
    space: &TenantSpace,
    summaries: &[StackSummary],
    since: Timestamp,
) -> Result<u32> {
    let with_history = summaries.iter().filter(|summary| summary.history_number > 0);
    let counted = bounded::map(with_history, |summary| {
        let place = space.stack(&summary.stack, &summary.environment);
        let (objects, address) = (Arc::clone(&backend.objects), backend.place.address.clone());
        let newest = summary.history_number;
        async move {
            let mut count = 0;
            for number in (1..=newest).rev() {
                match read_history(objects.as_ref(), &address, &place, number).await? {
                    Some(history) if history.started < since => break,
                    Some(history) if is_deployment(&history) => count += 1,
                    _ => {}
                }
            }
            Ok(count)
        }
    });
    Ok(counted.await?.into_iter().sum())
}

/// What was cut off is no deployment; what failed is one.
fn is_deployment(history: &HistoryEntry) -> bool {
    let finished = matches!(history.result, RunResult::Succeeded | RunResult::Failed);
    matches!(history.operation.as_str(), "apply" | "rollback") && finished
}

/// The folders that may hold a state. A folder whose name no stack can have is somebody else's.
async fn environments(backend: &Backend, space: &TenantSpace) -> Result<Vec<(StackName, EnvironmentName)>> {
    let address = &backend.place.address;
    let stacks = backend.objects.folders(&space.stacks()).await.attempted("list the stacks", address)?;
    let found = bounded::map(stacks.iter().filter_map(|name| name.parse::<StackName>().ok()), |stack| {
        let prefix = space.environments(&stack);
        let (objects, address) = (Arc::clone(&backend.objects), address.clone());
        async move {
            let names = objects.folders(&prefix).await.attempted("list the environments", &address)?;
            let environments = names.iter().filter_map(|name| name.parse::<EnvironmentName>().ok());
            Ok(environments.map(|environment| (stack.clone(), environment)).collect::<Vec<_>>())
        }
    });
    Ok(found.await?.into_iter().flatten().collect())
}

async fn read_state(
    objects: &dyn ObjectStore,
    address: &BackendAddress,
    place: &StackSpace,
) -> Result<Option<Result<StateDocument>>> {
    let key = place.state();
    let read = objects.read(&key).await.attempted(format!("read {key}"), address)?;
    Ok(read.map(|object| seal::parse(&object.bytes, place)))
}

/// The entry of a history document; one that is missing or damaged is not counted.
async fn read_history(
    objects: &dyn ObjectStore,
    address: &BackendAddress,
    place: &StackSpace,
    number: u64,
) -> Result<Option<HistoryEntry>> {
    let key = place.history(number);
    let read = objects.read(&key).await.attempted(format!("read {key}"), address)?;
    Ok(read.and_then(|object| serde_json::from_slice(&object.bytes).ok()))
}

fn summary(state: &StateDocument) -> StackSummary {
    StackSummary {
        stack: state.stack.clone(),
        environment: state.environment.clone(),
        services: state.components.keys().map(|id| id.service.clone()).collect(),
        components: u32::try_from(state.components.len()).unwrap_or(u32::MAX),
        updated: state.updated,
        status: StackStatus::of(state),
        history_number: state.history_number,
        problem: String::new(),
    }
}

fn unreadable(place: &StackSpace, why: &Error) -> StackSummary {
    let LockKey { stack, environment, .. } = place.lock();
    StackSummary {
        stack: stack.clone(),
        environment: environment.clone(),
        services: BTreeSet::new(),
        components: 0,
        updated: None,
        status: StackStatus::Unreadable,
        history_number: 0,
        problem: why.in_one_line(),
    }
}
