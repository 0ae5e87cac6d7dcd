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
    Ok(exit::DONE)
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
    let (services, components) = (stack.services.to_string(), stack.components.to_string());
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
        };
        let text = Look::plain().finish(&render(&TenantStacksResponse { stacks: vec![stack] }, &Look::plain()));
        let rule = "─".repeat(75);
        assert_eq!(
            text,
            format!(
                "Stacks\n{rule}\n\
                 STACK                  ENVIRONMENT  STATUS    SERVICES  COMPONENTS  UPDATED\n{rule}\n\
                 notification-platform  production   deployed  3         9           3m ago\n{rule}\n\
                 Total: 1 deployment\n"
            )
        );
    }
}
