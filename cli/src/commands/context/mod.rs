//! `deployer context`: the identities that are signed in on this computer.

use clap::Subcommand;

use crate::Outcome;
use crate::guest::Guest;

pub mod list;
pub mod remove;
pub mod r#use;

/// What can be done.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// List the contexts
    List(list::Args),
    /// Make a context the current one of its mode
    Use(r#use::Args),
    /// Forget a context and its session
    Remove(remove::Args),
}

impl Command {
    /// Runs it.
    pub async fn run(self, guest: &Guest) -> Outcome {
        match self {
            Self::List(args) => list::run(guest, args).await,
            Self::Use(args) => r#use::run(guest, args).await,
            Self::Remove(args) => remove::run(guest, args).await,
        }
    }
}
