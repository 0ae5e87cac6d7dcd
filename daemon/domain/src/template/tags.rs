//! The tags that say whose something is.

use std::collections::BTreeMap;

use crate::expression::Scope;
use crate::name::ComponentId;

/// The tags of a component: cost, usage, drift and status read them.
pub fn tags(component: &ComponentId, scope: &Scope) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("deployer:tenant", scope.tenant.to_string()),
        ("deployer:stack", scope.stack.to_string()),
        ("deployer:environment", scope.environment.to_string()),
        ("deployer:service", component.service.to_string()),
        ("deployer:component", component.component.to_string()),
    ])
}
