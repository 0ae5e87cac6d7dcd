//! What a tenant's configuration says about a run before it may start.

use crate::error::{Error, Reason, Result};
use crate::name::EnvironmentName;
use crate::tenant_config::ConfigRules;

/// The environment that policies protect.
/// The environment that policies call production.
pub const PRODUCTION: &str = "production";

/// Refuses an environment or region that the tenant's configuration does not name.
pub fn allow_place(rules: &ConfigRules, environment: &EnvironmentName, region: Option<&str>) -> Result<()> {
    if !rules.environments.is_empty() && !rules.environments.contains(environment) {
        let names: Vec<&str> = rules.environments.iter().map(EnvironmentName::as_str).collect();
        return Err(refusal(format!("the tenant may not deploy to the environment {environment}"))
            .fact("Allowed", names.join(", "))
            .hint(WHO.replace("FLAG", "--environments")));
    }
    match region {
        Some(region) if !rules.regions.is_empty() && !rules.regions.iter().any(|allowed| allowed == region) => {
            Err(refusal(format!("the tenant may not deploy to the region {region}"))
                .fact("Allowed", rules.regions.join(", "))
                .hint(WHO.replace("FLAG", "--regions")))
        }
        _ => Ok(()),
    }
}

fn refusal(message: String) -> Error {
    Error::new(Reason::PolicyDenied, message)
}

/// Who can change it.
const WHO: &str = "ask an admin, who can change it: `deployer tenant edit ID FLAG …`";

/// Whether an environment is the one in which the careful defaults hold.
pub fn is_production(environment: &EnvironmentName) -> bool {
    environment.as_str() == PRODUCTION
}

/// Whether a run on an environment needs another person's approval.
pub fn needs_approval(rules: &ConfigRules, environment: &EnvironmentName) -> bool {
    rules.policies.require_approval_for_production && environment.as_str() == PRODUCTION
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant_config::Policies;

    fn rules() -> ConfigRules {
        ConfigRules {
            environments: vec!["production".parse().unwrap(), "staging".parse().unwrap()],
            regions: vec!["us-east-1".to_owned()],
            policies: Policies::default(),
        }
    }

    fn environment(name: &str) -> EnvironmentName {
        name.parse().unwrap()
    }

    #[test]
    fn a_place_that_is_not_named_is_refused_with_those_that_are() {
        assert!(allow_place(&rules(), &environment("staging"), Some("us-east-1")).is_ok());
        assert!(allow_place(&rules(), &environment("staging"), None).is_ok());
        let error = allow_place(&rules(), &environment("dev"), None).unwrap_err();
        assert_eq!((error.reason, error.facts[0].1.as_str()), (Reason::PolicyDenied, "production, staging"));
        assert!(allow_place(&rules(), &environment("staging"), Some("eu-west-1")).is_err());
    }

    #[test]
    fn where_nothing_is_named_everything_is_allowed() {
        assert!(allow_place(&ConfigRules::default(), &environment("dev"), Some("eu-west-1")).is_ok());
    }

    #[test]
    fn production_alone_needs_approval_unless_the_policy_is_off() {
        assert!(needs_approval(&rules(), &environment("production")));
        assert!(!needs_approval(&rules(), &environment("staging")));
        let mut off = rules();
        off.policies.require_approval_for_production = false;
        assert!(!needs_approval(&off, &environment("production")));
    }
}
