//! `tenant.yaml`: the configuration of one tenant.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{EnvironmentName, StateVersion, TenantId};

/// The content of `tenants/<id>/tenant.yaml`, with the reference's fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TenantConfig {
    /// Who it is for.
    pub tenant: ConfigTenant,
    /// Where its state is.
    pub storage: ConfigStorage,
    /// Where its locks are.
    pub locks: ConfigLocks,
    /// What it may deploy to, and how.
    #[serde(default)]
    pub config: ConfigRules,
}

/// Who a `tenant.yaml` is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigTenant {
    /// The tenant.
    pub id: TenantId,
    /// Its name for people.
    #[serde(default)]
    pub display_name: String,
    /// The version namespace of its state.
    #[serde(default)]
    pub version: StateVersion,
    /// When it was created.
    pub created: Timestamp,
}

/// Where a tenant's state is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigStorage {
    /// The bucket, or the file of a local backend.
    #[serde(default)]
    pub bucket: String,
    /// `tenants/<id>/<version>`.
    #[serde(default)]
    pub prefix: String,
}

/// Where a tenant's locks are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigLocks {
    /// The lock table.
    #[serde(default)]
    pub table: String,
    /// `tenant:<id>`.
    #[serde(default)]
    pub prefix: String,
}

/// What a tenant may deploy to, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigRules {
    /// The environments that its stacks may name; empty: any.
    #[serde(default)]
    pub environments: Vec<EnvironmentName>,
    /// The regions that its stacks may name; empty: any.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Its policies.
    #[serde(default)]
    pub policies: Policies,
}

/// The policies of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policies {
    /// Whether a run on `production` needs another person's approval.
    #[serde(default = "yes")]
    pub require_approval_for_production: bool,
    /// Whether `plan` looks for drift too.
    #[serde(default = "yes")]
    pub enable_drift_detection: bool,
    /// Whether cost is asked for; `tenants.yaml` wins where the two differ.
    #[serde(default = "yes")]
    pub enable_cost_tracking: bool,
    /// What happens at the monthly cost limit.
    #[serde(default)]
    pub cost_limit: CostLimitPolicy,
}

fn yes() -> bool {
    true
}

/// What happens at the monthly cost limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CostLimitPolicy {
    /// A warning.
    #[default]
    Warn,
    /// Growth is refused.
    Deny,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            require_approval_for_production: true,
            enable_drift_detection: true,
            enable_cost_tracking: true,
            cost_limit: CostLimitPolicy::Warn,
        }
    }
}

impl Default for ConfigRules {
    fn default() -> Self {
        Self { environments: Vec::new(), regions: Vec::new(), policies: Policies::default() }
    }
}
