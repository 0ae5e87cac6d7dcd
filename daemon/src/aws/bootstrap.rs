//! Makes the bucket and the table that a backend consists of, each part only where it is missing.

mod bucket;
mod probe;
mod table;

pub use probe::conditional_writes as probe_conditional_writes;

use deployer_domain::backend::BuiltPart;
use deployer_domain::object::PortResult;

use super::Clients;

/// Makes what is missing, and finds out whether the storage keeps the promises that everything else relies on.
pub async fn bootstrap(clients: &Clients, bucket: &str, table: &str) -> PortResult<Vec<BuiltPart>> {
    let mut parts = bucket::ensure(clients, bucket).await?;
    probe::conditional_writes(clients, bucket).await?;
    parts.extend(table::ensure(clients, table).await?);
    Ok(parts)
}

fn part(what: impl Into<String>, created: bool) -> BuiltPart {
    BuiltPart { what: what.into(), created }
}
