//! `deployer admin`: set up a backend and sign in as its admin.

use clap::Subcommand;

use crate::Outcome;
use crate::guest::Guest;

pub mod bootstrap;
pub mod login;
pub mod logout;
pub mod rotate_password;
pub mod session;
pub mod sync;

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
    /// Replace the admin password, and turn one-time passwords on
    RotatePassword(rotate_password::Args),
    /// Make what tenants read say what tenants.yaml says, after edits by hand
    Sync(sync::Args),
}

impl Command {
    /// Runs it.
    pub async fn run(self, guest: &Guest) -> Outcome {
        match self {
            Self::Bootstrap(args) => bootstrap::run(guest, args).await,
            Self::Login(args) => login::run(guest, args).await,
            Self::Logout(args) => logout::run(guest, args).await,
            Self::Session(args) => session::run(guest, args).await,
            Self::RotatePassword(args) => rotate_password::run(guest, args).await,
            Self::Sync(args) => sync::run(guest, args).await,
        }
    }
}
