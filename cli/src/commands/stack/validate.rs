//! `deployer stack validate`.

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{Mode, ValidateRequest, ValidateResponse};

use crate::Outcome;
use crate::args::TargetArgs;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::output::{Shapes, escape, value};
use crate::report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which stack.
    #[command(flatten)]
    pub target: TargetArgs,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let request = ValidateRequest {
        context: guest.call(Mode::Unspecified)?,
        target: Some(args.target.target(&guest.surroundings)),
        ..ValidateRequest::default()
    };
    let answer = client.validate(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: problems, text: render })?;
    Ok(if answer.problems.is_empty() { exit::DONE } else { exit::of_reason("MANIFEST_INVALID") })
}

fn problems(answer: &ValidateResponse) -> String {
    answer.problems.iter().map(report::problem_line).collect::<Vec<_>>().join("\n")
}

fn render(answer: &ValidateResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    if answer.problems.is_empty() {
        let services = value::count(answer.services, "service");
        let components = value::count(answer.components, "component");
        page.done(&format!("{} is valid: stack {}, {services}, {components}", answer.file, answer.stack));
        return page.text();
    }
    let number = value::count(answer.problems.len() as u64, "problem");
    page.line(&paint::red(format!("✗ {} has {number}", escape::line(&answer.file))));
    for problem in &answer.problems {
        page.line(&format!("  {}", escape::line(&report::problem_line(problem))));
    }
    page.text()
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::Problem;

    use super::*;

    #[test]
    fn all_problems_are_shown_with_their_places() {
        let problem = |line, column, message: &str, hint: &str| Problem {
            file: "demo/stack.yaml".to_owned(),
            line,
            column,
            message: message.to_owned(),
            hint: hint.to_owned(),
        };
        let answer = ValidateResponse {
            file: "/work/demo/stack.yaml".to_owned(),
            problems: vec![
                problem(7, 13, "unknown type `sqs`", "did you mean `sqs-queue`?"),
                problem(0, 0, "no services", ""),
            ],
            ..ValidateResponse::default()
        };
        assert_eq!(
            Look::plain().finish(&render(&answer, &Look::plain())),
            "✗ /work/demo/stack.yaml has 2 problems\n\
             \x20 demo/stack.yaml:7:13: unknown type `sqs`; did you mean `sqs-queue`?\n\
             \x20 demo/stack.yaml: no services\n"
        );
        let valid =
            ValidateResponse { problems: Vec::new(), stack: "demo".to_owned(), services: 1, components: 2, ..answer };
        assert_eq!(
            Look::plain().finish(&render(&valid, &Look::plain())),
            "✓ /work/demo/stack.yaml is valid: stack demo, 1 service, 2 components\n"
        );
    }
}
