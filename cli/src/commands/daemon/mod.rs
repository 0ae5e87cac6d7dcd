//! `deployer daemon`: the background daemon's life.

use clap::Subcommand;

use crate::Outcome;
use crate::guest::Guest;
use crate::report::Report;

pub mod logs;
pub mod restart;
pub mod start;
pub mod status;
pub mod stop;

/// What can be done.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Start the daemon
    Start(start::Args),
    /// Stop the daemon when it is idle
    Stop(stop::Args),
    /// Stop the daemon and start it again
    Restart(restart::Args),
    /// Show what the daemon is doing
    Status(status::Args),
    /// Print the end of the daemon's log
    Logs(logs::Args),
}

impl Command {
    /// Runs it.
    pub async fn run(self, guest: &Guest) -> Outcome {
        match self {
            Self::Start(args) => start::run(guest, args).await,
            Self::Stop(args) => stop::run(guest, args).await,
            Self::Restart(args) => restart::run(guest, args).await,
            Self::Status(args) => status::run(guest, args).await,
            Self::Logs(args) => logs::run(guest, args).await,
        }
    }
}

/// These commands speak of the background daemon; without one they make no sense.
fn refuse_without_daemon(guest: &Guest) -> Result<(), Report> {
    if !guest.globals.is_private() {
        return Ok(());
    }
    Err(Report::usage("there is no background daemon with --no-daemon, which is the default where CI=true"))
}
