//! `deployer stack validate`.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{Mode, ValidateRequest, ValidateResponse};

use crate::Outcome;
use crate::args::TargetArgs;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::output::{Shapes, escape, value};
use crate::report::{self, Report};

/// How much of a text is read, in bytes: more than any stack file that is accepted.
const LONGEST_TEXT: u64 = 4 << 20;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which stack.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Check the text on stdin in place of the text of --file, as editors do while somebody types.
    #[arg(long, requires = "file")]
    pub text_stdin: bool,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let context = guest.call(Mode::Unspecified)?;
    let target = args.target.target(&guest.surroundings);
    let mut unsaved = HashMap::new();
    if args.text_stdin {
        let cwd = context.as_ref().map(|context| context.cwd.as_str()).unwrap_or_default();
        let file = Path::new(cwd).join(&target.file);
        unsaved.insert(file.to_string_lossy().into_owned(), text_from_stdin()?);
    }
    let request = ValidateRequest { context, target: Some(target), unsaved };
    let answer = client.validate(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: problems, text: render })?;
    Ok(if answer.problems.is_empty() { exit::DONE } else { exit::of_reason("MANIFEST_INVALID") })
}

fn text_from_stdin() -> Result<String, Report> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(LONGEST_TEXT).read_to_string(&mut text);
    read.map_err(|error| Report::usage("could not read the text from stdin").caused_by(error.to_string()))?;
    Ok(text)
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
