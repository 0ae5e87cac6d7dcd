//! `deployer run attach`.

use deployer_proto::v1::{AttachRunRequest, Mode};

use crate::Outcome;
use crate::commands::apply;
use crate::follow::{self, View};
use crate::guest::Guest;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run's id
    pub id: String,
}

/// Runs it. It ends with the run's exit code. A run whose daemon died goes on with this command's environment.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let request = AttachRunRequest { context: guest.call_with_commands(Mode::Tenant)?, id: args.id, after_sequence: 0 };
    let events = follow::client(guest).await?.attach(request).await?.into_inner();
    let ended = follow::to_the_end(guest, events, View::Progress).await?;
    let exit = ended.exit(guest)?;
    apply::finished(guest, &ended).map(|()| exit)
}
