//! `deployer plan`, and how plans look.

mod markdown;

use std::collections::HashMap;

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{
    Action, Mode, Operation, Plan, PlanOptions, PlanRequest, PlannedStep, ResourceChange, ValueChange,
};

use crate::Outcome;
use crate::args::{Format, TargetArgs};
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::output::{Shapes, escape};
use crate::report::Report;

/// The longest value that is shown whole.
const LONGEST_VALUE: usize = 120;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which stack.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Show what a destroy would do
    #[arg(long)]
    pub destroy: bool,
    /// Make this component anew (can be repeated)
    #[arg(long, value_name = "SERVICE.COMPONENT", conflicts_with = "destroy")]
    pub replace: Vec<String>,
    /// With --destroy: also remove what is kept because data lives in it
    #[arg(long, requires = "destroy")]
    pub delete_data: bool,
    /// Save the plan, for `deployer apply FILE`; only you can read the file, and it holds no sensitive value
    #[arg(long, value_name = "FILE")]
    pub out: Option<String>,
    /// Exit with 2 when there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let operation = if args.destroy { Operation::Destroy } else { Operation::Apply };
    let options = PlanOptions {
        operation: operation.into(),
        replace: args.replace,
        delete_data: args.delete_data,
        ..PlanOptions::default()
    };
    let target = Some(args.target.target(&guest.surroundings));
    let out = args.out.unwrap_or_default();
    let plan =
        made(guest, PlanRequest { target, options: Some(options), out: out.clone(), ..PlanRequest::default() }).await?;
    match guest.terminal.format {
        Format::Markdown => guest.terminal.raw(&markdown::render(&plan))?,
        _ => guest.terminal.answer(&plan, &Shapes { quiet: |plan| plan.digest.clone(), text: render })?,
    }
    if !out.is_empty() {
        guest.terminal.progress(&format!("Saved. To run exactly this: deployer apply {}\n", escape::line(&out)));
    }
    Ok(if args.detailed_exitcode && plan.changes { exit::CHANGES } else { exit::DONE })
}

/// Asks the daemon for a plan; a brief one says nothing of single resources.
pub async fn made(guest: &Guest, request: PlanRequest) -> Result<Plan, Report> {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let request = PlanRequest { context: guest.call_with_commands(Mode::Tenant)?, ..request };
    Ok(client.plan(request).await?.into_inner())
}

/// The plan as people read it.
pub fn render(plan: &Plan, look: &Look) -> String {
    let mut page = Page::titled(look, &format!("Plan: {}/{} ({})", plan.stack, plan.environment, what(plan)));
    let steps = plan.steps.iter().filter(|step| !matches!(step.action(), Action::None | Action::Unspecified));
    let widest = steps.clone().map(|step| step.component.chars().count()).max().unwrap_or_default();
    // One long name must not push the words of all others over the edge.
    let widest = widest.min(look.width.map_or(usize::MAX, |width| width.saturating_sub(BESIDE_A_NAME)));
    for step in steps {
        show_step(step, widest, &mut page);
    }
    if !plan.locked_by.is_empty() {
        page.warning(&locked(plan));
    }
    plan.warnings.iter().for_each(|warning| {
        page.warning(warning);
    });
    plan.refusals.iter().for_each(|refusal| {
        page.line(&paint::red(format!("✗ Refused: {}", escape::line(refusal))));
    });
    if plan.needs_approval {
        page.warning("Another person has to approve it before it runs");
    }
    if plan.changes {
        page.rule().line(&counts(plan)).line(&paint::dim(format!("Digest: {}", escape::line(&plan.digest))));
    } else {
        page.line(&format!("No changes. {}", escape::line(&nothing_to_do(plan))));
    }
    page.text()
}

/// Who is at work there while one plans.
fn locked(plan: &Plan) -> String {
    format!(
        "{}/{} is locked by {}: what is done there now is not in this plan",
        plan.stack, plan.environment, plan.locked_by
    )
}

/// What stands beside a component's name in its row: symbol, action and type.
const BESIDE_A_NAME: usize = 32;

fn what(plan: &Plan) -> String {
    match plan.operation() {
        Operation::Destroy => "destroy".to_owned(),
        Operation::Rollback => format!("rollback to #{}", plan.rollback_to),
        _ => "apply".to_owned(),
    }
}

