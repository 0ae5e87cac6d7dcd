//! `deployer daemon stop`.

use deployer_proto::v1::daemon_service_client::DaemonServiceClient;
use deployer_proto::v1::{Mode, StopRequest, StopResponse};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Stop it even with runs or locks: runs are cancelled gracefully first
    #[arg(long)]
    pub force: bool,
}

/// Runs it. A daemon that is not running is as stopped as can be.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    super::refuse_without_daemon(guest)?;
    let stopped = stopped(guest, args.force).await?.unwrap_or_default();
    guest.terminal.answer(&stopped, &Shapes { quiet: |_| String::new(), text: render })?;
    Ok(exit::DONE)
}

/// Stops the daemon; answers nothing where none was running.
pub async fn stopped(guest: &Guest, force: bool) -> Result<Option<StopResponse>, Report> {
    let Some(channel) = guest.existing().await? else { return Ok(None) };
    let request = StopRequest { context: guest.call(Mode::Unspecified)?, force };
    Ok(Some(DaemonServiceClient::new(channel).stop(request).await?.into_inner()))
}

fn render(stopped: &StopResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    match stopped.pid {
        0 => page.line("The daemon was not running."),
        pid => page.done(&format!("The daemon has stopped (process {pid})")),
    };
    page.text()
}
