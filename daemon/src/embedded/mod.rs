//! The backend without an account and without a server: documents, locks and the admin secret in one SQLite file.
//!
//! **Invariant:** every change is one short transaction that begins by taking the write lock, so that a condition and
//! the write under it cannot be separated, whatever other processes do with the file.

mod database;
mod failure;
mod file;
mod identity;
mod lock_table;
mod object_store;
mod schema;
mod secret_store;

pub use database::{Database, Databases};
pub use failure::Failure;
pub use identity::OsUser;
pub use lock_table::EmbeddedLocks;
pub use object_store::EmbeddedObjects;
pub use secret_store::EmbeddedSecrets;

#[cfg(test)]
mod laws;
