//! `deployer history diff`.

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{
    Action, ComponentChange, DiffHistoryRequest, DiffHistoryResponse, FileChange, HistoryRow, Mode, ValueChange,
};

use super::number;
use crate::Outcome;
use crate::args::PlaceArgs;
use crate::commands::plan;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::output::{Shapes, escape, value};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The number of the earlier run
    #[arg(value_parser = number)]
    pub from: u32,
    /// The number of the later run
    #[arg(value_parser = number)]
    pub to: u32,
    /// Which stack.
    #[command(flatten)]
    pub place: PlaceArgs,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let target = Some(args.place.target(&guest.surroundings));
    let request = DiffHistoryRequest { context: guest.call(Mode::Tenant)?, target, from: args.from, to: args.to };
    let answer = client.diff_history(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: paths, text: render })?;
    Ok(exit::DONE)
}

fn paths(answer: &DiffHistoryResponse) -> String {
    answer.files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>().join("\n")
}

fn render(answer: &DiffHistoryResponse, look: &Look) -> String {
    let (from, to) = (answer.from.clone().unwrap_or_default(), answer.to.clone().unwrap_or_default());
    let mut page = Page::titled(
        look,
        &format!("Difference: {}/{} #{} → #{}", answer.stack, answer.environment, from.number, to.number),
    );
    page.line(&one_run(&from, look)).line(&one_run(&to, look));
    for warning in &answer.warnings {
        page.warning(warning);
    }
    if answer.variables.is_empty() && answer.components.is_empty() && answer.files.is_empty() {
        page.blank().line("No difference.");
        return page.text();
    }
    if !answer.variables.is_empty() {
        page.section("Variables");
        for change in &answer.variables {
            page.line(&format!("  {}", plan::value_change(change)));
        }
    }
    if !answer.components.is_empty() {
        page.section("Components");
        answer.components.iter().for_each(|change| component(change, &mut page));
    }
    answer.files.iter().for_each(|change| file(change, &mut page));
    page.text()
}

fn one_run(row: &HistoryRow, look: &Look) -> String {
    let text = format!(
        "#{} {} {}, {}, by {}",
        row.number,
        super::operation(row.operation()),
        row.result,
        value::moment(&row.started, look.now),
        value::or_dash(&row.actor)
    );
    escape::line(&text).into_owned()
}

fn component(change: &ComponentChange, page: &mut Page<'_>) {
    let (symbol, _) = plan::symbol(change.action());
    let head = format!("{symbol:>3} {}  {}", escape::line(&change.component), escape::line(&change.r#type));
    page.line(&plan::coloured(change.action(), &head));
    for change in &change.changes {
        page.line(&format!("      {}", told(change)));
    }
}

fn told(change: &ValueChange) -> String {
    match (change.before.as_str(), change.after.as_str()) {
        ("", "") => format!("{} changed", escape::line(&change.name)),
        _ => plan::value_change(change),
    }
}

fn file(change: &FileChange, page: &mut Page<'_>) {
    page.blank();
    if change.diff.is_empty() {
        let word = match change.action() {
            Action::Create => "added",
            Action::Delete => "removed",
            _ => "changed",
        };
        page.line(&paint::bold(format!("{} {word}", escape::line(&change.path))));
        return;
    }
    for line in change.diff.lines() {
        let shown = escape::line(line).into_owned();
        page.line(&match line.as_bytes() {
            [b'-', b'-', b'-', ..] | [b'+', b'+', b'+', ..] => paint::bold(shown),
            [b'+', ..] => paint::green(shown),
            [b'-', ..] => paint::red(shown),
            [b'@', ..] => paint::dim(shown),
            _ => shown,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_shows_variables_components_and_lines() {
        let row = |number| HistoryRow {
            number,
            result: "succeeded".to_owned(),
            actor: "alice".to_owned(),
            started: "2024-01-15T11:00:00Z".to_owned(),
            ..HistoryRow::default()
        };
        let change = |name: &str, before: &str, after: &str| ValueChange {
            name: name.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        };
        let answer = DiffHistoryResponse {
            stack: "shop".to_owned(),
            environment: "development".to_owned(),
            from: Some(row(1)),
            to: Some(row(2)),
            variables: vec![change("V", "1", "2")],
            components: vec![ComponentChange {
                component: "s.a".to_owned(),
                r#type: "command".to_owned(),
                action: Action::Update.into(),
                changes: vec![change("apply", "", ""), change("output url", "a", "b")],
            }],
            files: vec![FileChange {
                path: "stack.yaml".to_owned(),
                action: Action::Update.into(),
                diff: "--- stack.yaml\n+++ stack.yaml\n@@ -1 +1 @@\n-one\n+two\n".to_owned(),
            }],
            warnings: Vec::new(),
        };
        let text = Look::plain().finish(&render(&answer, &Look::plain()));
        assert!(text.starts_with("Difference: shop/development #1 → #2\n"), "{text}");
        assert!(
            text.ends_with(
                "\nVariables:\n  V: \"1\" → \"2\"\n\nComponents:\n  ~ s.a  command\n      apply changed\n      \
                 output url: \"a\" → \"b\"\n\n--- stack.yaml\n+++ stack.yaml\n@@ -1 +1 @@\n-one\n+two\n"
            ),
            "{text}"
        );
    }
}
