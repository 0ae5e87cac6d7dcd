//! `deployer lock`: one run at a time changes one environment of one stack.

use clap::Subcommand;

use crate::Outcome;
use crate::guest::Guest;

pub mod list;
pub mod run;
pub mod show;
pub mod unlock;

/// What can be done.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// List the locks that are held
    List(list::Args),
    /// Show the lock of a stack and environment
    Show(show::Args),
    /// Run a command of your own under the lock
    Run(run::Args),
    /// Take a dead holder's lock away
    Unlock(unlock::Args),
}

impl Command {
    /// Runs it.
    pub async fn run(self, guest: &Guest) -> Outcome {
        match self {
            Self::List(args) => list::run(guest, args).await,
            Self::Show(args) => show::run(guest, args).await,
            Self::Run(args) => run::run(guest, args).await,
            Self::Unlock(args) => unlock::run(guest, args).await,
        }
    }
}
