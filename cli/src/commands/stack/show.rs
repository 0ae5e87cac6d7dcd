//! `deployer stack show`.

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{ComponentDescription, Mode, ShowStackRequest, ShowStackResponse, VariableDescription};

use crate::Outcome;
use crate::args::TargetArgs;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, table};

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
    let request = ShowStackRequest { context: guest.call(Mode::Unspecified)?, target };
    let answer = client.show(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: ids, text: render })?;
    Ok(exit::DONE)
}

fn ids(answer: &ShowStackResponse) -> String {
    answer.components.iter().map(|component| component.id.as_str()).collect::<Vec<_>>().join("\n")
}

fn render(answer: &ShowStackResponse, look: &Look) -> String {
    let mut page = Page::titled(look, &format!("Stack: {}", answer.name));
    page.field_if("Description", &answer.description).field("File", &answer.file);
    page.field_if("Environments", &answer.environments.join(", "));
    if !answer.variables.is_empty() {
        page.section("Variables");
        for variable in &answer.variables {
            page.item(&described(variable));
        }
    }
    page.section("Components");
    let rows: Vec<Vec<String>> = answer.components.iter().map(row).collect();
    format!("{}{}", page.text(), table::render(&["COMPONENT", "TYPE", "ENGINE", "DEPENDS ON"], &rows, look))
}

fn described(variable: &VariableDescription) -> String {
    let mut notes = Vec::new();
    if variable.required {
        notes.push("required".to_owned());
    }
    if variable.sensitive {
        notes.push("sensitive".to_owned());
    }
    if !variable.default_value.is_empty() {
        notes.push(format!("default: {}", variable.default_value));
    }
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
    let description =
        if variable.description.is_empty() { String::new() } else { format!(" - {}", variable.description) };
    format!("{}{notes}{description}", variable.name)
}

fn row(component: &ComponentDescription) -> Vec<String> {
    vec![component.id.clone(), component.r#type.clone(), component.engine.clone(), component.depends_on.join(", ")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_shows_its_variables_and_components() {
        let component = |id: &str, depends_on: &[&str]| ComponentDescription {
            id: id.to_owned(),
            r#type: "command".to_owned(),
            engine: "command".to_owned(),
            depends_on: depends_on.iter().map(|id| (*id).to_owned()).collect(),
            ..ComponentDescription::default()
        };
        let answer = ShowStackResponse {
            name: "demo".to_owned(),
            file: "/work/demo/stack.yaml".to_owned(),
            environments: vec!["development".to_owned(), "production".to_owned()],
            variables: vec![VariableDescription {
                name: "VERSION".to_owned(),
                description: "Image tag".to_owned(),
                default_value: "latest".to_owned(),
                ..VariableDescription::default()
            }],
            components: vec![component("email.queue", &[]), component("email.api", &["email.queue"])],
            ..ShowStackResponse::default()
        };
        let rule = "─".repeat(64);
        assert_eq!(
            Look::plain().finish(&render(&answer, &Look::plain())),
            format!(
                "Stack: demo\n\
                 ────────────────────────────────────────────────\n\
                 File: /work/demo/stack.yaml\n\
                 Environments: development, production\n\
                 \n\
                 Variables:\n\
                 \x20 • VERSION (default: latest) - Image tag\n\
                 \n\
                 Components:\n{rule}\n\
                 COMPONENT    TYPE     ENGINE   DEPENDS ON\n{rule}\n\
                 email.queue  command  command\n\
                 email.api    command  command  email.queue\n{rule}\n"
            )
        );
    }
}
