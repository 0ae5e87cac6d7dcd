//! `deployer daemon restart`.

use super::{start, status, stop};
use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Restart it even with runs or locks: runs are cancelled gracefully first
    #[arg(long)]
    pub force: bool,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    super::refuse_without_daemon(guest)?;
    stop::stopped(guest, args.force).await?;
    let answer = status::asked(guest, guest.channel().await?).await?;
    guest.terminal.answer(&answer, &Shapes { quiet: |answer| answer.pid.to_string(), text: start::started })?;
    Ok(exit::DONE)
}
