//! Gives up the move of a tenant's state into another version namespace: the tenant works where it worked before.
//!
//! First it is noted that the move cannot be finished any more. Then what was copied is removed, as far as it is what was
//! copied, and the states are opened again where they were. Every step can be repeated.

use std::sync::Arc;

use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::entropy::ulid;
use deployer_domain::error::Result;
use deployer_domain::key::{MoveSpace, ObjectKey, PlatformSpace, StackSpace};
use deployer_domain::moving::Leaving;
use deployer_domain::name::TenantId;
use deployer_domain::object::{PortError, WriteIf};
use deployer_domain::port_error::explain;
use deployer_domain::registry::unknown_tenant;
use deployer_domain::tenant::Tenant;
use ulid::Ulid;

use super::archive_tenant::remove;
use super::authorise::AdminAccess;
use super::change_tenant::{Change, First};
use super::move_objects::{Found, changed, find, leaving, read};
use super::upgrade_tenant::point_config;
use super::{Ports, authorise, bounded, registry};

/// Gives up a move that is under way. Fails with `STATE_CONFLICT` where there is none. Can be repeated.
pub async fn abort_upgrade(ports: &Ports, caller: &Caller, id: &TenantId) -> Result<Tenant> {
    let access = authorise::admin(ports, caller).await?;
    let registry = registry::registry(ports, &access.backend).await?;
    let before = registry.tenant(id).ok_or_else(|| unknown_tenant(id))?.clone();
    let Some(going_on) = before.in_move() else { return Err(before.not_moving()) };
    let space = PlatformSpace.upgrade(id, &before.storage.version, &going_on.to);
    let recorder = authorise::recorder(&access, caller, "tenant.abort-upgrade", id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let aborted = GivenUp { ports, access: &access, before: &before, space }.carry_out().await;
    recorder.result(ports, intent, &aborted).await;
    aborted
}

struct GivenUp<'a> {
    ports: &'a Ports,
    access: &'a AdminAccess,
    before: &'a Tenant,
    space: MoveSpace,
}

impl GivenUp<'_> {
    async fn carry_out(self) -> Result<Tenant> {
        let backend = &self.access.backend;
        self.change(&Tenant::giving_up).await?;
        let found = find(backend, &self.space).await?;
        remove_copies(backend, &found).await?;
        reopen(self.ports, backend, &found).await?;
        point_config(backend, &self.before.space()).await?;
        self.change(&Tenant::stayed).await
    }

    async fn change(&self, change: &(dyn Fn(&Tenant) -> Result<Tenant> + Send + Sync)) -> Result<Tenant> {
        let landed = |tenant: &Tenant| change(tenant).is_ok_and(|wanted| wanted == *tenant);
        let id = &self.before.id;
        Change { id, first: First::Registry, change, landed: &landed }.write(self.ports, self.access).await
    }
}

/// Removes what the move brought; what differs from what it would have brought is somebody else's and stays.
async fn remove_copies(backend: &Backend, found: &Found) -> Result<()> {
    let states = found.states.iter().map(|(from, place)| (from.clone(), place.state(), true));
    let others = found.others.iter().map(|(from, to)| (from.clone(), to.clone(), false));
    let copies = bounded::map(states.chain(others), |(from, to, is_state)| {
        let backend = backend.clone();
        async move { Ok(is_copy(&backend, &from, &to, is_state).await?.then_some(to)) }
    });
    remove(backend, copies.await?.into_iter().flatten().collect()).await
}

async fn is_copy(backend: &Backend, from: &ObjectKey, to: &ObjectKey, is_state: bool) -> Result<bool> {
    let (Some(source), Some(there)) = (read(backend, from).await?, read(backend, to).await?) else { return Ok(false) };
    let expected = if is_state { Leaving::parse(&source.bytes, from)?.arrived() } else { source.bytes };
    Ok(there.bytes == expected)
}

/// Opens the states that the move has sealed.
async fn reopen(ports: &Ports, backend: &Backend, found: &Found) -> Result<()> {
    let opened = bounded::map(found.states.iter().cloned(), |(key, place)| {
        let (backend, entropy, now) = (backend.clone(), Arc::clone(&ports.entropy), ports.clock.now());
        async move { reopen_one(&backend, &key, &place, ulid(entropy.as_ref(), now)).await }
    });
    opened.await.map(drop)
}

async fn reopen_one(backend: &Backend, key: &ObjectKey, place: &StackSpace, write_id: Ulid) -> Result<()> {
    let (state, etag) = leaving(backend, key).await?;
    // One that has left for another place was not sealed by this move.
    if !state.has_left_for(place).unwrap_or(false) {
        return Ok(());
    }
    match backend.objects.write(key, state.returned(write_id), WriteIf::Unchanged(etag)).await {
        Ok(_) => Ok(()),
        Err(PortError::Conflict | PortError::Gone) => Err(changed(key)),
        Err(error) => Err(explain(error, format!("write {key}"), &backend.place.address)),
    }
}
