//! What an engine says it would do for one component, resource by resource; and how a plan's digest covers it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::PlanDigest;
use crate::name::ComponentId;

/// What an engine says it would do for one component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    /// Resource by resource; empty: nothing is to be done.
    pub resources: Vec<ResourceChange>,
}

/// What would happen to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceChange {
    /// What.
    pub action: ResourceAction,
    /// Its name in the template or module.
    pub name: String,
    /// Its type at the provider.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// Its name or ARN at the provider; empty while it is not there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub physical_id: String,
    /// Whether it changes who may do what.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub permissions: bool,
    /// What of it changes, such as `Properties.QueueName`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

/// What would happen to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ResourceAction {
    /// It is made.
    Add,
    /// It changes in place.
    Modify,
    /// It is made anew, and the old one is deleted.
    Replace,
    /// It is made anew if what it depends on turns out so.
    MayReplace,
    /// It is deleted.
    Remove,
    /// It is there already and is taken in.
    Import,
    /// The engine cannot tell before it does it.
    Dynamic,
}

impl fmt::Display for ResourceAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add => "add",
            Self::Modify => "modify",
            Self::Replace => "replace",
            Self::MayReplace => "may replace",
            Self::Remove => "remove",
            Self::Import => "import",
            Self::Dynamic => "unknown",
        })
    }
}

impl Proposal {
    /// Stands for exactly this proposal.
    pub fn digest(&self) -> String {
        let mut sorted: Vec<&ResourceChange> = self.resources.iter().collect();
        sorted.sort_by(|a, b| (&a.name, a.action).cmp(&(&b.name, b.action)));
        hex::encode(Sha256::digest(serde_json::to_vec(&sorted).unwrap_or_default()))
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }
}

/// What was shown to whoever confirmed a plan, by component: the digests of the proposals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Approved(pub BTreeMap<ComponentId, String>);

impl Approved {
    /// The digests of proposals.
    pub fn of(proposals: &BTreeMap<ComponentId, Proposal>) -> Self {
        Self(proposals.iter().map(|(id, proposal)| (id.clone(), proposal.digest())).collect())
    }

    /// The first component for which something else is proposed now.
    pub fn differs<'a>(&'a self, now: &'a Self) -> Option<&'a ComponentId> {
        let mut all = self.0.keys().chain(now.0.keys());
        all.find(|id| self.0.get(*id) != now.0.get(*id))
    }

    /// The digest of a plan together with what engines proposed for it.
    pub fn with(&self, plan: &PlanDigest) -> PlanDigest {
        if self.0.is_empty() {
            return plan.clone();
        }
        let mut text = plan.0.clone();
        for (id, digest) in &self.0 {
            text.push_str(&format!("\n{id} {digest}"));
        }
        PlanDigest(hex::encode(Sha256::digest(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(name: &str, action: ResourceAction) -> ResourceChange {
        ResourceChange {
            action,
            name: name.to_owned(),
            resource_type: "AWS::SQS::Queue".to_owned(),
            physical_id: String::new(),
            permissions: false,
            details: Vec::new(),
        }
    }

    #[test]
    fn the_order_in_which_an_engine_lists_resources_does_not_count_and_what_it_does_to_them_does() {
        let (a, b) = (change("A", ResourceAction::Add), change("B", ResourceAction::Modify));
        let digest = |resources: &[&ResourceChange]| {
            Proposal { resources: resources.iter().map(|change| (*change).clone()).collect() }.digest()
        };
        assert_eq!(digest(&[&a, &b]), digest(&[&b, &a]));
        assert_ne!(digest(&[&a, &b]), digest(&[&a]));
        assert_ne!(digest(&[&a]), digest(&[&change("A", ResourceAction::Replace)]));
    }

    #[test]
    fn a_plan_with_proposals_has_another_digest_and_one_without_keeps_its_own() {
        let plan = PlanDigest("4f2a".to_owned());
        assert_eq!(Approved::default().with(&plan), plan);
        let one = Approved([("a.b".parse().unwrap(), "1".to_owned())].into());
        let other = Approved([("a.b".parse().unwrap(), "2".to_owned())].into());
        assert_ne!(one.with(&plan), plan);
        assert_ne!(one.with(&plan), other.with(&plan));
    }
}
