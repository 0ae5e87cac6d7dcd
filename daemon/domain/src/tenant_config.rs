//! `tenant.yaml`: the configuration of one tenant.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Reason, Result};
use crate::name::{EnvironmentName, StateVersion, TenantId};
use crate::registry::{Place, keeping, malformed, plain_text, problem};
use crate::tenant::{Tenant, lenient};

mod edit;

pub use edit::RulesEdit;

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

/// The environments of a new tenant.
const ENVIRONMENTS: [&str; 3] = ["production", "staging", "development"];

impl TenantConfig {
    /// Reads the document; `file` is its key.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self> {
        let text = plain_text(bytes, file)?;
        serde_yaml::from_str(text).map_err(|error| malformed(file, [problem(&error, file)]))
    }

    /// The document as it is stored.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_yaml::to_string(self)
            .map(String::into_bytes)
            .map_err(|error| Error::new(Reason::Internal, format!("tenant.yaml cannot be written: {error}")))
    }

    /// What applies to a tenant without a `tenant.yaml`: any environment, any region, the default policies.
    pub fn of(tenant: &Tenant, place: &Place) -> Self {
        Self {
            tenant: ConfigTenant {
                id: tenant.id.clone(),
                display_name: tenant.display_name.clone(),
                version: tenant.storage.version.clone(),
                created: tenant.created,
            },
            storage: ConfigStorage { bucket: place.bucket.clone(), prefix: tenant.space().path() },
            locks: ConfigLocks { table: place.lock_table.clone(), prefix: tenant.space().lock_prefix() },
            config: ConfigRules::default(),
        }
    }

    /// The document of a new tenant.
    pub fn first(tenant: &Tenant, place: &Place) -> Self {
        let regions: &[&str] = match tenant.aws.region.as_str() {
            "" => &[],
            "us-east-1" => &["us-east-1", "us-west-2"],
            region => &[region],
        };
        let config = ConfigRules {
            environments: ENVIRONMENTS.iter().filter_map(|name| name.parse().ok()).collect(),
            regions: regions.iter().map(|region| (*region).to_owned()).collect(),
            policies: Policies { enable_cost_tracking: tenant.limits.cost_tracking, ..Policies::default() },
        };
        Self { config, ..Self::of(tenant, place) }
    }
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
    #[serde(with = "lenient::time")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
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

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const REFERENCE: &str = "tenant:
  id: notifications-team
  displayName: \"Notifications Team\"
  version: v1
  created: 2024-01-15T11:00:00Z

storage:
  bucket: company-deployer-state
  prefix: tenants/notifications-team/v1

locks:
  table: company-deployer-locks
  prefix: tenant:notifications-team

config:
  environments:
    - production
    - staging
    - development

  regions:
    - us-east-1
    - us-west-2

  policies:
    requireApprovalForProduction: true
    enableDriftDetection: true
    enableCostTracking: true
";

    #[test]
    fn the_references_document_is_read_and_written() {
        let config = TenantConfig::parse(REFERENCE.as_bytes(), "tenant.yaml").unwrap();
        assert_eq!(config.config.environments.len(), 3);
        assert_eq!(config.config.regions, ["us-east-1", "us-west-2"]);
        assert_eq!(config.config.policies, Policies::default());
        let again = TenantConfig::parse(&config.to_bytes().unwrap(), "tenant.yaml").unwrap();
        assert_eq!(again, config);
    }

    #[test]
    fn what_is_not_said_has_the_strict_default() {
        let short = &REFERENCE[..REFERENCE.find("config:").unwrap()];
        let config = TenantConfig::parse(short.as_bytes(), "tenant.yaml").unwrap();
        assert!(config.config.policies.require_approval_for_production);
        assert!(config.config.environments.is_empty());
    }

    #[test]
    fn a_malformed_document_names_file_and_line() {
        let broken = REFERENCE.replace("requireApprovalForProduction: true", "requireApprovalForProduction: perhaps");
        let error = TenantConfig::parse(broken.as_bytes(), "tenants/x/tenant.yaml").unwrap_err();
        let problem = &error.problems[0];
        assert!(problem.file == "tenants/x/tenant.yaml" && (25..=28).contains(&problem.line), "{problem}");
    }
}
