//! `deployer stack remove`.

use deployer_proto::v1::stack_service_client::StackServiceClient;
use deployer_proto::v1::{Mode, RemoveStackRequest, RemoveStackResponse, ShowStackRequest, StackTarget};

use crate::Outcome;
use crate::args::{PlaceArgs, seconds};
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::prompt::{self, TypedName};
use crate::report::Report;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing may be deployed any more: destroy it first. The stack's own files are not touched.
The audit stays.")]
pub struct Args {
    /// Which stack; without an environment all of them are removed
    #[command(flatten)]
    pub place: PlaceArgs,
    /// Confirm: do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// How long to wait for the lock, such as 30m [default: not at all]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub wait: Option<u32>,
}

/// Runs it: the stack's name must be typed, or --yes given.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = StackServiceClient::new(guest.channel().await?);
    let mut target = args.place.target(&guest.surroundings);
    if target.stack.is_empty() {
        target.stack = name(guest, &mut client, target.clone()).await?;
    }
    let typed = TypedName { kind: "the stack's name", name: &target.stack.clone(), flag: "--yes" };
    if !args.yes {
        let place = match target.environment.as_str() {
            "" => format!("{}, all environments", target.stack),
            environment => format!("{}/{environment}", target.stack),
        };
        guest.terminal.progress(&format!("\nHistory, sources and runs of {place} are deleted for good.\n"));
    }
    prompt::confirm_by_name(guest, args.yes, typed, &format!("removing {}", target.stack)).await?;
    let request = RemoveStackRequest {
        context: guest.call(Mode::Tenant)?,
        target: Some(target),
        wait_seconds: args.wait.unwrap_or_default(),
    };
    let answer = client.remove(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: |answer| answer.stack.clone(), text: render })?;
    Ok(exit::DONE)
}

/// The name that the stack file says.
async fn name(
    guest: &Guest,
    client: &mut StackServiceClient<tonic::transport::Channel>,
    target: StackTarget,
) -> Result<String, Report> {
    let request = ShowStackRequest { context: guest.call(Mode::Unspecified)?, target: Some(target) };
    Ok(client.show(request).await?.into_inner().name)
}

fn render(answer: &RemoveStackResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.done(&format!("Removed {}", answer.stack));
    page.field("Environments", &answer.environments.join(", "));
    page.field("Documents", &answer.documents.to_string());
    page.text()
}
