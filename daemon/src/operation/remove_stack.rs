//! Removes what the storage keeps of a stack from which nothing is deployed any more: history, sources, runs.
//!
//! What is left is the fence: a holder that was paused before all this must not find an empty place. Every step can be
//! repeated; a removal that is cut off is brought to its end by the same command.

use std::time::Duration;

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::StackSpace;
use deployer_domain::name::{EnvironmentName, StackName};
use deployer_domain::port_error::Attempted;
use deployer_domain::state::StateDocument;

use super::authorise::{self, TenantAccess};
use super::lock_many::Locking;
use super::record::{AuditOf, Recorder};
use super::target::Target;
use super::view::View;
use super::{Ports, bounded};

/// A stack that was removed.
#[derive(Debug)]
pub struct RemovedStack {
    /// The stack.
    pub stack: StackName,
    /// The environments that were removed.
    pub environments: Vec<EnvironmentName>,
    /// How many documents were deleted.
    pub documents: usize,
}

/// Removes one environment of a stack, or all of them. Fails with `POLICY_DENIED` while something is deployed, with
/// `LOCK_HELD` while somebody works; nothing is removed then.
pub async fn remove_stack(ports: &Ports, caller: &Caller, target: &Target, wait: Duration) -> Result<RemovedStack> {
    let access = authorise::tenant(ports, caller).await?;
    let view = View::from(&access);
    let stack = match &target.stack {
        Some(stack) => stack.clone(),
        None => target.load(caller).await?.manifest.name,
    };
    let environments = environments(&view, &stack, target.environment.as_deref()).await?;
    let spaces: Vec<StackSpace> = environments.iter().map(|environment| view.stack(&stack, environment)).collect();
    for space in &spaces {
        view.stored_state(space).await?.map_or(Ok(()), |(state, _)| refuse_deployed(&state))?;
    }
    let recorder = recorder(&access, caller, &stack, &environments).await;
    let intent = recorder.intent(ports).await?;
    let removed = under_locks(ports, caller, &access, (spaces, wait)).await;
    recorder.result(ports, intent, &removed).await;
    Ok(RemovedStack { documents: removed?, stack, environments })
}

async fn environments(view: &View, stack: &StackName, named: Option<&str>) -> Result<Vec<EnvironmentName>> {
    let known = view.environments(stack).await?;
    let chosen: Vec<EnvironmentName> = match named {
        None => known,
        Some(name) => known.into_iter().filter(|environment| environment.as_str() == name).collect(),
    };
    if chosen.is_empty() {
        let place = named.map_or_else(|| format!("the stack `{stack}`"), |name| format!("{stack}/{name}"));
        return Err(Error::new(Reason::NotFound, format!("nothing is stored of {place}"))
            .hint("`deployer stack list` shows what is"));
    }
    Ok(chosen)
}

fn refuse_deployed(state: &StateDocument) -> Result<()> {
    if state.is_empty() {
        return Ok(());
    }
    let (stack, environment) = (&state.stack, &state.environment);
    let names: Vec<String> = state.components.keys().chain(state.in_flight.keys()).map(ToString::to_string).collect();
    Err(Error::new(Reason::PolicyDenied, format!("{stack}/{environment} is not removed: something is deployed"))
        .fact("Deployed", names.join(", "))
        .hint(format!("destroy it first: `deployer destroy --stack {stack} --environment {environment}`")))
}

async fn recorder(
    access: &TenantAccess,
    caller: &Caller,
    stack: &StackName,
    environments: &[EnvironmentName],
) -> Recorder {
    let names: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
    let subject = format!("{stack}/{}", names.join(","));
    Recorder::new(&access.backend, caller, AuditOf::Tenant(access.space.clone()), "stack.remove", &subject).await
}

async fn under_locks(
    ports: &Ports,
    caller: &Caller,
    access: &TenantAccess,
    (spaces, wait): (Vec<StackSpace>, Duration),
) -> Result<usize> {
    let locking = Locking { ports, caller, backend: &access.backend, operation: "stack remove", wait };
    let locks = locking.take(spaces.clone()).await?;
    let removed = async {
        authorise::recheck(ports, access).await?;
        locks.states().iter().try_for_each(refuse_deployed)?;
        // Nobody writes the last history document again.
        locks.update(|state| state.last_run = None).await?;
        let mut documents = 0;
        for space in &spaces {
            documents += delete_documents(access, space).await?;
        }
        locks.update(|state| state.removed = true).await?;
        Ok(documents)
    }
    .await;
    locks.release().await;
    removed
}

async fn delete_documents(access: &TenantAccess, space: &StackSpace) -> Result<usize> {
    let address = &access.backend.place.address;
    let listed = access.backend.objects.list(&space.everything()).await;
    let listed = listed.attempted(format!("list what {} has", space.lock()), address)?;
    let keys = listed.into_iter().map(|row| row.key).filter(|key| *key != space.state());
    let deleted = bounded::map(keys, |key| {
        let (objects, address) = (access.backend.objects.clone(), address.clone());
        async move { objects.delete(&key).await.attempted(format!("delete {key}"), &address) }
    });
    Ok(deleted.await?.len())
}
