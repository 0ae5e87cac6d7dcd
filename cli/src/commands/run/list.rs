//! `deployer run list`.

use deployer_proto::v1::{ListRunsRequest, ListRunsResponse, Mode, Run, RunStatus, StackTarget};

use crate::Outcome;
use crate::args::PlaceArgs;
use crate::commands::history;
use crate::exit;
use crate::follow;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, table, value};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only of this stack and environment.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// As an admin: the tenant to look at
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mode = if args.tenant.is_some() { Mode::Admin } else { Mode::Tenant };
    let target = StackTarget { tenant: args.tenant.unwrap_or_default(), ..args.place.target(&guest.surroundings) };
    let request = ListRunsRequest { context: guest.call(mode)?, target: Some(target), limit: args.limit };
    let answer = follow::client(guest).await?.list(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: ids, text: render })?;
    Ok(exit::DONE)
}

fn ids(answer: &ListRunsResponse) -> String {
    answer.runs.iter().map(|run| run.id.as_str()).collect::<Vec<_>>().join("\n")
}

fn render(answer: &ListRunsResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.heading("Runs");
    if answer.runs.is_empty() {
        page.rule().line("No runs yet. Deploy a stack: deployer apply");
        return page.text();
    }
    let rows: Vec<Vec<String>> = answer.runs.iter().map(|run| cells(run, look)).collect();
    let headers = ["RUN", "STACK", "OPERATION", "STATUS", "STARTED", "TOOK", "ACTOR"];
    format!("{}{}", page.text(), table::render(&headers, &rows, look))
}

fn cells(run: &Run, look: &Look) -> Vec<String> {
    vec![
        run.id.clone(),
        format!("{}/{}", run.stack, run.environment),
        history::operation(run.operation()).to_owned(),
        status(run.status()).to_owned(),
        value::age(&run.started, look.now),
        value::between(&run.started, &run.ended, look.now),
        value::or_dash(&run.actor),
    ]
}

/// The word of a status.
pub fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Waiting => "waiting",
        RunStatus::Running => "running",
        RunStatus::Cancelling => "cancelling",
        RunStatus::Succeeded => "succeeded",
        RunStatus::Failed => "failed",
        RunStatus::Cancelled => "cancelled",
        RunStatus::Interrupted => "interrupted",
        RunStatus::LockLost => "lock lost",
        RunStatus::Unspecified => "unknown",
    }
}

#[cfg(test)]
pub mod tests {
    use deployer_proto::v1::Operation;

    use super::*;

    /// A run in its twelfth minute.
    pub fn running() -> Run {
        Run {
            id: "01JD8Z3W9Q4V7M2K6H5T1R0XYZ".to_owned(),
            tenant: "payments-team".to_owned(),
            stack: "demo".to_owned(),
            environment: "staging".to_owned(),
            operation: Operation::Apply.into(),
            status: RunStatus::Running.into(),
            actor: "alice@company.com".to_owned(),
            host: "build-7".to_owned(),
            started: "2024-01-15T11:47:56Z".to_owned(),
            owned: true,
            ..Run::default()
        }
    }

    fn listed(width: Option<usize>, ascii: bool) -> String {
        let look = Look { width, ascii, ..Look::plain() };
        look.finish(&render(&ListRunsResponse { runs: vec![running()] }, &look))
    }

    #[test]
    fn runs_are_a_table() {
        let rule = "─".repeat(99);
        let header = "RUN                         STACK         OPERATION  STATUS   STARTED     TOOK    ACTOR";
        let row = "01JD8Z3W9Q4V7M2K6H5T1R0XYZ  demo/staging  apply      running  12m 4s ago  12m 4s  alice@company.com";
        assert_eq!(listed(None, false), format!("Runs\n{rule}\n{header}\n{rule}\n{row}\n{rule}\n"));
    }

    #[test]
    fn eighty_columns_keep_the_id_whole() {
        let text = listed(Some(80), false);
        assert!(text.contains("01JD8Z3W9Q4V7M2K6H5T1R0XYZ"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn twenty_columns_and_ascii_get_blocks() {
        assert_eq!(
            listed(Some(20), true),
            "Runs\n\
             --------------------\n\
             RUN: 01JD8Z3W9Q4V7M2K6H5T1R0XYZ\n\
             STACK: demo/staging\n\
             OPERATION: apply\n\
             STATUS: running\n\
             STARTED: 12m 4s ago\n\
             TOOK: 12m 4s\n\
             ACTOR: alice@company.com\n\
             --------------------\n"
        );
    }
}
