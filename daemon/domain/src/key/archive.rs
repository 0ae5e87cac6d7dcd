//! What the archive of a deleted tenant may name.

use super::{KeyPrefix, ObjectKey, PlatformSpace};
use crate::name::TenantId;

/// Where a tenant that was deleted is kept until it is purged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArchiveSpace {
    pub(super) tenant: TenantId,
    pub(super) prefix: String,
}

impl ArchiveSpace {
    /// The path without the final slash: `archive/<id>/<timestamp>`.
    pub fn path(&self) -> &str {
        self.prefix.trim_end_matches('/')
    }

    /// The prefix of everything in it.
    pub fn everything(&self) -> KeyPrefix {
        KeyPrefix(self.prefix.clone())
    }

    /// What it holds, with checksums; written when everything is there.
    pub fn manifest(&self) -> ObjectKey {
        ObjectKey(format!("{}manifest.json", self.prefix))
    }

    /// The folder's name, such as `20240120T143000Z`.
    pub fn name(&self) -> &str {
        self.path().rsplit('/').next().unwrap_or_default()
    }

    /// Says that a restoration from it has begun.
    pub fn restoring(&self) -> ObjectKey {
        ObjectKey(format!("{}restoring.json", self.prefix))
    }

    /// Says that it was restored.
    pub fn restored(&self) -> ObjectKey {
        ObjectKey(format!("{}restored.json", self.prefix))
    }

    /// Where one of the tenant's objects is kept; `None` for an object that is not the tenant's.
    pub fn copy_of(&self, key: &ObjectKey) -> Option<ObjectKey> {
        let rest = key.0.strip_prefix(PlatformSpace.tenant_folder(&self.tenant).as_str())?;
        Some(ObjectKey(format!("{}tenant/{rest}", self.prefix)))
    }

    /// Where an object of the manifest belongs, by its name below the tenant's folder; `None` for a name that would
    /// lead out of it.
    pub fn original_of(&self, name: &str) -> Option<ObjectKey> {
        let climbs = name.split('/').any(|part| part == ".." || part == ".");
        let prefix = PlatformSpace.tenant_folder(&self.tenant);
        (!climbs && !name.starts_with('/')).then(|| prefix.listed(&format!("{}{name}", prefix.as_str())))?
    }

    /// The name of one of the tenant's objects below its folder.
    pub fn name_of<'a>(&self, key: &'a ObjectKey) -> Option<&'a str> {
        key.0.strip_prefix(PlatformSpace.tenant_folder(&self.tenant).as_str())
    }
}
