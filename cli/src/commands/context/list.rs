//! `deployer context list`.

use deployer_proto::v1::context_service_client::ContextServiceClient;
use deployer_proto::v1::{Context, ListContextsRequest, ListContextsResponse, Mode};

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
    let mut client = ContextServiceClient::new(guest.channel().await?);
    let request = ListContextsRequest { context: guest.call(Mode::Unspecified)? };
    let answer = client.list(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: names, text: render })?;
    Ok(exit::DONE)
}

fn names(answer: &ListContextsResponse) -> String {
    answer.contexts.iter().map(|context| context.name.as_str()).collect::<Vec<_>>().join("\n")
}

fn render(answer: &ListContextsResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.heading("Contexts");
    if answer.contexts.is_empty() {
        page.rule().line("No contexts yet. Sign in: deployer login, or deployer admin login");
        return page.text();
    }
    let rows: Vec<Vec<String>> = answer.contexts.iter().map(|context| row(context, look)).collect();
    format!("{}{}", page.text(), table::render(&["NAME", "MODE", "CURRENT", "SESSION"], &rows, look))
}

fn row(context: &Context, look: &Look) -> Vec<String> {
    let mode = if context.mode() == Mode::Admin { "admin" } else { "tenant" };
    let session = match (context.signed_in, context.expires.as_str()) {
        (false, _) => "signed out".to_owned(),
        (true, "") => "signed in".to_owned(),
        (true, expires) => format!("ends {}", value::age(expires, look.now)),
    };
    let current = if context.current { "yes" } else { "" };
    vec![context.name.clone(), mode.to_owned(), current.to_owned(), session]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_say_which_one_is_current() {
        let context = |name: &str, mode: Mode, current, expires: &str| Context {
            name: name.to_owned(),
            mode: mode.into(),
            current,
            signed_in: !expires.is_empty(),
            expires: expires.to_owned(),
            ..Context::default()
        };
        let contexts = vec![
            context("admin@state", Mode::Admin, true, "2024-01-15T20:00:00Z"),
            context("payments-team@state", Mode::Tenant, false, ""),
        ];
        let text = Look::plain().finish(&render(&ListContextsResponse { contexts }, &Look::plain()));
        let rule = "─".repeat(64);
        assert_eq!(
            text,
            format!(
                "Contexts\n{rule}\n\
                 NAME                 MODE    CURRENT  SESSION\n{rule}\n\
                 admin@state          admin   yes      ends in 8h\n\
                 payments-team@state  tenant           signed out\n{rule}\n"
            )
        );
    }
}
