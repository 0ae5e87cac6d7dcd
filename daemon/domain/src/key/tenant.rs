//! What one tenant may name.

use jiff::Timestamp;
use jiff::civil::Date;
use ulid::Ulid;

use super::{KeyPrefix, LockKey, ObjectKey, PlatformSpace, StackSpace, dated};
use crate::name::{EnvironmentName, StackName, StateVersion, TenantId};

/// What one tenant may name: its own prefix, and read-only its derived registry entry.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TenantSpace {
    id: TenantId,
    version: StateVersion,
}

impl TenantSpace {
    /// Confines to a tenant and one version namespace of its prefix.
    pub fn new(id: TenantId, version: StateVersion) -> Self {
        Self { id, version }
    }

    /// The tenant.
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    /// The version namespace.
    pub fn version(&self) -> &StateVersion {
        &self.version
    }

    /// The tenant's storage path without the final slash: `tenants/<id>/<version>`.
    pub fn path(&self) -> String {
        format!("tenants/{}/{}", self.id, self.version)
    }

    /// The tenant's lock prefix: `tenant:<id>`.
    pub fn lock_prefix(&self) -> String {
        format!("tenant:{}", self.id)
    }

    /// `registry/<id>.yaml`.
    pub fn registry_entry(&self) -> ObjectKey {
        PlatformSpace.registry_entry(&self.id)
    }

    /// `tenants/<id>/tenant.yaml`.
    pub fn config(&self) -> ObjectKey {
        ObjectKey(format!("tenants/{}/tenant.yaml", self.id))
    }

    /// One event in the tenant's audit.
    pub fn audit(&self, at: Timestamp, id: Ulid) -> ObjectKey {
        dated(&format!("tenants/{}/", self.id), at, id)
    }

    /// The prefix of the tenant's audit.
    pub fn audits(&self) -> KeyPrefix {
        KeyPrefix(format!("tenants/{}/audit/", self.id))
    }

    /// The prefix of the tenant's events of one day.
    pub fn audits_of(&self, day: Date) -> KeyPrefix {
        KeyPrefix(format!("tenants/{}/audit/{}/", self.id, day.strftime("%Y/%m/%d")))
    }

    /// The key that sensitive values are compared under: 32 random bytes, outside of every state.
    pub fn sensitive_key(&self) -> ObjectKey {
        ObjectKey(format!("{}/sensitive.key", self.path()))
    }

    /// The empty object that makes the (still empty) `stacks/` folder visible in the provider's tools.
    pub fn stacks_folder(&self) -> ObjectKey {
        ObjectKey(format!("{}/stacks/", self.path()))
    }

    /// The prefix of all stacks.
    pub fn stacks(&self) -> KeyPrefix {
        KeyPrefix(format!("{}/stacks/", self.path()))
    }

    /// The prefix of all environments of a stack.
    pub fn environments(&self, stack: &StackName) -> KeyPrefix {
        KeyPrefix(format!("{}/stacks/{stack}/", self.path()))
    }

    /// One environment of one stack.
    pub fn stack(&self, stack: &StackName, environment: &EnvironmentName) -> StackSpace {
        StackSpace {
            prefix: format!("{}/stacks/{stack}/{environment}/", self.path()),
            lock: LockKey { tenant: self.id.clone(), stack: stack.clone(), environment: environment.clone() },
        }
    }

    /// The stack and environment that a listed key belongs to, if it is one of this space.
    pub fn stack_of(&self, key: &ObjectKey) -> Option<(StackName, EnvironmentName)> {
        let rest = key.0.strip_prefix(self.stacks().as_str())?;
        let mut parts = rest.split('/');
        let stack = parts.next()?.parse().ok()?;
        let environment = parts.next()?.parse().ok()?;
        parts.next().map(|_| (stack, environment))
    }
}
