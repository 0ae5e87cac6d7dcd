//! `deployer context use`.

use deployer_proto::v1::context_service_client::ContextServiceClient;
use deployer_proto::v1::{Context, Mode, UseContextRequest};

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
    let request = UseContextRequest { context: guest.call(Mode::Unspecified)?, name: args.name };
    let used = client.r#use(request).await?.into_inner().used.unwrap_or_default();
    guest.terminal.answer(&used, &Shapes { quiet: |context| context.name.clone(), text: render })?;
    Ok(exit::DONE)
}

fn render(context: &Context, look: &Look) -> String {
    let mode = if context.mode() == Mode::Admin { "admin" } else { "tenant" };
    let mut page = Page::new(look);
    page.done(&format!("{} is now the current {mode} context", context.name));
    if !context.signed_in {
        page.warning("Its session has ended; sign in again.");
    }
    page.text()
}
