//! `deployer tenant stacks`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{Mode, StackSummary, TenantStacksRequest, TenantStacksResponse};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, table, value};

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub async fn run(guest: &Guest, _args: Args) -> Outcome {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let request = TenantStacksRequest { context: guest.call(Mode::Tenant)? };
    let answer = client.stacks(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: names, text: render })?;
    problems(guest, answer.stacks.iter().map(|stack| stack.problem.as_str()));
    Ok(exit::DONE)
}

/// Warns of each state that cannot be read; the rest was answered.
pub fn problems<'a>(guest: &Guest, problems: impl Iterator<Item = &'a str>) {
    problems.filter(|problem| !problem.is_empty()).for_each(|problem| guest.terminal.warn(problem));
}

/// What nobody can know of an unreadable state is left open.
pub fn known(problem: &str, value: impl ToString) -> String {
    if problem.is_empty() { value.to_string() } else { "-".to_owned() }
}

fn names(answer: &TenantStacksResponse) -> String {
    let names = answer.stacks.iter().map(|stack| format!("{}/{}", stack.stack, stack.environment));
    names.collect::<Vec<_>>().join("\n")
}

fn render(answer: &TenantStacksResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.heading("Stacks");
    if answer.stacks.is_empty() {
        page.rule().line("Nothing is deployed yet. Write a stack: deployer stack init");
        return page.text();
    }
    let rows: Vec<Vec<String>> = answer.stacks.iter().map(|stack| row(stack, look)).collect();
    let headers = ["STACK", "ENVIRONMENT", "STATUS", "SERVICES", "COMPONENTS", "UPDATED"];
    let total = value::count(answer.stacks.len() as u64, "deployment");
    format!("{}{}Total: {total}\n", page.text(), table::render(&headers, &rows, look))
}

fn row(stack: &StackSummary, look: &Look) -> Vec<String> {
    let updated = if stack.updated.is_empty() { "never".to_owned() } else { value::age(&stack.updated, look.now) };
    let [services, components] = [stack.services, stack.components].map(|count| known(&stack.problem, count));
    let updated = known(&stack.problem, updated);
    vec![stack.stack.clone(), stack.environment.clone(), stack.status.clone(), services, components, updated]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_a_table() {
        let stack = StackSummary {
            stack: "notification-platform".to_owned(),
            environment: "production".to_owned(),
            services: 3,
            components: 9,
            updated: "2024-01-15T11:57:00Z".to_owned(),
            status: "deployed".to_owned(),
            problem: String::new(),
        };
        let broken = StackSummary {
            stack: "sms-platform".to_owned(),
            environment: "staging".to_owned(),
            status: "unreadable".to_owned(),
            problem: "state.json cannot be read".to_owned(),
            ..StackSummary::default()
        };
        let text = Look::plain().finish(&render(&TenantStacksResponse { stacks: vec![stack, broken] }, &Look::plain()));
        let rule = "─".repeat(77);
        assert_eq!(
            text,
            format!(
                "Stacks\n{rule}\n\
                 STACK                  ENVIRONMENT  STATUS      SERVICES  COMPONENTS  UPDATED\n{rule}\n\
                 notification-platform  production   deployed    3         9           3m ago\n\
                 sms-platform           staging      unreadable  -         -           -\n{rule}\n\
                 Total: 2 deployments\n"
            )
        );
    }
}
