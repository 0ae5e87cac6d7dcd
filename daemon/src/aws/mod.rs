//! The only room that speaks to AWS.
//!
//! **Invariant:** nothing here reads the daemon's own environment: region, profile, endpoints, proxies and credentials
//! are the caller's.
//! **Invariant:** no conditional write is repeated by the SDK, because its second attempt would meet the first one's
//! effect and report a conflict with itself.

mod clients;
mod clock;
mod connector;
mod environment;

pub use clients::Clients;
pub use clock::ServerClock;
