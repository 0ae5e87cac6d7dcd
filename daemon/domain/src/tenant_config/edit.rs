//! Changes of `tenant.yaml` that keep what people wrote into it.

use serde_yaml::{Mapping, Value};

use super::{ConfigRules, CostLimitPolicy, TenantConfig, keeping};
use crate::error::{Error, Reason, Result};
use crate::key::TenantSpace;
use crate::name::EnvironmentName;

/// What an admin changes of a tenant's rules; what is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RulesEdit {
    /// The environments that its stacks may name; empty: any.
    pub environments: Option<Vec<EnvironmentName>>,
    /// The regions that its stacks may name; empty: any.
    pub regions: Option<Vec<String>>,
    /// Whether a run on `production` needs another person's approval.
    pub require_approval: Option<bool>,
    /// What happens at the monthly cost limit.
    pub cost_limit: Option<CostLimitPolicy>,
}

impl RulesEdit {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn apply(&self, rules: &mut ConfigRules) {
        if let Some(environments) = &self.environments {
            rules.environments.clone_from(environments);
        }
        if let Some(regions) = &self.regions {
            rules.regions.clone_from(regions);
        }
        let policies = &mut rules.policies;
        policies.require_approval_for_production =
            self.require_approval.unwrap_or(policies.require_approval_for_production);
        policies.cost_limit = self.cost_limit.unwrap_or(policies.cost_limit);
    }
}

impl TenantConfig {
    /// The stored document after the tenant's state has moved.
    pub fn moved(bytes: &[u8], file: &str, to: &TenantSpace) -> Result<Vec<u8>> {
        let mut config = Self::parse(bytes, file)?;
        config.tenant.version = to.version().clone();
        config.storage.prefix = to.path();
        config.over(bytes, file)
    }

    /// The stored document with other rules. Fields that are unknown here stay; `file` is its key.
    pub fn edited(bytes: &[u8], file: &str, edit: &RulesEdit) -> Result<(Self, Vec<u8>)> {
        let mut config = Self::parse(bytes, file)?;
        edit.apply(&mut config.config);
        let bytes = config.over(bytes, file)?;
        Ok((config, bytes))
    }

    /// Written over what is stored: what nobody knows here stays.
    fn over(&self, bytes: &[u8], file: &str) -> Result<Vec<u8>> {
        let unwritable =
            |error: serde_yaml::Error| Error::new(Reason::Internal, format!("{file} cannot be written: {error}"));
        let mut raw: Mapping = serde_yaml::from_slice(bytes).map_err(unwritable)?;
        if let Value::Mapping(known) = serde_yaml::to_value(self).map_err(unwritable)? {
            keeping(&mut raw, known);
        }
        Ok(serde_yaml::to_string(&raw).map_err(unwritable)?.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::REFERENCE;
    use super::*;

    #[test]
    fn an_edit_keeps_what_it_does_not_name_and_what_nobody_knows() {
        let text =
            REFERENCE.replace("    enableDriftDetection: true", "    ours: [1, 2]\n    enableDriftDetection: true");
        let edit = RulesEdit {
            environments: Some(vec!["staging".parse().unwrap()]),
            require_approval: Some(false),
            ..RulesEdit::default()
        };
        let (config, bytes) = TenantConfig::edited(text.as_bytes(), "tenant.yaml", &edit).unwrap();
        assert_eq!(config.config.regions.len(), 2);
        assert!(!config.config.policies.require_approval_for_production);
        let written = String::from_utf8(bytes).unwrap();
        assert!(written.contains("ours:") && written.contains("requireApprovalForProduction: false"), "{written}");
        assert!(!written.contains("development"), "{written}");
        assert_eq!(TenantConfig::parse(written.as_bytes(), "tenant.yaml"), Ok(config));
    }
}
