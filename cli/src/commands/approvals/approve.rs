//! `deployer approvals approve`, and what it shares with reject.

use deployer_proto::v1::{Approval, DecideApprovalRequest, Mode};

use super::{show, status};
use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, escape};
use crate::prompt;
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What is decided.
    #[command(flatten)]
    pub what: DecisionArgs,
    /// Confirm: do not ask
    #[arg(short, long)]
    pub yes: bool,
}

// What approve and reject have in common. No doc comment: it would become their help.
#[derive(Debug, clap::Args)]
pub struct DecisionArgs {
    /// The id of the run that waits
    pub id: String,
    /// Why, for whoever asked and for the history
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub comment: String,
}

/// Runs it: nobody approves a plan that they were not shown.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let asked = show::shown(guest, args.what.id.clone()).await?;
    guest.terminal.progress(&format!("\n{}\n", show::render(&asked, &guest.terminal.err)));
    let place = format!("{}/{}", asked.stack, asked.environment);
    prompt::confirm(guest, args.yes, &format!("approving run {} on {place}", asked.run)).await?;
    let request = DecideApprovalRequest { digest: asked.digest, ..args.what.request(guest)? };
    decided(guest, super::client(guest).await?.approve(request).await?.into_inner())
}

impl DecisionArgs {
    /// The request, without the digest of the plan.
    pub fn request(self, guest: &Guest) -> Result<DecideApprovalRequest, Report> {
        let context = guest.call(Mode::Tenant)?;
        Ok(DecideApprovalRequest { context, run: self.id, comment: self.comment, digest: String::new() })
    }
}

/// Prints what was decided.
pub fn decided(guest: &Guest, approval: Approval) -> Outcome {
    guest
        .terminal
        .answer(&approval, &Shapes { quiet: |approval| status(approval.status()).to_owned(), text: render })?;
    Ok(exit::DONE)
}

fn render(approval: &Approval, look: &Look) -> String {
    let mut page = Page::new(look);
    let what = status(approval.status());
    page.done(&format!("Run {} is {what}: {}/{}", approval.run, approval.stack, approval.environment));
    if approval.status() == deployer_proto::v1::ApprovalStatus::Approved {
        page.line(&format!("It starts within seconds where {} left it waiting,", escape::line(&approval.requested_by)));
        page.line(&format!("else with: deployer run attach {}", escape::line(&approval.run)));
    }
    page.text()
}
