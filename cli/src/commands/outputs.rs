//! `deployer outputs`.

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{Mode, NamedOutput, OutputsRequest, OutputsResponse};

use crate::Outcome;
use crate::args::{Format, TargetArgs};
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, escape};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print only the value of this output, as it is
    #[arg(value_name = "SERVICE.COMPONENT.OUTPUT")]
    pub name: Option<String>,
    /// Which stack.
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let target = Some(args.target.target(&guest.surroundings));
    let answer = client.outputs(OutputsRequest { context: guest.call(Mode::Tenant)?, target }).await?.into_inner();
    match args.name {
        None => guest.terminal.answer(&answer, &Shapes { quiet: values, text: render })?,
        Some(wanted) => {
            let output = one(&answer, &wanted)?;
            match guest.terminal.format {
                Format::Json => {
                    guest.terminal.answer(output, &Shapes { quiet: |_| String::new(), text: |_, _| String::new() })?
                }
                _ => guest.terminal.raw(&format!("{}\n", output.value))?,
            }
        }
    }
    Ok(exit::DONE)
}

/// The output that was named. The value of a sensitive one is not kept, so nobody can print it.
fn one<'a>(answer: &'a OutputsResponse, wanted: &str) -> Result<&'a NamedOutput, Report> {
    let place = format!("{}/{}", answer.stack, answer.environment);
    let found = answer.outputs.iter().find(|output| format!("{}.{}", output.component, output.name) == wanted);
    match found {
        Some(output) if output.sensitive => Err(Report::new(
            "POLICY_DENIED",
            format!("the output {wanted} of {place} is sensitive: its value is not kept"),
        )
        .hint("read it where the component keeps it, such as in its secret store")),
        Some(output) => Ok(output),
        None => {
            let names: Vec<String> = answer.outputs.iter().map(name).collect();
            let report = Report::new("NOT_FOUND", format!("{place} has no output `{wanted}`"));
            Err(match names.is_empty() {
                true => report.hint("nothing deployed there has outputs"),
                false => report.hint(format!("there are: {}", names.join(", "))),
            })
        }
    }
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
    fn one_output_is_found_by_its_whole_name_and_a_sensitive_one_is_refused() {
        let output = |name: &str, sensitive| NamedOutput {
            component: "email.api".to_owned(),
            name: name.to_owned(),
            value: if sensitive { String::new() } else { "http://x".to_owned() },
            sensitive,
        };
        let answer = OutputsResponse {
            outputs: vec![output("token", true), output("url", false)],
            ..OutputsResponse::default()
        };
        assert_eq!(one(&answer, "email.api.url").unwrap().value, "http://x");
        let exit = |wanted| one(&answer, wanted).unwrap_err().exit();
        assert_eq!((exit("email.api.token"), exit("url")), (exit::Exit(7), exit::Exit(8)));
    }

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
