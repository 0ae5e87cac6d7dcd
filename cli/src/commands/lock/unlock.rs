//! `deployer lock unlock`.

use deployer_proto::v1::lock_service_client::LockServiceClient;
use deployer_proto::v1::{Mode, StackTarget, UnlockDone, UnlockEvent, UnlockRequest, unlock_event};

use crate::Outcome;
use crate::args::PlaceArgs;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::steps::Steps;
use crate::prompt::{self, Question};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which lock.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Why; recorded in the audit [env: DEPLOYER_UNLOCK_REASON]
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Take it even from a holder that is alive
    #[arg(long)]
    pub even_if_alive: bool,
    /// As an admin: the tenant whose lock it is
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let reason =
        prompt::text(guest, args.reason, Question::new("Reason", "--reason", "DEPLOYER_UNLOCK_REASON")).await?;
    let mode = if args.tenant.is_some() { Mode::Admin } else { Mode::Tenant };
    let target = StackTarget { tenant: args.tenant.unwrap_or_default(), ..args.place.target(&guest.surroundings) };
    let request =
        UnlockRequest { context: guest.call(mode)?, target: Some(target), reason, even_if_alive: args.even_if_alive };
    let title = if args.even_if_alive { "Unlocking..." } else { "Unlocking (the holder is observed for 25s)..." };
    let mut steps = Steps::new(&guest.terminal, title, "Lock taken away");
    match unlocked(guest, request, &mut steps).await {
        Ok(done) => {
            match done.given_back {
                true => steps.closed("Its holder gave it back meanwhile"),
                false => steps.succeeded(),
            }
            guest.terminal.answer(&done, &Shapes { quiet: |done| done.was_held_by.clone(), text: render })?;
            Ok(exit::DONE)
        }
        Err(report) => {
            steps.failed();
            Err(report)
        }
    }
}

async fn unlocked(guest: &Guest, request: UnlockRequest, steps: &mut Steps<'_>) -> Result<UnlockDone, Report> {
    let mut client = LockServiceClient::new(guest.channel().await?);
    let mut events = client.unlock(request).await?.into_inner();
    while let Some(UnlockEvent { event }) = events.message().await? {
        match event {
            Some(unlock_event::Event::Step(step)) => steps.done(&step),
            Some(unlock_event::Event::Done(done)) => return Ok(done),
            None => {}
        }
    }
    Err(Report::unreachable("the daemon ended the unlock without an answer").hint("look: `deployer lock show`"))
}

fn render(done: &UnlockDone, look: &Look) -> String {
    let lock = done.lock.clone().unwrap_or_default();
    let mut page = Page::new(look);
    page.done(&format!("{}/{} is unlocked", lock.stack, lock.environment));
    page.field_if("Was held by", &done.was_held_by);
    if done.given_back {
        page.line("Its holder gave it back before it was taken away.");
    }
    page.text()
}
