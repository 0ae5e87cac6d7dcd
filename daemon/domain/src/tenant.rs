//! A tenant: an isolated team, as its entry in `tenants.yaml` has it.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key::TenantSpace;
use crate::name::{StateVersion, TenantId};

mod change;
pub(crate) mod lenient;
mod naming;
mod new;

pub use change::{Move, TenantEdit};
pub(crate) use naming::refuse_reserved;
pub use naming::{id_from_name, id_of, secret_prefix, team_of, title_of};
pub(crate) use new::check_text;
pub use new::{NewTenant, check_texts};

/// The most stacks a tenant may have unless its entry says otherwise.
pub const DEFAULT_MAX_STACKS: u32 = 100;
/// The most services a tenant may have unless its entry says otherwise.
pub const DEFAULT_MAX_SERVICES: u32 = 500;

/// One entry of `tenants.yaml`. Unknown fields are not here; the registry keeps them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its id, unique within the backend.
    pub id: TenantId,
    /// Its name for people.
    #[serde(default)]
    pub display_name: String,
    /// Whom to write to.
    #[serde(default)]
    pub email: String,
    /// When it was created.
    #[serde(with = "lenient::time")]
    pub created: Timestamp,
    /// Whether it may sign in.
    pub status: TenantStatus,
    /// What its secret is verified against.
    pub credentials: Credentials,
    /// Where its state is kept.
    pub storage: Storage,
    /// How its locks begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locks: Option<LockPrefix>,
    /// Its AWS account and region.
    #[serde(default)]
    pub aws: AwsPlace,
    /// What it may use.
    #[serde(default)]
    pub limits: Limits,
    /// Who it is within the company.
    #[serde(default)]
    pub metadata: Labels,
}

impl Tenant {
    /// The only part of the storage that acts for this tenant may name.
    pub fn space(&self) -> TenantSpace {
        TenantSpace::new(self.id.clone(), self.storage.version.clone())
    }

    /// Its name for people: the display name, else the id.
    pub fn shown(&self) -> &str {
        if self.display_name.is_empty() { self.id.as_str() } else { &self.display_name }
    }
}

/// Whether a tenant may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum TenantStatus {
    /// It may.
    Active,
    /// It may not, nor are its sessions renewed; those that exist live until they expire.
    Suspended,
    /// It is being deleted, moved or something that a newer release knows: no commands at all.
    Closed(String),
}

impl From<String> for TenantStatus {
    fn from(text: String) -> Self {
        match text.as_str() {
            "active" => Self::Active,
            "suspended" => Self::Suspended,
            _ => Self::Closed(text),
        }
    }
}

impl From<TenantStatus> for String {
    fn from(status: TenantStatus) -> String {
        status.to_string()
    }
}

impl fmt::Display for TenantStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed(status) => status,
        })
    }
}

/// What a tenant's secret is verified against. The hash never leaves the registry and its derived entries.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// The bcrypt hash.
    pub hash: String,
    /// Always `bcrypt`.
    #[serde(default = "bcrypt")]
    pub algorithm: String,
    /// The hash's cost, for people; the hash itself says it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<u32>,
    /// How often the secret was replaced.
    #[serde(default)]
    pub rotations: u32,
    /// When it was last replaced.
    #[serde(default, with = "lenient::optional_time")]
    pub last_rotated: Option<Timestamp>,
}

fn bcrypt() -> String {
    "bcrypt".to_owned()
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("rotations", &self.rotations).finish_non_exhaustive()
    }
}

/// Where a tenant's state is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// `tenants/<id>`.
    pub prefix: String,
    /// The version namespace.
    #[serde(default)]
    pub version: StateVersion,
    /// `tenants/<id>/<version>`.
    pub path: String,
}

/// How a tenant's locks begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockPrefix {
    /// `tenant:<id>`.
    pub prefix: String,
}

/// A tenant's AWS account and region.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsPlace {
    /// 12 digits, or empty.
    #[serde(default, with = "lenient::account")]
    pub account_id: String,
    /// Its region.
    #[serde(default)]
    pub region: String,
}

/// What a tenant may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Whether its cost is asked for.
    #[serde(default)]
    pub cost_tracking: bool,
    /// US dollars a month.
    #[serde(default)]
    pub monthly_cost_limit: Option<u32>,
    /// Stacks.
    #[serde(default = "max_stacks")]
    pub max_stacks: u32,
    /// Services over all stacks.
    #[serde(default = "max_services")]
    pub max_services: u32,
}

fn max_stacks() -> u32 {
    DEFAULT_MAX_STACKS
}

fn max_services() -> u32 {
    DEFAULT_MAX_SERVICES
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cost_tracking: false,
            monthly_cost_limit: None,
            max_stacks: DEFAULT_MAX_STACKS,
            max_services: DEFAULT_MAX_SERVICES,
        }
    }
}

/// Who a tenant is within the company.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Labels {
    /// The team.
    #[serde(default)]
    pub team: String,
    /// The department.
    #[serde(default)]
    pub department: String,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A tenant as an admin might have created it.
    pub fn acme() -> Tenant {
        Tenant {
            id: "acme".parse().unwrap(),
            display_name: "Acme".to_owned(),
            email: "team@acme.com".to_owned(),
            created: "2024-01-15T10:30:00Z".parse().unwrap(),
            status: TenantStatus::Active,
            credentials: Credentials {
                hash: "$2b$10$rX8vN3jH6tY4bZ1cF5aS0.KpLmQ2wR8vN3jH6tY4bZ1cF5aS0dGxY".to_owned(),
                algorithm: "bcrypt".to_owned(),
                cost: Some(10),
                rotations: 0,
                last_rotated: None,
            },
            storage: Storage {
                prefix: "tenants/acme".to_owned(),
                version: StateVersion::default(),
                path: "tenants/acme/v1".to_owned(),
            },
            locks: None,
            aws: AwsPlace::default(),
            limits: Limits { monthly_cost_limit: Some(5000), ..Limits::default() },
            metadata: Labels::default(),
        }
    }
}
