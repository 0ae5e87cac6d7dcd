//! The only room that speaks to AWS.
//!
//! **Invariant:** nothing here reads the daemon's own environment: region, profile, endpoints, proxies and credentials
//! are the caller's.
//! **Invariant:** no conditional write is repeated by the SDK, because its second attempt would meet the first one's
//! effect and report a conflict with itself.

mod ask;
mod bootstrap;
mod clients;
mod clock;
mod connector;
mod cost_explorer;
mod credentials;
mod empty_bucket;
mod engine_rights;
mod environment;
mod error;
mod identity;
mod lock_expression;
mod lock_table;
mod log_groups;
mod meters;
mod object_store;
mod own_rights;
mod pool;
mod profile;
mod retry;
mod roles;
mod same_role;
mod secret_store;
mod separate;
mod stack_drift;
mod stacks;

pub use bootstrap::{bootstrap, probe_conditional_writes};
pub use clients::Clients;
pub use clock::ServerClock;
pub use cost_explorer::CostExplorer;
pub use engine_rights::AwsEngineRights;
pub use identity::StsIdentity;
pub use lock_table::DynamoLocks;
pub use log_groups::CloudwatchLogs;
pub use meters::AwsMeters;
pub use object_store::S3Objects;
pub use own_rights::AwsOwnRights;
pub use pool::ClientPool;
pub use roles::IamRoles;
pub use secret_store::SecretsManager;
pub use stacks::CloudformationStacks;
