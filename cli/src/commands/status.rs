//! `deployer status`.

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{ComponentHealth, Mode, StackTarget, StatusRequest, StatusResponse};

use crate::Outcome;
use crate::args::TargetArgs;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::output::{Shapes, escape, value};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which stack.
    #[command(flatten)]
    pub target: TargetArgs,
    /// As an admin: the tenant to look at
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let mode = if args.tenant.is_some() { Mode::Admin } else { Mode::Tenant };
    let target = StackTarget { tenant: args.tenant.unwrap_or_default(), ..args.target.target(&guest.surroundings) };
    let request = StatusRequest { context: guest.call_with_commands(mode)?, target: Some(target) };
    let answer = client.status(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: word, text: render })?;
    Ok(if answer.healthy { exit::DONE } else { exit::FAILED })
}

fn word(answer: &StatusResponse) -> String {
    if answer.healthy { "healthy".to_owned() } else { "unhealthy".to_owned() }
}

fn render(answer: &StatusResponse, look: &Look) -> String {
    let mut page = Page::titled(look, &format!("Status: {}/{}", answer.stack, answer.environment));
    page.field("Last run", &last_run(answer, look)).field_if("Locked by", &answer.locked_by);
    if !answer.lock_unknown.is_empty() {
        page.field("Locked by", &format!("not known: {}", answer.lock_unknown));
    }
    if !answer.components.is_empty() {
        page.blank();
    }
    let widest = answer.components.iter().map(|health| health.component.chars().count()).max().unwrap_or_default();
    for health in &answer.components {
        page.line(&row(health, widest));
    }
    page.rule();
    match (answer.components.len(), answer.healthy) {
        (0, _) => page.line("Nothing is deployed."),
        (_, true) => page.done("All resources healthy"),
        (all, false) => page.line(&unhealthy(answer, all)),
    };
    page.text()
}

fn last_run(answer: &StatusResponse, look: &Look) -> String {
    match (answer.history_number, answer.locked_by.is_empty()) {
        _ if answer.updated.is_empty() => "never".to_owned(),
        (0, true) => "the first one has not finished; apply again".to_owned(),
        (0, false) => "the first one is at work".to_owned(),
        (number, _) => format!("#{number}, {}", value::age(&answer.updated, look.now)),
    }
}

fn row(health: &ComponentHealth, widest: usize) -> String {
    let symbol = match health.health.as_str() {
        "Healthy" => paint::green("✓"),
        "Unknown" | "Drifted" => paint::yellow("⚠"),
        _ => paint::red("✗"),
    };
    let name = escape::line(&health.component);
    let line = format!("{symbol} {name:<widest$}  {:<8}", escape::line(&health.health));
    match health.reason.as_str() {
        "" => line.trim_end().to_owned(),
        reason => format!("{line}  {}", escape::line(reason)),
    }
}

fn unhealthy(answer: &StatusResponse, all: usize) -> String {
    let number = |wanted: fn(&str) -> bool| answer.components.iter().filter(|health| wanted(&health.health)).count();
    let all = value::count(all as u64, "resource");
    match (number(|health| !matches!(health, "Healthy" | "Unknown")), number(|health| health == "Unknown")) {
        (0, unknown) => paint::yellow(format!("⚠ The health of {unknown} of {all} is unknown")),
        (1, _) => paint::red(format!("✗ 1 of {all} is not healthy")),
        (bad, _) => paint::red(format!("✗ {bad} of {all} are not healthy")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(component: &str, health: &str, reason: &str) -> ComponentHealth {
        ComponentHealth {
            component: component.to_owned(),
            health: health.to_owned(),
            reason: reason.to_owned(),
            ..ComponentHealth::default()
        }
    }

    fn healthy() -> StatusResponse {
        StatusResponse {
            stack: "demo".to_owned(),
            environment: "development".to_owned(),
            components: vec![health("email.queue", "Healthy", ""), health("email.api", "Healthy", "")],
            healthy: true,
            updated: "2024-01-15T11:57:00Z".to_owned(),
            history_number: 3,
            ..StatusResponse::default()
        }
    }

    #[test]
    fn a_healthy_stack_ends_as_in_the_reference() {
        assert_eq!(
            Look::plain().finish(&render(&healthy(), &Look::plain())),
            "Status: demo/development\n\
             ────────────────────────────────────────────────\n\
             Last run: #3, 3m ago\n\
             \n\
             ✓ email.queue  Healthy\n\
             ✓ email.api    Healthy\n\
             ────────────────────────────────────────────────\n\
             ✓ All resources healthy\n"
        );
    }

    #[test]
    fn what_is_wrong_says_why() {
        let mut answer = healthy();
        answer.healthy = false;
        answer.components[1] = health("email.api", "Degraded", "check exited with 1");
        let text = Look::plain().finish(&render(&answer, &Look::plain()));
        assert!(text.contains("✗ email.api    Degraded  check exited with 1\n"), "{text}");
        assert!(text.ends_with("✗ 1 of 2 resources is not healthy\n"), "{text}");
        answer.components[1] = health("email.api", "Unknown", "it has no `check` to be asked");
        let text = Look::plain().finish(&render(&answer, &Look::plain()));
        assert!(text.ends_with("⚠ The health of 1 of 2 resources is unknown\n"), "{text}");
    }
}
