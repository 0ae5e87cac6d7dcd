//! `deployer history`.

pub mod diff;

use clap::Subcommand;
use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{HistoryRequest, HistoryResponse, HistoryRow, Mode, Operation, PlanCounts};

use crate::Outcome;
use crate::args::PlaceArgs;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, table, value};
use crate::report::Report;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    /// Which stack.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// How many runs at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub limit: u32,
    /// What else.
    #[command(subcommand)]
    pub command: Option<Command>,
}

// What else can be seen of a history.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub enum Command {
    /// Show one run of the history
    Show(ShowArgs),
    /// Show what differs between two runs of the history
    Diff(diff::Args),
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// The run's number
    #[arg(value_parser = number)]
    pub number: u32,
    /// Which stack.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Parses a number of the history, such as `12` or `#12`.
pub fn number(text: &str) -> Result<u32, String> {
    match text.trim_start_matches('#').parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err("write a number of the history, such as 12".to_owned()),
    }
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    match args.command {
        None => {
            let answer = asked(guest, &args.place, 0, args.limit).await?;
            guest.terminal.answer(&answer, &Shapes { quiet: numbers, text: render })?;
        }
        Some(Command::Show(show)) => {
            let answer = asked(guest, &show.place, show.number, 1).await?;
            let Some(row) = answer.rows.into_iter().next() else {
                return Err(Report::new("NOT_FOUND", format!("there is no run #{}", show.number))
                    .hint("list them: `deployer history`"));
            };
            guest.terminal.answer(&row, &Shapes { quiet: |row| row.run.clone(), text: render_one })?;
        }
        Some(Command::Diff(args)) => return diff::run(guest, args).await,
    }
    Ok(exit::DONE)
}

async fn asked(guest: &Guest, place: &PlaceArgs, number: u32, limit: u32) -> Result<HistoryResponse, Report> {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let target = Some(place.target(&guest.surroundings));
    let request = HistoryRequest { context: guest.call(Mode::Tenant)?, target, number, limit };
    Ok(client.history(request).await?.into_inner())
}

fn numbers(answer: &HistoryResponse) -> String {
    answer.rows.iter().map(|row| row.number.to_string()).collect::<Vec<_>>().join("\n")
}

/// The word of an operation.
pub fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Apply => "apply",
        Operation::Destroy => "destroy",
        Operation::Rollback => "rollback",
        Operation::LockRun => "lock run",
        Operation::Unspecified => "-",
    }
}

/// Counts in the plan's symbols, such as `+2 ~1`.
pub fn changes(counts: Option<PlanCounts>) -> String {
    let counts = counts.unwrap_or_default();
    let parts = [("+", counts.create), ("~", counts.update), ("-/+", counts.replace), ("-", counts.delete)];
    let parts = parts.iter().filter(|(_, number)| *number > 0).map(|(symbol, number)| format!("{symbol}{number}"));
    value::or_dash(&parts.collect::<Vec<_>>().join(" "))
}

fn render(answer: &HistoryResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.heading(&format!("History: {}/{}", answer.stack, answer.environment));
    if answer.rows.is_empty() {
        page.rule().line("No runs yet. Deploy it: deployer apply");
        return page.text();
    }
    let rows: Vec<Vec<String>> = answer.rows.iter().map(|row| cells(row, look)).collect();
    let headers = ["#", "WHEN", "OPERATION", "RESULT", "CHANGES", "TOOK", "ACTOR", "COMMIT"];
    format!("{}{}", page.text(), table::render(&headers, &rows, look))
}

fn cells(row: &HistoryRow, look: &Look) -> Vec<String> {
    vec![
        row.number.to_string(),
        value::age(&row.started, look.now),
        operation(row.operation()).to_owned(),
        row.result.clone(),
        changes(row.counts),
        value::milliseconds(row.duration_ms),
        value::or_dash(&row.actor),
        value::or_dash(&commit(row)),
    ]
}

fn commit(row: &HistoryRow) -> String {
    row.git_commit.chars().take(7).collect()
}

fn render_one(row: &HistoryRow, look: &Look) -> String {
    let mut page = Page::titled(look, &format!("Run #{}", row.number));
    page.field("Run", &row.run).field("Operation", operation(row.operation())).field("Result", &row.result);
    page.field_if("For", &row.why).field_if("Why", &row.message);
    page.field("Started", &value::moment(&row.started, look.now)).field("Took", &value::milliseconds(row.duration_ms));
    page.field("Changes", &changes(row.counts));
    page.field_if("Actor", &row.actor).field_if("Identity", &row.principal);
    page.field_if("Commit", &row.git_commit).field_if("Branch", &row.git_branch);
    if !row.variables.is_empty() {
        page.section("Variables");
        for variable in &row.variables {
            page.sub(&variable.name, if variable.sensitive { "(sensitive)" } else { &variable.value });
        }
    }
    if !row.components.is_empty() {
        page.section("Components");
        for component in &row.components {
            page.item(&format!("{} ({}, {})", component.component, component.r#type, component.status));
        }
    }
    page.rule();
    page.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> HistoryRow {
        HistoryRow {
            number: 12,
            run: "01JD".to_owned(),
            operation: Operation::Apply.into(),
            result: "succeeded".to_owned(),
            actor: "alice@company.com".to_owned(),
            started: "2024-01-15T11:00:00Z".to_owned(),
            duration_ms: 1234,
            counts: Some(PlanCounts { create: 2, update: 1, ..PlanCounts::default() }),
            git_commit: "0123456789abcdef".to_owned(),
            ..HistoryRow::default()
        }
    }

    #[test]
    fn a_history_is_a_table_of_runs() {
        let answer =
            HistoryResponse { stack: "demo".to_owned(), environment: "development".to_owned(), rows: vec![row()] };
        let rule = "─".repeat(75);
        assert_eq!(
            Look::plain().finish(&render(&answer, &Look::plain())),
            format!(
                "History: demo/development\n{rule}\n\
                 #   WHEN    OPERATION  RESULT     CHANGES  TOOK  ACTOR              COMMIT\n{rule}\n\
                 12  1h ago  apply      succeeded  +2 ~1    1.2s  alice@company.com  0123456\n{rule}\n"
            )
        );
    }

    #[test]
    fn one_run_shows_everything() {
        let text = Look::plain().finish(&render_one(&row(), &Look::plain()));
        assert!(text.starts_with("Run #12\n"), "{text}");
        assert!(text.contains("Commit: 0123456789abcdef\n"), "{text}");
    }
}
