//! `deployer run logs`.

use deployer_proto::v1::AttachRunRequest;

use crate::Outcome;
use crate::args::WhichRun;
use crate::exit;
use crate::follow::{self, View};
use crate::guest::Guest;

/// Runs it. Of a run that has not ended it prints on until it has; how the run ended is no matter here.
pub async fn run(guest: &Guest, args: WhichRun) -> Outcome {
    let owner = args.owner();
    let request =
        AttachRunRequest { context: guest.call(owner.mode())?, id: args.id, after_sequence: 0, tenant: owner.tenant() };
    let events = follow::client(guest).await?.attach(request).await?.into_inner();
    follow::to_the_end(guest, events, View::Logs, owner).await?;
    Ok(exit::DONE)
}
