//! `deployer tenant audit`.

use deployer_proto::v1::{AuditScope, Mode};

use crate::Outcome;
use crate::commands::audit::{FilterArgs, listed};
use crate::guest::Guest;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// As an admin: the tenant's id
    pub id: Option<String>,
    /// Which events.
    #[command(flatten)]
    pub filter: FilterArgs,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let (scope, mode) = match args.id {
        Some(_) => (AuditScope::Tenant, Mode::Admin),
        None => (AuditScope::Own, Mode::Tenant),
    };
    let request = args.filter.request(guest, scope, mode)?;
    listed(guest, deployer_proto::v1::ListAuditRequest { tenant: args.id.unwrap_or_default(), ..request }).await
}
