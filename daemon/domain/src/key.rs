//! Where every document lives: the only place that builds object keys and lock keys.
//!
//! **Invariant:** an [`ObjectKey`] or [`LockKey`] exists only if this room built it from validated names, and what a
//! [`TenantSpace`] hands out lies within that tenant's prefix. Code that holds only a `TenantSpace` cannot name
//! another tenant's path.

use std::fmt;

use jiff::Timestamp;
use ulid::Ulid;

mod archive;
mod move_space;
mod platform;
mod stack;
mod tenant;
#[cfg(test)]
mod tests;

pub use archive::ArchiveSpace;
pub use move_space::MoveSpace;
pub use platform::PlatformSpace;
pub use stack::StackSpace;
pub use tenant::TenantSpace;

use crate::name::{EnvironmentName, StackName, TenantId};

/// The full key of one stored object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// The key as the storage spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The beginning of keys, always ending in `/`, for listing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// The prefix as the storage spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a key that a listing of this prefix returned; `None` when it does not lie within the prefix.
    pub fn listed(&self, key: &str) -> Option<ObjectKey> {
        (key.len() > self.0.len() && key.starts_with(&self.0)).then(|| ObjectKey(key.to_owned()))
    }
}

/// The key of one lock: `tenant:<id>:stack:<stack>:env:<environment>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LockKey {
    /// The tenant whose lock it is.
    pub tenant: TenantId,
    /// The stack it guards.
    pub stack: StackName,
    /// The environment it guards.
    pub environment: EnvironmentName,
}

impl LockKey {
    /// The key of the audit item that a forced unlock of this lock writes in the same transaction.
    pub fn unlock_audit(&self, id: Ulid) -> String {
        format!("tenant:{}:audit:{}:{}:{id}", self.tenant, self.stack, self.environment)
    }
}

impl std::str::FromStr for LockKey {
    type Err = crate::name::InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["tenant", tenant, "stack", stack, "env", environment] = parts[..] else {
            return Err(crate::name::InvalidName {
                kind: "lock key",
                shown: format!("{:?}", text.chars().take(80).collect::<String>()),
                why: "it must read tenant:ID:stack:NAME:env:NAME".to_owned(),
            });
        };
        Ok(Self { tenant: tenant.parse()?, stack: stack.parse()?, environment: environment.parse()? })
    }
}

impl fmt::Display for LockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant:{}:stack:{}:env:{}", self.tenant, self.stack, self.environment)
    }
}

fn dated(prefix: &str, at: Timestamp, id: Ulid) -> ObjectKey {
    let day = at.strftime("%Y/%m/%d").to_string();
    ObjectKey(format!("{prefix}audit/{day}/{id}.json"))
}
