//! `deployer approvals show`.

use deployer_proto::v1::{Approval, ApprovalStatus, Mode, ShowApprovalRequest};

use super::status;
use crate::Outcome;
use crate::commands::{history, plan};
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, escape, value};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of the run that waits
    pub id: String,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let approval = shown(guest, args.id).await?;
    guest
        .terminal
        .answer(&approval, &Shapes { quiet: |approval| status(approval.status()).to_owned(), text: render })?;
    Ok(exit::DONE)
}

/// Asks for a request with its plan.
pub async fn shown(guest: &Guest, run: String) -> Result<Approval, Report> {
    let request = ShowApprovalRequest { context: guest.call(Mode::Tenant)?, run };
    Ok(super::client(guest).await?.show(request).await?.into_inner())
}

/// A request with its plan, as people read it.
pub fn render(approval: &Approval, look: &Look) -> String {
    let mut page = Page::titled(look, &format!("Approval of run {}", approval.run));
    page.field("Stack", &format!("{}/{}", approval.stack, approval.environment));
    page.field("Operation", history::operation(approval.operation())).field("Status", status(approval.status()));
    page.field("Requested by", &format!("{} ({})", approval.requested_by, approval.requested_principal));
    page.field_if("Host", &approval.host).field("Requested", &value::moment(&approval.requested, look.now));
    page.field("Expires", &value::moment(&approval.expires, look.now));
    if !approval.decided.is_empty() {
        page.field("Decided by", &format!("{} ({})", approval.decided_by, approval.decided_principal));
        page.field("Decided", &value::moment(&approval.decided, look.now));
    }
    page.field_if("Comment", &approval.comment).blank();
    let mut text = page.text();
    if let Some(planned) = &approval.plan {
        text.push_str(&plan::render(planned, look));
    }
    let mut end = Page::new(look);
    if approval.status() == ApprovalStatus::Pending {
        let run = escape::line(&approval.run);
        end.line(&format!("Approve: deployer approvals approve {run}"))
            .line(&format!("Reject: deployer approvals reject {run}"));
    }
    text + &end.text()
}

#[cfg(test)]
mod tests {
    use super::super::list::tests::pending;
    use super::*;

    #[test]
    fn a_request_says_who_asks_and_what_can_be_done() {
        let look = Look::plain();
        let text = look.finish(&render(&pending(), &look));
        for part in ["user/alice", "Status: pending", "Approve: deployer approvals approve 01JD8Z3W9Q4V7M2K6H5T1R0XYZ"]
        {
            assert!(text.contains(part), "{text}");
        }
        let approved = Approval {
            status: ApprovalStatus::Approved.into(),
            decided_by: "bob@company.com".to_owned(),
            decided: "2024-01-15T11:58:00Z".to_owned(),
            comment: "a\u{1b}b".to_owned(),
            ..pending()
        };
        let text = look.finish(&render(&approved, &look));
        assert!(text.contains("Comment: a\\eb") && !text.contains("Approve:"), "{text}");
    }
}
