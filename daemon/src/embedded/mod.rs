//! The backend without an account and without a server: documents, locks and the admin secret in one SQLite file.
//!
//! **Invariant:** every change is one short transaction that begins by taking the write lock, so that a condition and
//! the write under it cannot be separated, whatever other processes do with the file.

mod database;
mod failure;
mod file;
mod schema;

pub use database::{Database, Databases};
pub use failure::Failure;
