//! `deployer outputs`.

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{Mode, NamedOutput, OutputsRequest, OutputsResponse};

use crate::Outcome;
use crate::args::TargetArgs;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, escape};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which stack.
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let target = Some(args.target.target(&guest.surroundings));
    let answer = client.outputs(OutputsRequest { context: guest.call(Mode::Tenant)?, target }).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: values, text: render })?;
    Ok(exit::DONE)
}

fn values(answer: &OutputsResponse) -> String {
    answer.outputs.iter().map(|output| output.value.as_str()).collect::<Vec<_>>().join("\n")
}

fn render(answer: &OutputsResponse, look: &Look) -> String {
    let mut page = Page::titled(look, &format!("Outputs: {}/{}", answer.stack, answer.environment));
    if answer.outputs.is_empty() {
        page.line("No outputs.");
    }
    for output in &answer.outputs {
        page.field(&name(output), value(output));
    }
    page.text()
}

/// What an output is called: its component and its name.
pub fn name(output: &NamedOutput) -> String {
    escape::line(&format!("{}.{}", output.component, output.name)).into_owned()
}

/// What may be shown of an output.
pub fn value(output: &NamedOutput) -> &str {
    if output.sensitive { "(sensitive)" } else { &output.value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensitive_outputs_are_named_but_not_shown() {
        let output = |name: &str, value: &str, sensitive| NamedOutput {
            component: "email.api".to_owned(),
            name: name.to_owned(),
            value: value.to_owned(),
            sensitive,
        };
        let answer = OutputsResponse {
            stack: "demo".to_owned(),
            environment: "development".to_owned(),
            outputs: vec![output("token", "", true), output("url", "http://x", false)],
        };
        assert_eq!(
            Look::plain().finish(&render(&answer, &Look::plain())),
            "Outputs: demo/development\n\
             ────────────────────────────────────────────────\n\
             email.api.token: (sensitive)\n\
             email.api.url: http://x\n"
        );
    }
}
