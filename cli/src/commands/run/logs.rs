//! `deployer run logs`.

use deployer_proto::v1::{AttachRunRequest, Mode};

use crate::Outcome;
use crate::exit;
use crate::follow::{self, View};
use crate::guest::Guest;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id
    pub id: String,
}

/// Runs it. Of a run that has not ended it prints on until it has; how the run ended is no matter here.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let request = AttachRunRequest { context: guest.call(Mode::Tenant)?, id: args.id, after_sequence: 0 };
    let events = follow::client(guest).await?.attach(request).await?.into_inner();
    follow::to_the_end(guest, events, View::Logs).await?;
    Ok(exit::DONE)
}
