//! The lock item, its conditions, and the port to the table that holds it.

use async_trait::async_trait;

/// The table of locks.
#[async_trait]
pub trait LockTable: Send + Sync {}
