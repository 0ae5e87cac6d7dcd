//! `deployer run attach`.

use deployer_proto::v1::{AttachRunRequest, Mode};

use crate::Outcome;
use crate::args::WhichRun;
use crate::commands::apply;
use crate::follow::{self, View};
use crate::guest::Guest;

/// Runs it. It ends with the run's exit code. A run whose daemon died goes on with this command's environment, but never
/// with an admin's: a tenant's commands would have the admin's rights.
pub async fn run(guest: &Guest, args: WhichRun) -> Outcome {
    let owner = args.owner();
    let context = match owner.mode() {
        Mode::Tenant => guest.call_with_commands(Mode::Tenant)?,
        mode => guest.call(mode)?,
    };
    let request = AttachRunRequest { context, id: args.id, after_sequence: 0, tenant: owner.tenant() };
    let events = follow::client(guest).await?.attach(request).await?.into_inner();
    let ended = follow::to_the_end(guest, events, View::Progress, owner).await?;
    let exit = ended.exit(guest)?;
    apply::finished(guest, &ended).map(|()| exit)
}
