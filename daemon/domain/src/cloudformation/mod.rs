//! CloudFormation as this program uses it: one stack a component, changed by change sets only, every operation under a
//! token that a successor can find again.

mod letting_go;
mod port;
mod status;
mod template;

pub use letting_go::{LettingGo, deletes_a_bucket, letting_go};
pub use port::{ChangeSet, ChangeSetRequest, DriftDetection, StackDescription, StackEvent, Stacks, TemplateBody};
pub use status::{Standing, aftermath, standing, succeeded};
pub use template::StackTemplate;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::expression::Scope;
use crate::name::{ComponentId, RunId};

/// The longest name that CloudFormation takes.
const LONGEST_NAME: usize = 128;

/// Which stack, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StackPlace {
    /// Its name.
    pub stack_name: String,
    /// Its region.
    pub region: String,
    /// The role that is assumed for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
}

impl StackPlace {
    /// What an intent says, so that a successor finds the operation again.
    pub fn handle(&self, token: &OperationToken) -> BTreeMap<String, String> {
        let role = self.role_arn.iter().map(|role| (ROLE, role.clone()));
        let fields = [(STACK, self.stack_name.clone()), (REGION, self.region.clone()), (TOKEN, token.to_string())];
        fields.into_iter().chain(role).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The stack that an intent speaks of, with the token of its operation; `None` for another engine's intent.
    pub fn of_handle(handle: &BTreeMap<String, String>) -> Option<(Self, String)> {
        let field = |name: &str| handle.get(name).cloned();
        let place = Self { stack_name: field(STACK)?, region: field(REGION)?, role_arn: field(ROLE) };
        Some((place, field(TOKEN)?))
    }
}

const STACK: &str = "stackName";
const REGION: &str = "region";
const ROLE: &str = "roleArn";
const TOKEN: &str = "token";

/// The name of a run's change sets, and the client request token of all that it asks for: no other holder of the lock
/// has the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationToken(String);

/// What the names of all change sets of runs begin with.
pub const TOKEN_PREFIX: &str = "deployer-";
/// What the names of change sets begin with that are only read.
pub const PLAN_PREFIX: &str = "deployer-plan-";

impl OperationToken {
    /// The token of a run under a fence.
    pub fn new(fence: u64, run: RunId) -> Self {
        Self(format!("{TOKEN_PREFIX}{fence}-{run}"))
    }

    /// The token of what is asked for without the lock: of plans and looks.
    pub fn of_a_look(id: ulid::Ulid) -> Self {
        Self(format!("{PLAN_PREFIX}{id}"))
    }

    /// As the provider takes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OperationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a component's stack: a hash that no other component has, then what a person can read.
pub fn stack_name(component: &ComponentId, scope: &Scope) -> String {
    let parts = [
        scope.tenant.as_str(),
        scope.stack.as_str(),
        scope.environment.as_str(),
        component.service.as_str(),
        component.component.as_str(),
    ];
    let hash = hex::encode(Sha256::digest(parts.join("\0").as_bytes()));
    let mut name = format!("deployer-{}-{}", &hash[..16], parts.join("-"));
    name.truncate(LONGEST_NAME);
    name.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope {
            tenant: "acme-team".parse().unwrap(),
            stack: "shop".parse().unwrap(),
            environment: "production".parse().unwrap(),
            region: Some("eu-west-1".to_owned()),
            role_arn: None,
            network: None,
        }
    }

    #[test]
    fn stacks_of_different_components_never_share_a_name() {
        let name = |id: &str| stack_name(&id.parse().unwrap(), &scope());
        assert_eq!(name("email.queue"), "deployer-61da52424e8abb73-acme-team-shop-production-email-queue");
        assert_ne!(name("a-b.c"), name("a.b-c"));
        let long = "x".repeat(40);
        let name =
            stack_name(&format!("{long}.{long}").parse().unwrap(), &Scope { stack: long.parse().unwrap(), ..scope() });
        assert_eq!(name.len(), LONGEST_NAME);
    }

    #[test]
    fn an_intent_tells_which_operation_it_was() {
        let place = StackPlace { stack_name: "s".to_owned(), region: "r".to_owned(), role_arn: Some("arn".to_owned()) };
        let run = "01JD0000000000000000000000".parse().unwrap();
        let handle = place.handle(&OperationToken::new(7, run));
        let token = "deployer-7-01JD0000000000000000000000".to_owned();
        assert_eq!(StackPlace::of_handle(&handle), Some((place, token)));
        assert_eq!(StackPlace::of_handle(&BTreeMap::new()), None);
    }
}
