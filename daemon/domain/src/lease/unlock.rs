//! Unlocking by force: two looks, then one transaction.

use std::time::Duration;

use jiff::Timestamp;
use ulid::Ulid;

use crate::key::LockKey;
use crate::lock::{LockChange, LockCondition, LockItem, LockWrite, UnlockAudit};

use super::LeaseTiming;

/// One forced unlock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlock {
    /// The lock.
    pub key: LockKey,
    /// Who unlocks.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Whether a living holder is put out too.
    pub even_if_alive: bool,
    /// The id of the audit item.
    pub audit: Ulid,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnlockStep {
    /// Nobody holds the lock (any more).
    NotLocked,
    /// Look again after this time: a living holder will have beaten at least twice.
    LookAgain(Duration),
    /// The holder lives.
    Alive(LockItem),
    /// Release it.
    Release {
        /// The write.
        write: Box<LockWrite>,
        /// The audit item that goes with it.
        audit: Box<UnlockAudit>,
    },
}

impl Unlock {
    /// Decides after the first look.
    pub fn first_look(&self, item: Option<&LockItem>, server_now: Timestamp, timing: &LeaseTiming) -> UnlockStep {
        match item.filter(|item| !item.is_free()) {
            None => UnlockStep::NotLocked,
            Some(item) if self.even_if_alive => self.release(item, server_now),
            Some(_) => UnlockStep::LookAgain(timing.unlock_look),
        }
    }

    /// Decides after the second look.
    pub fn second_look(&self, first: &LockItem, second: Option<&LockItem>, server_now: Timestamp) -> UnlockStep {
        match second.filter(|item| !item.is_free()) {
            None => UnlockStep::NotLocked,
            Some(item) if item.mark() != first.mark() => UnlockStep::Alive(item.clone()),
            Some(item) => self.release(item, server_now),
        }
    }

    /// Decides when the release was refused by what was in the way.
    pub fn refused(&self, in_the_way: Option<&LockItem>) -> UnlockStep {
        match in_the_way.filter(|item| !item.is_free()) {
            None => UnlockStep::NotLocked,
            Some(item) => UnlockStep::Alive(item.clone()),
        }
    }

    fn release(&self, item: &LockItem, server_now: Timestamp) -> UnlockStep {
        let write = LockWrite {
            key: self.key.clone(),
            condition: LockCondition::ForceRelease { mark: item.mark(), even_if_alive: self.even_if_alive },
            change: LockChange::ForceRelease {
                token: item.token().unwrap_or(0) + 1,
                last_session: item.session().map(str::to_owned),
                by: self.by.clone(),
                reason: self.reason.clone(),
                at: server_now,
            },
        };
        let audit = UnlockAudit::new(self.audit, &write, item, self.even_if_alive);
        UnlockStep::Release { write: Box::new(write), audit: Box::new(audit) }
    }
}