fn nothing_to_do(plan: &Plan) -> String {
    let place = format!("{}/{}", plan.stack, plan.environment);
    match plan.operation() {
        Operation::Destroy => format!("Nothing of {place} is left to remove."),
        Operation::Rollback => format!("{place} is as run #{} had left it.", plan.rollback_to),
        _ => format!("{place} is as its file says."),
    }
}

fn show_step(step: &PlannedStep, widest: usize, page: &mut Page<'_>) {
    let (symbol, word) = symbol(step.action());
    let name = escape::line(&step.component);
    let head = format!("{symbol:>3} {name:<widest$}  {word}  {}", escape::line(&step.r#type));
    page.line(&coloured(step.action(), &head));
    if !step.reason.is_empty() {
        page.line(&format!("      {}", escape::line(&step.reason)));
    }
    for change in &step.changes {
        page.line(&format!("      {}", value_change(change)));
    }
    for change in &step.resources {
        page.line(&format!("        {}", resource(change)));
    }
}

/// What engines proposed, as it goes back with the confirmation.
pub fn proposals(plan: &Plan) -> HashMap<String, String> {
    let proposed = plan.steps.iter().filter(|step| !step.proposal.is_empty());
    proposed.map(|step| (step.component.clone(), step.proposal.clone())).collect()
}

/// One resource that an engine would change; what destroys something or changes permissions is loud.
fn resource(change: &ResourceChange) -> String {
    let line = resource_line(change);
    match change.action.as_str() {
        "replace" | "may replace" | "remove" => paint::red(line),
        _ if change.permissions => paint::yellow(line),
        _ => line,
    }
}

fn resource_line(change: &ResourceChange) -> String {
    let kind = escape::line(&change.r#type);
    let mut line = format!("{} {} ({kind})", resource_symbol(&change.action), escape::line(&change.name));
    if !change.details.is_empty() {
        line.push_str(&format!(": {}", escape::line(&change.details.join(", "))));
    }
    match change.action.as_str() {
        "replace" => line.push_str("  REPLACED: the old one is deleted"),
        "may replace" => line.push_str("  MAY BE REPLACED"),
        "remove" => line.push_str("  REMOVED"),
        _ => {}
    }
    if change.permissions {
        line.push_str("  ⚠ PERMISSIONS");
    }
    line
}

fn resource_symbol(action: &str) -> &'static str {
    match action {
        "add" | "import" => "+",
        "remove" => "-",
        "replace" | "may replace" => "-/+",
        _ => "~",
    }
}

/// A value that changes, in one line.
pub fn value_change(change: &ValueChange) -> String {
    let name = escape::line(&change.name);
    match (change.before.as_str(), change.after.as_str()) {
        ("", after) => format!("{name}: {}", shown(after)),
        (before, "") => format!("{name}: {} → (none)", shown(before)),
        (before, after) => format!("{name}: {} → {}", shown(before), shown(after)),
    }
}

fn shown(value: &str) -> String {
    let words = ["(known after apply)", "(sensitive)"];
    let mut text = escape::line(value).into_owned();
    if text.chars().count() > LONGEST_VALUE {
        text = text.chars().take(LONGEST_VALUE).chain(['…']).collect();
    }
    if words.contains(&value) { text } else { format!("\"{text}\"") }
}

/// The symbol and the word of an action.
pub fn symbol(action: Action) -> (&'static str, &'static str) {
    match action {
        Action::Create => ("+", "create"),
        Action::Update => ("~", "update"),
        Action::Replace => ("-/+", "replace"),
        Action::Delete => ("-", "delete"),
        Action::None | Action::Unspecified => ("", "no change"),
    }
}

/// Text in the colour of an action.
pub fn coloured(action: Action, text: &str) -> String {
    match action {
        Action::Create => paint::green(text),
        Action::Update => paint::yellow(text),
        Action::Replace | Action::Delete => paint::red(text),
        Action::None | Action::Unspecified => text.to_owned(),
    }
}

fn counts(plan: &Plan) -> String {
    let counts = plan.counts.unwrap_or_default();
    let parts = [
        (counts.create, "to create"),
        (counts.update, "to update"),
        (counts.replace, "to replace"),
        (counts.delete, "to delete"),
        (counts.unchanged, "unchanged"),
    ];
    let parts = parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
    format!("Plan: {}.", parts.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
pub mod tests {
    use deployer_proto::v1::PlanCounts;

    use super::*;

    fn step(component: &str, action: Action, reason: &str) -> PlannedStep {
        PlannedStep {
            component: component.to_owned(),
            r#type: "command".to_owned(),
            action: action.into(),
            reason: reason.to_owned(),
            ..PlannedStep::default()
        }
    }

    /// A plan with a step of every kind.
    pub fn mixed() -> Plan {
        let change = |name: &str, before: &str, after: &str| ValueChange {
            name: name.to_owned(),
            before: before.to_owned(),
            after: after.to_owned(),
        };
        let mut update = step("email.api", Action::Update, "environment VERSION changed");
        update.changes = vec![change("VERSION", "1.0", "1.1"), change("URL", "http://a", "(known after apply)")];
        Plan {
            stack: "demo".to_owned(),
            environment: "development".to_owned(),
            operation: Operation::Apply.into(),
            digest: "4f2a".to_owned(),
            steps: vec![
                step("email.database", Action::Create, "not deployed yet"),
                update,
                step("email.worker", Action::Replace, "asked for by --replace"),
                step("old.thing", Action::Delete, "not in the stack file any more"),
                step("edge.dns", Action::None, ""),
            ],
            counts: Some(PlanCounts { create: 1, update: 1, replace: 1, delete: 1, unchanged: 1 }),
            changes: true,
            ..Plan::default()
        }
    }

    #[test]
    fn a_plan_shows_each_change_with_its_reason() {
        assert_eq!(
            Look::plain().finish(&render(&mixed(), &Look::plain())),
            "Plan: demo/development (apply)\n\
             ────────────────────────────────────────────────\n\
             \x20 + email.database  create  command\n\
             \x20     not deployed yet\n\
             \x20 ~ email.api       update  command\n\
             \x20     environment VERSION changed\n\
             \x20     VERSION: \"1.0\" → \"1.1\"\n\
             \x20     URL: \"http://a\" → (known after apply)\n\
             -/+ email.worker    replace  command\n\
             \x20     asked for by --replace\n\
             \x20 - old.thing       delete  command\n\
             \x20     not in the stack file any more\n\
             ────────────────────────────────────────────────\n\
             Plan: 1 to create, 1 to update, 1 to replace, 1 to delete, 1 unchanged.\n\
             Digest: 4f2a\n"
        );
    }

    #[test]
    fn resources_that_go_and_permissions_that_change_are_loud() {
        let change = |action: &str, name: &str, permissions: bool| ResourceChange {
            action: action.to_owned(),
            name: name.to_owned(),
            r#type: "AWS::X::Y".to_owned(),
            permissions,
            details: if action == "replace" { vec!["Properties.Name".to_owned()] } else { Vec::new() },
            ..ResourceChange::default()
        };
        let lines = [change("add", "A", false), change("replace", "B", false), change("modify", "C", true)];
        let lines: Vec<String> = lines.iter().map(|change| Look::plain().finish(&resource(change))).collect();
        assert_eq!(lines[0].trim_end(), "+ A (AWS::X::Y)");
        assert_eq!(lines[1].trim_end(), "-/+ B (AWS::X::Y): Properties.Name  REPLACED: the old one is deleted");
        assert_eq!(lines[2].trim_end(), "~ C (AWS::X::Y)  ⚠ PERMISSIONS");
    }

    #[test]
    fn one_long_name_leaves_the_other_rows_within_the_terminal() {
        let long = step(&format!("email.{}", "x".repeat(80)), Action::Create, "");
        let plan = Plan { steps: vec![long, step("email.api", Action::Create, "")], ..mixed() };
        let look = Look { width: Some(60), ..Look::plain() };
        let text = look.finish(&render(&plan, &look));
        let row = text.lines().find(|line| line.contains("email.api")).unwrap();
        assert!(row.chars().count() <= 60 && row.contains("create") && row.ends_with("command"), "{row:?}");
    }

    #[test]
    fn no_changes_are_said_so() {
        let plan = Plan { steps: Vec::new(), changes: false, ..mixed() };
        let text = Look::plain().finish(&render(&plan, &Look::plain()));
        assert!(text.ends_with("\nNo changes. demo/development is as its file says.\n"), "{text}");
    }

    #[test]
    fn refusals_are_loud() {
        let plan = Plan { refusals: vec!["production needs an approval".to_owned()], ..mixed() };
        assert!(render(&plan, &Look::plain()).contains("✗ Refused: production needs an approval"));
    }
}
