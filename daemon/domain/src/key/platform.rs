//! What the platform may name.

use jiff::Timestamp;
use jiff::civil::Date;
use ulid::Ulid;

use super::{ArchiveSpace, KeyPrefix, ObjectKey, StackSpace, TenantSpace, dated};
use crate::name::{StateVersion, TenantId};

/// What the platform's admins may name: everything.
#[derive(Debug, Clone, Copy)]
pub struct PlatformSpace;

impl PlatformSpace {
    /// `tenants.yaml`, the registry.
    pub fn registry(self) -> ObjectKey {
        ObjectKey("tenants.yaml".to_owned())
    }

    /// `registry/<id>.yaml`, derived from the registry.
    pub fn registry_entry(self, tenant: &TenantId) -> ObjectKey {
        ObjectKey(format!("registry/{tenant}.yaml"))
    }

    /// The prefix of all derived entries.
    pub fn registry_entries(self) -> KeyPrefix {
        KeyPrefix("registry/".to_owned())
    }

    /// An object that `admin bootstrap` writes and deletes again, to see how the storage behaves.
    pub fn probe(self, id: Ulid) -> ObjectKey {
        ObjectKey(format!("audit/probe/{id}"))
    }

    /// One admin or platform event.
    pub fn audit(self, at: Timestamp, id: Ulid) -> ObjectKey {
        dated("", at, id)
    }

    /// The prefix of all admin and platform events.
    pub fn audits(self) -> KeyPrefix {
        KeyPrefix("audit/".to_owned())
    }

    /// The prefix of everything that belongs to a tenant, all versions of its state and its audit included.
    pub fn tenant_folder(self, id: &TenantId) -> KeyPrefix {
        KeyPrefix(format!("tenants/{id}/"))
    }

    /// Whether a listed object below a tenant's folder is part of what the tenant works with. Its events are not, nor is what
    /// a creation that was cut off leaves: its configuration and empty folders.
    pub fn is_work(self, id: &TenantId, key: &ObjectKey) -> bool {
        let folder = self.tenant_folder(id);
        let name = key.0.strip_prefix(folder.as_str()).unwrap_or_default();
        name != "tenant.yaml" && !name.starts_with("audit/") && !name.ends_with('/')
    }

    /// Where the state of one environment of one stack lies, if a listed key of a tenant is one.
    pub fn state_of(self, id: &TenantId, key: &ObjectKey) -> Option<StackSpace> {
        let rest = key.0.strip_prefix(self.tenant_folder(id).as_str())?;
        let parts: Vec<&str> = rest.split('/').collect();
        let [version, "stacks", stack, environment, "state.json"] = parts[..] else { return None };
        let space = TenantSpace::new(id.clone(), version.parse().ok()?);
        Some(space.stack(&stack.parse().ok()?, &environment.parse().ok()?))
    }

    /// The prefix of the archives of all tenants that were deleted.
    pub fn all_archives(self) -> KeyPrefix {
        KeyPrefix("archive/".to_owned())
    }

    /// The prefix of all archives of a tenant that was deleted.
    pub fn archives(self, id: &TenantId) -> KeyPrefix {
        KeyPrefix(format!("archive/{id}/"))
    }

    /// The archive of a tenant that was deleted at a time.
    pub fn archive(self, id: &TenantId, at: Timestamp) -> ArchiveSpace {
        let folder = at.strftime("%Y%m%dT%H%M%SZ");
        ArchiveSpace { tenant: id.clone(), prefix: format!("archive/{id}/{folder}/") }
    }

    /// The archive of a folder below [`archives`](Self::archives), if its name is one.
    pub fn archive_of(self, id: &TenantId, folder: &str) -> Option<ArchiveSpace> {
        let moment = format!("{}+0000", folder.strip_suffix('Z')?);
        Some(self.archive(id, Timestamp::strptime("%Y%m%dT%H%M%S%z", moment).ok()?))
    }

    /// The prefix of the admin and platform events of one day.
    pub fn audits_of(self, day: Date) -> KeyPrefix {
        KeyPrefix(format!("audit/{}/", day.strftime("%Y/%m/%d")))
    }

    /// The space of one tenant.
    pub fn tenant(self, id: &TenantId, version: &StateVersion) -> TenantSpace {
        TenantSpace::new(id.clone(), version.clone())
    }
}
