//! `deployer context remove`.

use deployer_proto::v1::context_service_client::ContextServiceClient;
use deployer_proto::v1::{Context, Mode, RemoveContextRequest};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::Look;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The context's name; see `deployer context list`
    pub name: String,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = ContextServiceClient::new(guest.channel().await?);
    let request = RemoveContextRequest { context: guest.call(Mode::Unspecified)?, name: args.name };
    let removed = client.remove(request).await?.into_inner().removed.unwrap_or_default();
    guest.terminal.answer(&removed, &Shapes { quiet: |context| context.name.clone(), text: render })?;
    Ok(exit::DONE)
}

fn render(context: &Context, look: &Look) -> String {
    let mut page = Page::new(look);
    page.done(&format!("Removed {} and its session", context.name));
    page.text()
}
