//! `deployer admin session`.

use deployer_proto::v1::Mode;

use crate::Outcome;
use crate::commands::session;
use crate::guest::Guest;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub async fn run(guest: &Guest, _args: Args) -> Outcome {
    session::show(guest, Mode::Admin).await
}
