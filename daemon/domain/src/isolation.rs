//! How strictly the cloud keeps a tenant apart from others, judged by what a person's own credentials are refused.

use async_trait::async_trait;

use crate::key::{KeyPrefix, ObjectKey, PlatformSpace};
use crate::name::TenantId;
use crate::object::PortResult;

/// How strictly the cloud keeps tenants apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// The daemon confines a tenant to its prefix; its people's own cloud rights may reach further.
    Advisory,
    /// Only the tenant's role reaches its prefix, and its people's own cloud rights reach nobody's.
    Enforced,
}

impl Isolation {
    /// As it is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Advisory => "advisory",
            Self::Enforced => "enforced",
        }
    }
}

/// Something that nobody's own credentials may do where tenants are kept apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trial {
    /// To read a document that is not the tenant's.
    Read(ObjectKey),
    /// To list what is not the tenant's.
    List(KeyPrefix),
    /// To become another tenant by the role that stands between.
    Become(TenantId),
}

impl std::fmt::Display for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Read(key) => write!(f, "read {key}"),
            Self::List(prefix) => write!(f, "list {}", prefix.as_str()),
            Self::Become(tenant) => write!(f, "assume the tenant's role as {tenant}"),
        }
    }
}

/// A caller's own credentials, where a role stands between them and the storage.
#[async_trait]
pub trait OwnRights: Send + Sync {
    /// Tries something that changes nothing; answers whether it was allowed.
    async fn allow(&self, trial: &Trial) -> PortResult<bool>;
}

/// What is tried before isolation is called enforced. Whoever the other tenant is, it need not exist: a cloud tells
/// those who may not look for it nothing else than that they may not.
pub fn trials(other: &TenantId) -> Vec<Trial> {
    let folder = PlatformSpace.tenant_folder(other);
    let space = PlatformSpace.tenant(other, &crate::name::StateVersion::default());
    vec![
        Trial::Read(PlatformSpace.registry()),
        Trial::List(PlatformSpace.registry_entries()),
        Trial::Read(PlatformSpace.registry_entry(other)),
        Trial::Read(space.config()),
        Trial::List(folder),
        Trial::Become(other.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_another_prefix_and_another_tenants_role_are_tried() {
        let tried: Vec<String> = trials(&"other-team".parse().unwrap()).iter().map(ToString::to_string).collect();
        assert_eq!(
            tried,
            [
                "read tenants.yaml",
                "list registry/",
                "read registry/other-team.yaml",
                "read tenants/other-team/tenant.yaml",
                "list tenants/other-team/",
                "assume the tenant's role as other-team",
            ]
        );
    }
}
