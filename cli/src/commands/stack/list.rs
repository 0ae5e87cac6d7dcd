//! `deployer stack list`.

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{ListStacksRequest, ListStacksResponse, Mode, StackRow};

use crate::Outcome;
use crate::commands::tenant::stacks::{known, problems};
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, table, value};

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub async fn run(guest: &Guest, _args: Args) -> Outcome {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let answer = client.list(ListStacksRequest { context: guest.call(Mode::Tenant)? }).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: names, text: render })?;
    problems(guest, answer.stacks.iter().map(|stack| stack.problem.as_str()));
    Ok(exit::DONE)
}

fn names(answer: &ListStacksResponse) -> String {
    let names = answer.stacks.iter().map(|stack| format!("{}/{}", stack.stack, stack.environment));
    names.collect::<Vec<_>>().join("\n")
}

fn render(answer: &ListStacksResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.heading("Stacks");
    if answer.stacks.is_empty() {
        page.rule().line("Nothing is deployed yet. Write a stack: deployer stack init");
        return page.text();
    }
    let rows: Vec<Vec<String>> = answer.stacks.iter().map(|stack| row(stack, look)).collect();
    let headers = ["STACK", "ENVIRONMENT", "STATUS", "SERVICES", "COMPONENTS", "RUN", "UPDATED"];
    format!("{}{}", page.text(), table::render(&headers, &rows, look))
}

fn row(stack: &StackRow, look: &Look) -> Vec<String> {
    let run = if stack.history_number == 0 { "-".to_owned() } else { format!("#{}", stack.history_number) };
    let updated = if stack.updated.is_empty() { "never".to_owned() } else { value::age(&stack.updated, look.now) };
    let [services, components] = [stack.services, stack.components].map(|count| known(&stack.problem, count));
    let [run, updated] = [run, updated].map(|text| known(&stack.problem, text));
    vec![stack.stack.clone(), stack.environment.clone(), stack.status.clone(), services, components, run, updated]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_say_when_they_changed() {
        let stack = StackRow {
            stack: "sms".to_owned(),
            environment: "staging".to_owned(),
            services: 2,
            components: 4,
            status: "failed".to_owned(),
            history_number: 12,
            updated: "2024-01-15T10:00:00Z".to_owned(),
            problem: String::new(),
        };
        let text = Look::plain().finish(&render(&ListStacksResponse { stacks: vec![stack] }, &Look::plain()));
        let rule = "─".repeat(64);
        assert_eq!(
            text,
            format!(
                "Stacks\n{rule}\n\
                 STACK  ENVIRONMENT  STATUS  SERVICES  COMPONENTS  RUN  UPDATED\n{rule}\n\
                 sms    staging      failed  2         4           #12  2h ago\n{rule}\n"
            )
        );
    }
}
