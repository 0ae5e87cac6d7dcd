//! The commands: one file a verb.

use clap::Subcommand;

use crate::Outcome;
use crate::guest::Guest;

pub mod admin;
pub mod apply;
pub mod approvals;
pub mod audit;
pub mod completion;
pub mod context;
pub mod daemon;
pub mod destroy;
pub mod doctor;
pub mod drift;
pub mod history;
pub mod lock;
pub mod login;
pub mod logout;
pub mod logs;
pub mod outputs;
pub mod plan;
pub mod reference;
pub mod render;
pub mod rollback;
pub mod run;
pub mod schema;
pub mod session;
pub mod stack;
pub mod status;
pub mod tenant;
pub mod version;

/// What can be done.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Set up a backend and sign in as its admin
    #[command(subcommand)]
    Admin(admin::Command),
    /// Sign in as a tenant
    Login(login::Args),
    /// Sign out of the tenant
    Logout(logout::Args),
    /// Show the tenant's session
    Session(session::Args),
    /// Choose among the identities that are signed in on this computer
    #[command(subcommand)]
    Context(context::Command),
    /// Manage tenants (admin), or see your own
    #[command(subcommand)]
    Tenant(tenant::Command),
    /// Show what was recorded of the platform (admin)
    Audit(audit::Args),
    /// Write, check, draw, list and remove stacks
    #[command(subcommand)]
    Stack(stack::Command),
    /// Show what an apply (or a destroy) would do
    Plan(plan::Args),
    /// Deploy a stack
    Apply(apply::Args),
    /// Remove what a stack has deployed
    Destroy(destroy::Args),
    /// Go back to what an earlier run had deployed
    Rollback(rollback::Args),
    /// Show what is deployed and whether it is healthy
    Status(status::Args),
    /// Look whether what is deployed was changed behind our back
    Drift(drift::Args),
    /// Show the outputs of the last apply
    Outputs(outputs::Args),
    /// Show what is logged by what is deployed
    Logs(logs::Args),
    /// Print the CloudFormation templates that typed components become
    Render(render::Args),
    /// List, show and compare the finished runs of a stack
    History(history::Args),
    /// List, look at, approve and reject what waits for another person
    #[command(subcommand)]
    Approvals(approvals::Command),
    /// List, watch and cancel runs
    #[command(subcommand)]
    Run(run::Command),
    /// List locks, run a command under one, or take a dead holder's away
    #[command(subcommand)]
    Lock(lock::Command),
    /// Examine what deployer needs on this computer and in the cloud, and say how to mend it
    Doctor(doctor::Args),
    /// Show the version of this program and of the daemon
    Version(version::Args),
    /// Print the JSON Schema of the stack file, for editors
    Schema(schema::Args),
    /// Print the completion script of a shell
    Completion(completion::Args),
    /// Print the pages that packages and the documentation are made of
    #[command(hide = true)]
    Reference(reference::Args),
    /// Start, stop and look at the background daemon
    #[command(subcommand)]
    Daemon(daemon::Command),
}

impl Command {
    /// Runs it.
    pub async fn run(self, guest: &Guest) -> Outcome {
        match self {
            Self::Admin(command) => command.run(guest).await,
            Self::Login(args) => login::run(guest, args).await,
            Self::Logout(args) => logout::run(guest, args).await,
            Self::Session(args) => session::run(guest, args).await,
            Self::Context(command) => command.run(guest).await,
            Self::Tenant(command) => command.run(guest).await,
            Self::Audit(args) => audit::run(guest, args).await,
            Self::Stack(command) => command.run(guest).await,
            Self::Plan(args) => plan::run(guest, args).await,
            Self::Apply(args) => apply::run(guest, args).await,
            Self::Destroy(args) => destroy::run(guest, args).await,
            Self::Rollback(args) => rollback::run(guest, args).await,
            Self::Status(args) => status::run(guest, args).await,
            Self::Drift(args) => drift::run(guest, args).await,
            Self::Outputs(args) => outputs::run(guest, args).await,
            Self::Logs(args) => logs::run(guest, args).await,
            Self::Render(args) => render::run(guest, args).await,
            Self::History(args) => history::run(guest, args).await,
            Self::Approvals(command) => command.run(guest).await,
            Self::Run(command) => command.run(guest).await,
            Self::Lock(command) => command.run(guest).await,
            Self::Doctor(args) => doctor::run(guest, args).await,
            Self::Version(args) => version::run(guest, args).await,
            Self::Schema(args) => schema::run(guest, args).await,
            Self::Completion(args) => completion::run(guest, args),
            Self::Reference(args) => reference::run(guest, &args),
            Self::Daemon(command) => command.run(guest).await,
        }
    }
}
