//! The lock item, the conditions under which it may change, and the port to the table that holds it.
//!
//! A write is a value: a [`LockCondition`] and a [`LockChange`]. Both come apart into the same small parts (clauses
//! over attributes, attributes set and removed), so that a table which evaluates them itself and DynamoDB, which gets
//! them as an expression, cannot differ in meaning.
//!
//! **Invariant:** every condition of an acquisition recognises our own earlier attempt as success.
//! **Invariant:** no condition of a heartbeat or a release can hold for a missing item or for a foreign token.

mod change;
mod condition;
mod item;
mod write;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

pub use change::{Hold, Holder, LockChange};
pub use condition::{Clause, LockCondition, Over, Own, Term};
pub use item::{Attribute, Attributes, LockItem, LockMark, LockState, attribute};
pub use write::{LockWrite, UnlockAudit};

use crate::key::LockKey;
use crate::name::TenantId;
use crate::object::PortResult;

/// What became of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The condition held, or an earlier attempt of the same write had landed.
    Applied,
    /// The condition did not hold; this is the item that was in the way (`None`: there is none).
    Refused(Option<LockItem>),
}

/// The table of locks.
///
/// Laws (see `laws::locks`): a read after a write sees it; a write is atomic, applied exactly when its condition holds
/// for the stored item, and a refused one changes nothing and answers the item that was in the way; a forced release
/// writes its audit item in the same transaction, and repeating one that had landed is `Applied` and changes nothing.
///
/// [`PortError::Unavailable`](crate::object::PortError::Unavailable) and
/// [`PortError::Throttled`](crate::object::PortError::Throttled) leave open whether a write was applied: the caller
/// repeats the very same write, and its condition recognises the first one. `Conflict` and `Gone` never occur.
#[async_trait]
pub trait LockTable: Send + Sync {
    /// Reads one item, consistently.
    async fn read(&self, key: &LockKey) -> PortResult<Option<LockItem>>;

    /// Reads several items, consistently each; those that are not there are left out.
    async fn read_many(&self, keys: &[LockKey]) -> PortResult<Vec<LockItem>>;

    /// Changes one item under a condition.
    async fn write(&self, write: &LockWrite) -> PortResult<Written>;

    /// Releases a lock by force and puts the audit item, in one transaction. The id of the audit makes repeating it
    /// safe.
    async fn force_release(&self, write: &LockWrite, audit: &UnlockAudit) -> PortResult<Written>;

    /// Lists a tenant's items, released ones included, sorted by key. Which items there are may lag a moment behind;
    /// each item's content does not. For people only: no decision is made from it.
    async fn list(&self, tenant: &TenantId) -> PortResult<Vec<LockItem>>;

    /// Opens the same table with connections of its own, for a thread with a runtime of its own; called on that
    /// runtime.
    async fn apart(&self) -> PortResult<Arc<dyn LockTable>>;

    /// Tells when the rights end that the table is used with, as far as that is known. Rights that end sooner than
    /// `at_least` from now are renewed first, where that can be done.
    async fn rights_end(&self, at_least: Duration) -> PortResult<Option<Timestamp>> {
        let _everlasting = at_least;
        Ok(None)
    }

    /// Tells the wall-clock time as the table's server sees it: the local one, corrected by the server's answers.
    fn server_now(&self) -> Timestamp;
}
