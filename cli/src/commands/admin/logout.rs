//! `deployer admin logout`.

use deployer_proto::v1::Mode;

use crate::Outcome;
use crate::commands::logout;
use crate::guest::Guest;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub async fn run(guest: &Guest, _args: Args) -> Outcome {
    logout::leave(guest, Mode::Admin).await
}
