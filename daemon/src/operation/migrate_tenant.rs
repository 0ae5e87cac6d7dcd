//! Takes over what a deployment without tenants kept in the same storage.
//!
//! The old states are sealed, everything is copied and compared, the states last, and the registry remembers it. What was
//! there stays there. Every step can be repeated.

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{MoveSpace, PlatformSpace};
use deployer_domain::name::TenantId;
use deployer_domain::registry::{Migration, Registry, unknown_tenant};
use deployer_domain::tenant::Tenant;

use super::authorise::AdminAccess;
use super::move_objects::{Found, copy, find, refuse_unreadable, seal};
use super::{Ports, Steps, authorise, entries, registry, registry_edit};

/// What is to be taken over.
#[derive(Debug, Clone)]
pub struct MigrateTenant {
    /// By whom.
    pub id: TenantId,
    /// Where it is, such as `stacks/`.
    pub from: String,
    /// Whether it is only looked at.
    pub dry_run: bool,
}

/// What was taken over, or would be.
#[derive(Debug)]
pub struct MigratedTenant {
    /// The tenant.
    pub tenant: Tenant,
    /// Where it was.
    pub from: String,
    /// Where it is now.
    pub to: String,
    /// Environments of stacks.
    pub stacks: u64,
    /// Objects, states included.
    pub objects: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// Whether nothing was done yet.
    pub dry_run: bool,
}

/// Takes over. Fails with `NOT_FOUND` where there is nothing, with `INVALID_REQUEST` where an object belongs to no stack, with
/// `STATE_CONFLICT` where a state cannot be worked with or the tenant has such a stack already. A dry run looks at all of
/// that but the last.
pub async fn migrate_tenant(
    ports: &Ports,
    caller: &Caller,
    wanted: MigrateTenant,
    steps: Steps<'_>,
) -> Result<MigratedTenant> {
    let access = authorise::admin(ports, caller).await?;
    let registry = registry::registry(ports, &access.backend).await?;
    let tenant = registry.tenant(&wanted.id).ok_or_else(|| unknown_tenant(&wanted.id))?.clone();
    tenant.open()?;
    let space = PlatformSpace.migration(&wanted.from, tenant.space())?;
    let found = find(&access.backend, &space).await?;
    found.refuse_strangers(&space)?;
    if found.objects() == 0 {
        return Err(Error::new(Reason::NotFound, format!("there is nothing below {} to migrate", space.from()))
            .hint("name the folder of this storage that holds STACK/ENVIRONMENT/state.json, such as --from stacks/"));
    }
    refuse_unreadable(&access.backend, &found).await?;
    steps("Looking for stacks");
    let migrated = MigratedTenant {
        from: space.from().to_owned(),
        to: format!("{}/stacks/", space.to().path()),
        stacks: found.states.len() as u64,
        objects: found.objects(),
        bytes: found.bytes,
        dry_run: wanted.dry_run,
        tenant,
    };
    if wanted.dry_run {
        return Ok(migrated);
    }
    let recorder = authorise::recorder(&access, caller, "tenant.migrate", wanted.id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let moved = carry_out(ports, &access, (&space, found, migrated), steps).await;
    recorder.result(ports, intent, &moved).await;
    moved
}

async fn carry_out(
    ports: &Ports,
    access: &AdminAccess,
    (space, found, mut migrated): (&MoveSpace, Found, MigratedTenant),
    steps: Steps<'_>,
) -> Result<MigratedTenant> {
    let backend = &access.backend;
    seal(backend, &found).await?;
    steps("Sealing the old states");
    // Until it was sealed the older tool may have written more.
    let found = find(backend, space).await?;
    found.refuse_strangers(space)?;
    copy(backend, space, &found).await?;
    (migrated.stacks, migrated.objects, migrated.bytes) = (found.states.len() as u64, found.objects(), found.bytes);
    steps("Copying and comparing");
    let id = &migrated.tenant.id;
    let note = Migration { from: migrated.from.clone(), completed: ports.clock.now(), objects: migrated.objects };
    let edit = |registry: &mut Registry| registry.note_migration(id, &note);
    let registry = registry_edit::edit(ports, backend, edit, |_| false).await?;
    if let Some(derived) = registry.derive(id) {
        entries::repair_entry(backend, &derived).await?;
    }
    ports.caches.entries.forget(id);
    steps("Updating tenants.yaml");
    Ok(migrated)
}
