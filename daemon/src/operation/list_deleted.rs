//! Lists the tenants that were deleted and can be restored.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::key::{ArchiveSpace, PlatformSpace};
use deployer_domain::name::TenantId;
use deployer_domain::port_error::Attempted;
use deployer_domain::registry::Derived;
use jiff::Timestamp;

use super::archive_tenant::{Found, archives, under_way};
use super::{Ports, authorise, bounded, registry};

/// An archive that was not restored.
#[derive(Debug, Clone)]
pub struct DeletedRow {
    /// Whose it is.
    pub id: TenantId,
    /// Its name for people, as far as its entry can be read.
    pub display_name: String,
    /// Where it is kept.
    pub archive: ArchiveSpace,
    /// When the tenant was deleted.
    pub deleted: Timestamp,
    /// From when on it may be purged.
    pub purgeable: Timestamp,
    /// What it holds.
    pub objects: u64,
    /// Bytes in that.
    pub bytes: u64,
    /// Whether a restoration from it has begun and not ended.
    pub restoring: bool,
}

/// Lists them by id, the oldest archive of each first.
pub async fn list_deleted(ports: &Ports, caller: &Caller) -> Result<Vec<DeletedRow>> {
    let access = authorise::admin(ports, caller).await?;
    let registry = registry::registry(ports, &access.backend).await?;
    let names = access.backend.objects.folders(&PlatformSpace.all_archives()).await;
    let names = names.attempted("list the archives", &access.backend.place.address)?;
    let ids: Vec<TenantId> = names.iter().filter_map(|name| name.parse().ok()).collect();
    let found = bounded::map(ids, |id| {
        let backend = access.backend.clone();
        async move { archives(&backend, &id).await }
    });
    let rows = |all: Vec<Found>| {
        let restoring = under_way(&all).filter(|found| registry.tenant(&found.manifest.tenant).is_none());
        let restoring = restoring.map(|found| found.space.clone());
        let left = all.into_iter().filter(|found| !found.restored);
        left.map(|found| row(restoring.as_ref() == Some(&found.space), found)).collect::<Vec<_>>()
    };
    Ok(found.await?.into_iter().flat_map(rows).collect())
}

fn row(restoring: bool, found: Found) -> DeletedRow {
    let entry = Derived::parse(found.manifest.entry.as_bytes(), found.space.manifest().as_str());
    DeletedRow {
        display_name: entry.map(|entry| entry.tenant.display_name).unwrap_or_default(),
        deleted: found.manifest.deleted,
        purgeable: found.manifest.purgeable(),
        objects: found.manifest.objects.len() as u64,
        bytes: found.manifest.bytes(),
        restoring,
        id: found.manifest.tenant,
        archive: found.space,
    }
}
