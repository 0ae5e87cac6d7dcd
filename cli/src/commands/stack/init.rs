//! `deployer stack init`.

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{InitStackRequest, InitStackResponse, Mode};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, escape};
use crate::prompt::{self, Question};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The stack's name; its file is NAME/stack.yaml [env: DEPLOYER_STACK]
    pub name: Option<String>,
    /// Which template to start from [default: command]
    #[arg(long, value_name = "TEMPLATE")]
    pub template: Option<String>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let name = prompt::text(guest, args.name, Question::new("Stack Name", "NAME", "DEPLOYER_STACK")).await?;
    let mut client = StackServiceClient::new(guest.channel().await?);
    let request =
        InitStackRequest { context: guest.call(Mode::Unspecified)?, name, template: args.template.unwrap_or_default() };
    let answer = client.init(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: |answer| answer.file.clone(), text: render })?;
    Ok(exit::DONE)
}

fn render(answer: &InitStackResponse, look: &Look) -> String {
    let stack = escape::line(&answer.stack);
    let mut page = Page::new(look);
    page.done(&format!("Created {}", answer.file));
    page.section("Next steps");
    page.line(&format!("  Edit {}", escape::line(&answer.file)));
    page.line(&format!("  deployer stack validate --stack {stack}"));
    page.line(&format!("  deployer plan --stack {stack} --environment ENVIRONMENT"));
    page.text()
}
