//! `deployer render`.

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{Mode, RenderRequest, RenderResponse, RenderedTemplate};

use crate::Outcome;
use crate::args::TargetArgs;
use crate::exit;
use crate::guest::Guest;
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
    let answer = client.render(RenderRequest { context: guest.call(Mode::Tenant)?, target }).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: templates, text: render })?;
    Ok(exit::DONE)
}

fn templates(answer: &RenderResponse) -> String {
    answer.templates.iter().map(|rendered| rendered.template.trim_end()).collect::<Vec<_>>().join("\n")
}

/// One template is printed as it is, for a file or a pipe; several stand under headings.
fn render(answer: &RenderResponse, _look: &Look) -> String {
    match answer.templates.as_slice() {
        [] => "No typed components: nothing is generated for this stack.\n".to_owned(),
        [only] => shown(&only.template),
        several => several.iter().map(section).collect::<Vec<_>>().join("\n"),
    }
}

fn section(rendered: &RenderedTemplate) -> String {
    let mut text = format!("# {} ({})\n# stack {}\n", rendered.component, rendered.r#type, rendered.stack_name);
    for parameter in &rendered.parameters {
        text.push_str(&format!("# {} = {}\n", parameter.name, escape::line(&parameter.value)));
    }
    if !rendered.capabilities.is_empty() {
        text.push_str(&format!("# needs {}\n", rendered.capabilities.join(", ")));
    }
    text.push_str(&shown(&rendered.template));
    text
}

fn shown(template: &str) -> String {
    template.trim_end().lines().map(|line| format!("{}\n", escape::line(line))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(component: &str) -> RenderedTemplate {
        RenderedTemplate {
            component: component.to_owned(),
            r#type: "sqs-queue".to_owned(),
            stack_name: format!("deployer-0-{component}"),
            template: "{}\n".to_owned(),
            ..RenderedTemplate::default()
        }
    }

    #[test]
    fn one_template_is_printed_as_it_is() {
        let answer = RenderResponse { templates: vec![rendered("a.b")], ..RenderResponse::default() };
        assert_eq!(render(&answer, &Look::plain()), "{}\n");
    }

    #[test]
    fn several_templates_stand_under_headings() {
        let answer = RenderResponse { templates: vec![rendered("a.b"), rendered("a.c")], ..RenderResponse::default() };
        let want = "# a.b (sqs-queue)\n# stack deployer-0-a.b\n{}\n\n# a.c (sqs-queue)\n# stack deployer-0-a.c\n{}\n";
        assert_eq!(render(&answer, &Look::plain()), want);
    }
}
