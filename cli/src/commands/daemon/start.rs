//! `deployer daemon start`.

use deployer_proto::v1::DaemonStatusResponse;

use super::status;
use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::Look;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub async fn run(guest: &Guest, _args: Args) -> Outcome {
    super::refuse_without_daemon(guest)?;
    let was_running = guest.existing().await?.is_some();
    let answer = status::asked(guest, guest.channel().await?).await?;
    let text = if was_running { running } else { started };
    guest.terminal.answer(&answer, &Shapes { quiet: |answer| answer.pid.to_string(), text })?;
    Ok(exit::DONE)
}

/// What is said of a daemon that has just been started.
pub fn started(answer: &DaemonStatusResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.done(&format!("The daemon is running now (process {})", answer.pid));
    page.text()
}

fn running(answer: &DaemonStatusResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.done(&format!("The daemon was running already (process {})", answer.pid));
    page.text()
}
