//! Writes new tenants into the storage: their folders, then the registry, then their derived entries.
//!
//! The registry is the truth: a tenant exists once it is there. What is written before (its folder) is harmless
//! without it, what is written after (its derived entry) any admin command repairs.

use deployer_domain::backend::Backend;
use deployer_domain::error::Result;
use deployer_domain::key::ObjectKey;
use deployer_domain::object::{PortError, WriteIf};
use deployer_domain::port_error::{Attempted, explain};
use deployer_domain::registry::{Place, Registry};
use deployer_domain::tenant::Tenant;
use deployer_domain::tenant_config::TenantConfig;

use super::authorise::AdminAccess;
use super::{Ports, Steps, bounded, entries, registry_edit};

/// Writes all of these tenants with one change of the registry, or none of them.
pub(super) async fn register(
    ports: &Ports,
    access: &AdminAccess,
    place: &Place,
    tenants: &[Tenant],
    steps: Steps<'_>,
) -> Result<()> {
    let backend = &access.backend;
    let place = place.clone().or_of(&backend.place.address);
    let folders = bounded::map(tenants.iter().cloned(), |tenant| {
        let (backend, place) = (backend.clone(), place.clone());
        async move { Folder::create(&backend, &tenant, &place).await }
    });
    let folders = folders.await?;
    steps("Creating S3 prefix");

    let now = ports.clock.now();
    let are_ours = |registry: &Registry| {
        let found = |tenant: &Tenant| registry.tenant(&tenant.id).map(|found| &found.credentials);
        tenants.iter().all(|tenant| found(tenant) == Some(&tenant.credentials))
    };
    let add = |registry: &mut Registry| tenants.iter().try_for_each(|tenant| registry.add(tenant, now));
    let registry = registry_edit::edit(ports, backend, add, are_ours).await?;
    let replaced = bounded::map(folders.into_iter().filter(|folder| !folder.ours), |folder| {
        let backend = backend.clone();
        async move { replace(&backend, &folder.config, folder.bytes).await }
    });
    replaced.await?;
    derive(backend, &registry, tenants).await?;
    steps("Updating tenants.yaml");
    Ok(())
}

/// Makes the derived entries of tenants say what the registry says.
pub(super) async fn derive(backend: &Backend, registry: &Registry, tenants: &[Tenant]) -> Result<()> {
    let derived = tenants.iter().filter_map(|tenant| registry.derive(&tenant.id));
    let written = bounded::map(derived, |derived| {
        let backend = backend.clone();
        async move { entries::repair_entry(&backend, &derived).await }
    });
    written.await.map(drop)
}

/// The documents that a tenant begins with.
struct Folder {
    config: ObjectKey,
    bytes: Vec<u8>,
    /// Whether what is there is certainly this.
    ours: bool,
}

impl Folder {
    async fn create(backend: &Backend, tenant: &Tenant, place: &Place) -> Result<Self> {
        let space = tenant.space();
        let (config, bytes) = (space.config(), TenantConfig::first(tenant, place).to_bytes()?);
        let ours = create(backend, &config, bytes.clone()).await?;
        create(backend, &space.stacks_folder(), Vec::new()).await?;
        Ok(Self { config, bytes, ours })
    }
}

/// Writes a document that nobody should have written yet; answers whether it is certainly ours.
async fn create(backend: &Backend, key: &ObjectKey, bytes: Vec<u8>) -> Result<bool> {
    let mut lost = false;
    loop {
        match backend.objects.write(key, bytes.clone(), WriteIf::Absent).await {
            Ok(_) => return Ok(true),
            Err(PortError::Conflict) => return Ok(false),
            Err(PortError::Unavailable(_)) if !lost => lost = true,
            Err(error) => return Err(explain(error, format!("write {key}"), &backend.place.address)),
        }
    }
}

/// Replaces what an admin wrote who lost the race for the same name, or whose command was cut off.
async fn replace(backend: &Backend, key: &ObjectKey, bytes: Vec<u8>) -> Result<()> {
    let address = &backend.place.address;
    for _ in 0..5 {
        let found = backend.objects.read(key).await.attempted(format!("read {key}"), address)?;
        let condition = match found {
            Some(object) if object.bytes == bytes => return Ok(()),
            Some(object) => WriteIf::Unchanged(object.etag),
            None => WriteIf::Absent,
        };
        match backend.objects.write(key, bytes.clone(), condition).await {
            Ok(_) => return Ok(()),
            Err(PortError::Conflict | PortError::Gone | PortError::Unavailable(_)) => {}
            Err(error) => return Err(explain(error, format!("write {key}"), address)),
        }
    }
    Err(explain(PortError::Conflict, format!("write {key}"), address))
}
