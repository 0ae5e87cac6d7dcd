//! `deployer approvals list`.

use deployer_proto::v1::{Approval, ListApprovalsRequest, ListApprovalsResponse, Mode};

use super::status;
use crate::Outcome;
use crate::commands::history;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, table, value};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Also those that are decided or have expired
    #[arg(long)]
    pub all: bool,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let request = ListApprovalsRequest { context: guest.call(Mode::Tenant)?, all: args.all };
    let answer = super::client(guest).await?.list(request).await?.into_inner();
    for damaged in &answer.damaged {
        guest
            .terminal
            .warn(&format!("{damaged}; delete the document and apply again, or restore an earlier version of it"));
    }
    guest.terminal.answer(&answer, &Shapes { quiet: ids, text: render })?;
    Ok(exit::DONE)
}

fn ids(answer: &ListApprovalsResponse) -> String {
    answer.approvals.iter().map(|approval| approval.run.as_str()).collect::<Vec<_>>().join("\n")
}

fn render(answer: &ListApprovalsResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.heading("Approvals");
    if answer.approvals.is_empty() {
        page.rule().line("Nothing waits for an approval.");
        return page.text();
    }
    let rows: Vec<Vec<String>> = answer.approvals.iter().map(|approval| cells(approval, look)).collect();
    let headers = ["RUN", "WHAT", "STACK", "STATUS", "REQUESTED BY", "AGE"];
    format!("{}{}", page.text(), table::render(&headers, &rows, look))
}

fn cells(approval: &Approval, look: &Look) -> Vec<String> {
    vec![
        approval.run.clone(),
        history::operation(approval.operation()).to_owned(),
        format!("{}/{}", approval.stack, approval.environment),
        status(approval.status()).to_owned(),
        approval.requested_by.clone(),
        value::age(&approval.requested, look.now),
    ]
}

#[cfg(test)]
pub mod tests {
    use deployer_proto::v1::{ApprovalStatus, Operation};

    use super::*;

    /// What alice asks.
    pub fn pending() -> Approval {
        Approval {
            run: "01JD8Z3W9Q4V7M2K6H5T1R0XYZ".to_owned(),
            tenant: "web-team".to_owned(),
            stack: "shop".to_owned(),
            environment: "production".to_owned(),
            operation: Operation::Apply.into(),
            status: ApprovalStatus::Pending.into(),
            requested_by: "alice@company.com".to_owned(),
            requested_principal: "arn:aws:iam::123456789012:user/alice".to_owned(),
            host: "laptop".to_owned(),
            requested: "2024-01-15T11:48:00Z".to_owned(),
            expires: "2024-01-16T11:48:00Z".to_owned(),
            digest: "d1".to_owned(),
            ..Approval::default()
        }
    }

    #[test]
    fn requests_are_a_table() {
        let look = Look::plain();
        let text =
            look.finish(&render(&ListApprovalsResponse { approvals: vec![pending()], damaged: Vec::new() }, &look));
        for part in ["shop/production", "pending", "alice@company.com", "apply"] {
            assert!(text.contains(part), "{text}");
        }
        let nothing = look.finish(&render(&ListApprovalsResponse::default(), &look));
        assert!(nothing.contains("Nothing waits"), "{nothing}");
    }
}
