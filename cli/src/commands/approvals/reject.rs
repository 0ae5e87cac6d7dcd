//! `deployer approvals reject`.

use super::approve::{DecisionArgs, decided};
use crate::Outcome;
use crate::guest::Guest;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What is decided.
    #[command(flatten)]
    pub what: DecisionArgs,
}

/// Runs it. It asks nothing: what is rejected can be asked for again.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let request = args.what.request(guest)?;
    decided(guest, super::client(guest).await?.reject(request).await?.into_inner())
}
