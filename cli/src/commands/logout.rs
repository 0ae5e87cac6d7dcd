//! `deployer logout`.

use deployer_proto::v1::session_service_client::SessionServiceClient;
use deployer_proto::v1::{LogoutRequest, LogoutResponse, Mode};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::Look;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub async fn run(guest: &Guest, _args: Args) -> Outcome {
    leave(guest, Mode::Tenant).await
}

/// Ends the session of a mode.
pub async fn leave(guest: &Guest, mode: Mode) -> Outcome {
    let mut client = SessionServiceClient::new(guest.channel().await?);
    let request = LogoutRequest { context: guest.call(mode)?, mode: mode.into() };
    let answer = client.logout(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: |answer| answer.context_name.clone(), text: render })?;
    Ok(exit::DONE)
}

fn render(answer: &LogoutResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    match answer.context_name.as_str() {
        "" => page.line("Nobody was signed in."),
        name => page.done(&format!("Logged out of {name}")),
    };
    page.text()
}
