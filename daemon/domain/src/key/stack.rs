//! What one environment of one stack may name.

use ulid::Ulid;

use super::{KeyPrefix, LockKey, ObjectKey};
use crate::name::{ComponentId, RunId};

/// Where one environment of one stack keeps its documents and its lock.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StackSpace {
    pub(super) prefix: String,
    pub(super) lock: LockKey,
}

impl StackSpace {
    /// The lock that guards it.
    pub fn lock(&self) -> &LockKey {
        &self.lock
    }

    /// The prefix of everything that it has.
    pub fn everything(&self) -> KeyPrefix {
        KeyPrefix(self.prefix.clone())
    }

    /// `state.json`.
    pub fn state(&self) -> ObjectKey {
        ObjectKey(format!("{}state.json", self.prefix))
    }

    /// `history/NNN.json`: three digits at least, more when they are needed.
    pub fn history(&self, number: u64) -> ObjectKey {
        ObjectKey(format!("{}history/{number:03}.json", self.prefix))
    }

    /// The prefix of all history documents. They sort by number, not as text.
    pub fn histories(&self) -> KeyPrefix {
        KeyPrefix(format!("{}history/", self.prefix))
    }

    /// The number of a history document's key.
    pub fn history_number(&self, key: &ObjectKey) -> Option<u64> {
        key.0.strip_prefix(self.histories().as_str())?.strip_suffix(".json")?.parse().ok()
    }

    /// What a fenced-off holder still knew.
    pub fn orphan(&self, fence: u64, session: Ulid) -> ObjectKey {
        ObjectKey(format!("{}state.orphan/{fence}-{session}.json", self.prefix))
    }

    /// The prefix of all orphan documents.
    pub fn orphans(&self) -> KeyPrefix {
        KeyPrefix(format!("{}state.orphan/", self.prefix))
    }

    /// One segment of a run's events, named by the sequence number of its first event.
    pub fn run_segment(&self, run: RunId, first_sequence: u64) -> ObjectKey {
        ObjectKey(format!("{}runs/{run}/{first_sequence:010}.jsonl", self.prefix))
    }

    /// The prefix of one run's segments, which sort as text.
    pub fn run_segments(&self, run: RunId) -> KeyPrefix {
        KeyPrefix(format!("{}runs/{run}/", self.prefix))
    }

    /// The prefix of all runs.
    pub fn runs(&self) -> KeyPrefix {
        KeyPrefix(format!("{}runs/", self.prefix))
    }

    /// The run that a listed key belongs to.
    pub fn run_of(&self, key: &ObjectKey) -> Option<RunId> {
        key.0.strip_prefix(self.runs().as_str())?.split('/').next()?.parse().ok()
    }

    /// A pending run's approval.
    pub fn approval(&self, run: RunId) -> ObjectKey {
        ObjectKey(format!("{}approvals/{run}.json", self.prefix))
    }

    /// What was decided about a pending run.
    pub fn approval_decision(&self, run: RunId) -> ObjectKey {
        ObjectKey(format!("{}approvals/{run}.decision.json", self.prefix))
    }

    /// All approvals.
    pub fn approvals(&self) -> KeyPrefix {
        KeyPrefix(format!("{}approvals/", self.prefix))
    }

    /// The run whose request a listed key is; nothing for a decision.
    pub fn approval_of(&self, key: &ObjectKey) -> Option<RunId> {
        key.0.strip_prefix(self.approvals().as_str())?.strip_suffix(".json")?.parse().ok()
    }

    /// A source archive, named by its SHA-256.
    pub fn source(&self, sha256: &[u8; 32]) -> ObjectKey {
        ObjectKey(format!("{}sources/{}.tar.zst", self.prefix, hex::encode(sha256)))
    }

    /// A CloudFormation template that is too long for a request, named by its SHA-256.
    pub fn template(&self, sha256: &[u8; 32]) -> ObjectKey {
        ObjectKey(format!("{}sources/{}.template", self.prefix, hex::encode(sha256)))
    }

    /// The Terraform state of one component.
    pub fn terraform(&self, component: &ComponentId) -> ObjectKey {
        ObjectKey(format!("{}terraform/{component}.tfstate", self.prefix))
    }

    /// What a fenced-off holder still knew of the Terraform state of one component.
    pub fn terraform_orphan(&self, component: &ComponentId, fence: u64, session: Ulid) -> ObjectKey {
        ObjectKey(format!("{}terraform/{component}.orphan/{fence}-{session}.tfstate", self.prefix))
    }

    /// The prefix of all such documents of one component.
    pub fn terraform_orphans(&self, component: &ComponentId) -> KeyPrefix {
        KeyPrefix(format!("{}terraform/{component}.orphan/", self.prefix))
    }
}
