//! The thinking of deployer: what a tenant, a lease, a plan and a run are, and what may happen to them.
//!
//! Nothing here does I/O, reads a clock or knows a framework: time is an argument, decisions are values, the outside
//! is a port (a trait) with laws that the in-memory, the SQLite and the AWS implementation all obey.
//!
//! Rooms, in reading order: names and keys, errors, the ports with who calls and which backend, then the nouns.
//!
//! **Invariant:** keys are built only in [`key`], from names that [`name`] validated.
//! **Invariant:** no secret has a readable `Debug`.
#![warn(missing_docs)]

pub mod error;
pub mod key;
pub mod name;

pub mod actor;
pub mod backend;
pub mod caller;
pub mod clock;
pub mod entropy;
pub mod lease;
pub mod lock;
pub mod object;
pub mod port_error;
pub mod secret_store;
pub mod vault;

pub mod approval;
pub mod archive;
pub mod audit;
pub mod change;
pub mod context;
pub mod cost;
pub mod credential;
pub mod finding;
pub mod isolation;
pub mod limits;
pub mod meter;
pub mod moving;
pub mod policy;
pub mod registry;
pub mod session;
pub mod tenant;
pub mod tenant_config;
pub mod tenant_list;
pub mod tenant_role;

pub mod json;
pub mod seal;
pub mod state;

pub mod cloudformation;
pub mod drawing;
pub mod engine;
pub mod engine_rights;
pub mod expression;
pub mod graph;
pub mod history_diff;
pub mod logs;
pub mod manifest;
pub mod nearest;
pub mod plan;
pub mod run;
pub mod schedule;
pub mod schema;
pub mod source;
pub mod template;
pub mod terraform;
pub mod yaml;

#[cfg(test)]
mod effort;
#[cfg(feature = "testing")]
pub mod laws;
#[cfg(feature = "testing")]
pub mod memory;
