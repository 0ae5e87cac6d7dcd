//! `deployer run attach`.

use crate::Outcome;
use crate::guest::Guest;
use crate::report::Report;

/// Its arguments.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub async fn run(_guest: &Guest, _args: Args) -> Outcome {
    Err(Report::internal("this command is not built yet"))
}
