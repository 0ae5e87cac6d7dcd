//! Makes the bucket and the table that a backend consists of, each part only where it is missing.

mod bucket;
mod lifecycle;
mod probe;
mod stack;
mod table;

pub use probe::conditional_writes as probe_conditional_writes;

use deployer_domain::backend::BuiltPart;
use deployer_domain::object::PortResult;

use super::Clients;

/// The tag that tells what a part is for; what is made by single calls bears it as what the template makes.
const PURPOSE: &str = "Purpose";

/// Makes what is missing, all of it at once where nothing is there, and finds out whether the storage keeps the promises that everything else relies on.
pub async fn bootstrap(clients: &Clients, bucket: &str, table: &str) -> PortResult<Vec<BuiltPart>> {
    let nothing_there = !bucket::exists(clients, bucket).await? && !table::exists(clients, table).await?;
    let deployed = nothing_there && stack::deploy(clients, bucket, table).await?;
    let mut parts = Vec::new();
    if deployed {
        parts.push(part(format!("CloudFormation stack {}", stack::name(bucket)), true));
    }
    parts.extend(bucket::ensure(clients, bucket, deployed).await?);
    probe::conditional_writes(clients, bucket).await?;
    parts.extend(table::ensure(clients, table, deployed).await?);
    Ok(parts)
}

fn part(what: impl Into<String>, created: bool) -> BuiltPart {
    BuiltPart { what: what.into(), created }
}
