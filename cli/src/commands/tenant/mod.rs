//! `deployer tenant`: manage tenants, or see your own.

use clap::Subcommand;
use deployer_proto::v1::Tenant;

use crate::guest::Guest;
use crate::report::Report;
use crate::{Outcome, exit};

pub mod activate;
pub mod audit;
pub mod delete;
pub mod details;
pub mod edit;
pub mod init;
pub mod list;
pub mod migrate;
pub mod policy;
pub mod purge;
pub mod restore;
pub mod rotate;
pub mod show;
pub mod stacks;
pub mod stats;
pub mod suspend;
pub mod upgrade;
pub mod usage;

/// Says that a secret, which is shown only once, could not be shown: what was done is done.
fn unseen(tenant: Option<&Tenant>, why: &Report) -> Report {
    let id = tenant.map(|tenant| tenant.id.as_str()).unwrap_or_default();
    let why = why.error().and_then(|error| error.causes.first()).map_or("nobody reads it any more", String::as_str);
    Report::new(exit::UNWRITABLE, format!("the secret of the tenant {id} could not be shown"))
        .caused_by(why)
        .hint(format!("make a new one, which ends this one: `deployer tenant rotate {id}`"))
}

/// What can be done.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Create a tenant (admin)
    Init(Box<init::Args>),
    /// List all tenants (admin)
    List(list::Args),
    /// Show what all tenants together have deployed (admin)
    Stats(stats::Args),
    /// Show a tenant (admin)
    Show(show::Args),
    /// Give a tenant a new secret and end its sessions (admin)
    Rotate(rotate::Args),
    /// Refuse a tenant new sign-ins (admin)
    Suspend(suspend::Args),
    /// Lift a suspension (admin)
    Activate(activate::Args),
    /// Change a tenant's limits and rules (admin)
    Edit(Box<edit::Args>),
    /// Delete a tenant; everything of it is archived (admin)
    Delete(delete::Args),
    /// Bring a deleted tenant back from its archive (admin)
    Restore(restore::Args),
    /// Remove the archives of a deleted tenant for ever (admin)
    Purge(purge::Args),
    /// Take over what a deployment without tenants kept in the same storage (admin)
    Migrate(migrate::Args),
    /// Move a tenant's state into another version namespace (admin)
    Upgrade(upgrade::Args),
    /// Show the role that keeps a tenant apart in the cloud, or make it (admin)
    Policy(policy::Args),
    /// Show what was recorded of a tenant: your own, or as an admin any
    Audit(audit::Args),
    /// Show the tenant that you are signed in to
    Details(details::Args),
    /// Show what your tenant uses and costs
    Usage(usage::Args),
    /// List the tenant's stacks
    Stacks(stacks::Args),
}

impl Command {
    /// Runs it.
    pub async fn run(self, guest: &Guest) -> Outcome {
        match self {
            Self::Init(args) => init::run(guest, *args).await,
            Self::List(args) => list::run(guest, args).await,
            Self::Stats(args) => stats::run(guest, args).await,
            Self::Show(args) => show::run(guest, args).await,
            Self::Rotate(args) => rotate::run(guest, args).await,
            Self::Suspend(args) => suspend::run(guest, args).await,
            Self::Activate(args) => activate::run(guest, args).await,
            Self::Edit(args) => edit::run(guest, *args).await,
            Self::Delete(args) => delete::run(guest, args).await,
            Self::Restore(args) => restore::run(guest, args).await,
            Self::Purge(args) => purge::run(guest, args).await,
            Self::Migrate(args) => migrate::run(guest, args).await,
            Self::Upgrade(args) => upgrade::run(guest, args).await,
            Self::Policy(args) => policy::run(guest, args).await,
            Self::Audit(args) => audit::run(guest, args).await,
            Self::Details(args) => details::run(guest, args).await,
            Self::Usage(args) => usage::run(guest, args).await,
            Self::Stacks(args) => stacks::run(guest, args).await,
        }
    }
}
