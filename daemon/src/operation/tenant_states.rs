//! All states of a tenant, in all versions of its storage: found by consistent listing, never by the locks' index.

use std::sync::Arc;

use deployer_domain::backend::Backend;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{PlatformSpace, StackSpace};
use deployer_domain::name::TenantId;
use deployer_domain::port_error::Attempted;
use deployer_domain::seal;
use deployer_domain::state::StateDocument;

use super::bounded;

/// Where the states are.
pub(super) async fn spaces(backend: &Backend, id: &TenantId) -> Result<Vec<StackSpace>> {
    let listed = backend.objects.list(&PlatformSpace.tenant_folder(id)).await;
    let listed = listed.attempted(format!("list the states of {id}"), &backend.place.address)?;
    Ok(listed.iter().filter_map(|listed| PlatformSpace.state_of(id, &listed.key)).collect())
}

/// The states that are still open, with where they are: those that were sealed for ever are left out.
pub(super) async fn open(backend: &Backend, id: &TenantId) -> Result<Vec<(StackSpace, StateDocument)>> {
    let read = bounded::map(spaces(backend, id).await?, |space| {
        let (objects, address) = (Arc::clone(&backend.objects), backend.place.address.clone());
        async move {
            let key = space.state();
            let object = objects.read(&key).await.attempted(format!("read {key}"), &address)?;
            let state = object.map(|object| seal::parse(&object.bytes, &space)).transpose()?;
            Ok(state.filter(|state| seal::refuse_closed(state).is_ok()).map(|state| (space, state)))
        }
    });
    Ok(read.await?.into_iter().flatten().collect())
}

/// Refuses to go on while something is deployed.
pub(super) fn refuse_deployed<'a>(id: &TenantId, states: impl IntoIterator<Item = &'a StateDocument>) -> Result<()> {
    let mut deployed = states.into_iter().filter(|state| !state.is_empty()).peekable();
    if deployed.peek().is_none() {
        return Ok(());
    }
    let mut error = Error::new(Reason::PolicyDenied, format!("{id} still has something deployed"));
    for state in deployed {
        let components = state.components.len();
        error = error.fact(&format!("{}/{}", state.stack, state.environment), format!("{components} components"));
    }
    Err(error
        .hint("let the team run `deployer destroy` first")
        .hint("or leave what is deployed to itself with --abandon-resources"))
}
