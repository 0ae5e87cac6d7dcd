//! `deployer stack`: write, check, draw, list and remove stacks.

use clap::Subcommand;

use crate::Outcome;
use crate::guest::Guest;

pub mod graph;
pub mod init;
pub mod list;
pub mod remove;
pub mod show;
pub mod validate;

/// What can be done.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Write a new stack file
    Init(init::Args),
    /// List the tenant's stacks
    List(list::Args),
    /// Show a stack file as it is understood
    Show(show::Args),
    /// Check a stack file
    Validate(validate::Args),
    /// Draw what depends on what
    Graph(graph::Args),
    /// Remove what the storage keeps of a destroyed stack
    Remove(remove::Args),
}

impl Command {
    /// Runs it.
    pub async fn run(self, guest: &Guest) -> Outcome {
        match self {
            Self::Init(args) => init::run(guest, args).await,
            Self::List(args) => list::run(guest, args).await,
            Self::Show(args) => show::run(guest, args).await,
            Self::Validate(args) => validate::run(guest, args).await,
            Self::Graph(args) => graph::run(guest, args).await,
            Self::Remove(args) => remove::run(guest, args).await,
        }
    }
}
