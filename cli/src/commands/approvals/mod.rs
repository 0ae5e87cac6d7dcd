//! `deployer approvals`: runs that wait for another person.

use clap::Subcommand;
use deployer_proto::v1::ApprovalStatus;
use deployer_proto::v1::approval_service_client::ApprovalServiceClient;
use tonic::transport::Channel;

use crate::Outcome;
use crate::guest::Guest;
use crate::report::Report;

pub mod approve;
pub mod list;
pub mod reject;
pub mod show;

/// What can be done.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// List what waits for another person's approval
    List(list::Args),
    /// Show who asks, and the plan
    Show(show::Args),
    /// Let the run of another person start, after a look at its plan
    Approve(approve::Args),
    /// Refuse the run of another person, or withdraw one's own
    Reject(reject::Args),
}

impl Command {
    /// Runs it.
    pub async fn run(self, guest: &Guest) -> Outcome {
        match self {
            Self::List(args) => list::run(guest, args).await,
            Self::Show(args) => show::run(guest, args).await,
            Self::Approve(args) => approve::run(guest, args).await,
            Self::Reject(args) => reject::run(guest, args).await,
        }
    }
}

async fn client(guest: &Guest) -> Result<ApprovalServiceClient<Channel>, Report> {
    Ok(ApprovalServiceClient::new(guest.channel().await?))
}

/// A status as people call it.
fn status(status: ApprovalStatus) -> &'static str {
    match status {
        ApprovalStatus::Pending => "pending",
        ApprovalStatus::Approved => "approved",
        ApprovalStatus::Rejected => "rejected",
        ApprovalStatus::Withdrawn => "withdrawn",
        ApprovalStatus::Expired => "expired",
        ApprovalStatus::Unspecified => "unknown",
    }
}
