//! `deployer drift`.

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{ComponentDrift, DriftRequest, DriftResponse, Mode};

use crate::Outcome;
use crate::args::TargetArgs;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::output::{Shapes, escape};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which stack.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Exit with 2 when something is not as it was deployed
    #[arg(long)]
    pub detailed_exitcode: bool,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let target = Some(args.target.target(&guest.surroundings));
    let request = DriftRequest { context: guest.call_with_commands(Mode::Tenant)?, target };
    let answer = client.drift(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: word, text: render })?;
    Ok(if args.detailed_exitcode && answer.drifted { exit::CHANGES } else { exit::DONE })
}

fn word(answer: &DriftResponse) -> String {
    if answer.drifted { "drifted".to_owned() } else { "in-sync".to_owned() }
}

fn render(answer: &DriftResponse, look: &Look) -> String {
    let mut page = Page::titled(look, &format!("Drift: {}/{}", answer.stack, answer.environment));
    let widest = answer.components.iter().map(|drift| drift.component.chars().count()).max().unwrap_or_default();
    for drift in &answer.components {
        page.line(&row(drift, widest));
        for detail in &drift.details {
            page.line(&format!("      {}", escape::line(detail)));
        }
    }
    page.rule();
    let unsupported = answer.components.iter().filter(|drift| drift.drift == "unsupported").count();
    match (answer.drifted, unsupported) {
        (true, _) => page.line(&paint::red("✗ Not everything is as it was deployed")),
        (false, 0) => page.done("Everything is as it was deployed"),
        (false, unknown) => page.warning(&format!("Nothing was found changed; {unknown} could not be looked at")),
    };
    page.text()
}

fn row(drift: &ComponentDrift, widest: usize) -> String {
    let symbol = match drift.drift.as_str() {
        "in-sync" => paint::green("✓"),
        "unsupported" => paint::yellow("⚠"),
        _ => paint::red("✗"),
    };
    format!("{symbol} {:<widest$}  {}", escape::line(&drift.component), escape::line(&drift.drift))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drift(component: &str, drift: &str, detail: &str) -> ComponentDrift {
        let details = if detail.is_empty() { Vec::new() } else { vec![detail.to_owned()] };
        let (component, drift) = (component.to_owned(), drift.to_owned());
        ComponentDrift { component, drift, details, ..ComponentDrift::default() }
    }

    #[test]
    fn what_is_not_as_it_was_deployed_is_shown_with_what_differs() {
        let answer = DriftResponse {
            stack: "demo".to_owned(),
            environment: "development".to_owned(),
            components: vec![drift("a.queue", "drifted", "Queue: 60 -> 90"), drift("a.b", "in-sync", "")],
            drifted: true,
        };
        assert_eq!(
            Look::plain().finish(&render(&answer, &Look::plain())),
            "Drift: demo/development\n\
             ────────────────────────────────────────────────\n\
             ✗ a.queue  drifted\n\
             \x20     Queue: 60 -> 90\n\
             ✓ a.b      in-sync\n\
             ────────────────────────────────────────────────\n\
             ✗ Not everything is as it was deployed\n"
        );
    }
}
