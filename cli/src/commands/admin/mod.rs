//! `deployer admin`: set up a backend and sign in as its admin.

use clap::Subcommand;

use crate::Outcome;
use crate::guest::Guest;

pub mod bootstrap;
pub mod login;
pub mod logout;
pub mod session;

/// What can be done.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Create what a backend needs; can be repeated
    Bootstrap(bootstrap::Args),
    /// Sign in as the admin
    Login(login::Args),
    /// Sign out of admin mode
    Logout(logout::Args),
    /// Show the admin's session
    Session(session::Args),
}

impl Command {
    /// Runs it.
    pub async fn run(self, guest: &Guest) -> Outcome {
        match self {
            Self::Bootstrap(args) => bootstrap::run(guest, args).await,
            Self::Login(args) => login::run(guest, args).await,
            Self::Logout(args) => logout::run(guest, args).await,
            Self::Session(args) => session::run(guest, args).await,
        }
    }
}
