//! `deployer run`: runs, wherever they were started.

use clap::Subcommand;

use crate::Outcome;
use crate::args::WhichRun;
use crate::guest::Guest;

pub mod attach;
pub mod cancel;
pub mod list;
pub mod logs;
pub mod show;

/// What can be done.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// List runs, newest first
    List(list::Args),
    /// Show a run
    Show(WhichRun),
    /// Watch a run from its first event to its end
    Attach(WhichRun),
    /// Print what the commands of a run printed
    Logs(WhichRun),
    /// Ask a run to end gracefully
    Cancel(WhichRun),
}

impl Command {
    /// Runs it.
    pub async fn run(self, guest: &Guest) -> Outcome {
        match self {
            Self::List(args) => list::run(guest, args).await,
            Self::Show(args) => show::run(guest, args).await,
            Self::Attach(args) => attach::run(guest, args).await,
            Self::Logs(args) => logs::run(guest, args).await,
            Self::Cancel(args) => cancel::run(guest, args).await,
        }
    }
}
