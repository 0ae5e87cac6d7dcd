//! Conditional writes of lock items, as values.

use ulid::Ulid;

use crate::key::LockKey;

use super::change::Assignments;
use super::item::attribute as a;
use super::{Attribute, Attributes, LockChange, LockCondition, LockItem};

/// One conditional write of one lock item.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockWrite {
    /// Which lock.
    pub key: LockKey,
    /// When it may change.
    pub condition: LockCondition,
    /// How it changes.
    pub change: LockChange,
}

impl LockWrite {
    /// The attributes that are set, with those that follow from the key where an acquisition may create the item.
    pub fn set(&self) -> Assignments {
        let mut set = self.change.set();
        // A forced release repeats them for items of older tools that lack them, so that listings find the tombstone.
        if matches!(self.change, LockChange::Acquire(_) | LockChange::ForceRelease { .. }) {
            set.extend([
                (a::TENANT_ID, Attribute::text(&self.key.tenant)),
                (a::STACK_NAME, Attribute::text(&self.key.stack)),
                (a::ENVIRONMENT, Attribute::text(&self.key.environment)),
            ]);
        }
        set
    }

    /// The item after the write. Says nothing about whether the write may happen.
    pub fn apply(&self, item: Option<&LockItem>) -> LockItem {
        let mut attributes = item.map(|item| item.attributes().clone()).unwrap_or_default();
        for name in self.change.removed() {
            attributes.remove(name);
        }
        attributes.extend(self.set().into_iter().map(|(name, value)| (name.to_owned(), value)));
        LockItem::new(self.key.clone(), attributes)
    }
}

/// The audit item of a forced unlock, written in the same transaction. It lies within the tenant's key prefix and has
/// no `TenantID`, so that the index does not show it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnlockAudit {
    /// Its own id; repeating an unlock with the same id changes nothing.
    pub id: Ulid,
    /// The lock.
    pub key: LockKey,
    /// What it says.
    pub attributes: Attributes,
}

impl UnlockAudit {
    /// Records who unlocks what, and why.
    pub fn new(id: Ulid, write: &LockWrite, before: &LockItem, even_if_alive: bool) -> Self {
        let copied = [a::LOCKED_BY, a::SESSION_ID, a::FENCING_TOKEN, a::HB_SEQ, a::HOST, a::RUN_ID, a::OPERATION];
        let mut attributes: Attributes =
            copied.iter().filter_map(|name| Some(((*name).to_owned(), before.attribute(name)?.clone()))).collect();
        let said = [a::UNLOCKED_BY, a::UNLOCK_REASON, a::UNLOCKED_AT];
        let set = write.change.set().into_iter().filter(|(name, _)| said.contains(name));
        attributes.extend(set.map(|(name, value)| (name.to_owned(), value)));
        attributes.insert(a::EVEN_IF_ALIVE.to_owned(), Attribute::text(even_if_alive));
        Self { id, key: write.key.clone(), attributes }
    }

    /// The key of the audit item.
    pub fn lock_id(&self) -> String {
        self.key.unlock_audit(self.id)
    }
}
