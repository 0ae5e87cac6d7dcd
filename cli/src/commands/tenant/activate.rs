//! `deployer tenant activate`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{ActivateTenantRequest, ActivateTenantResponse, Mode};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::Look;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id
    pub id: String,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let request = ActivateTenantRequest { context: guest.call(Mode::Admin)?, id: args.id };
    let activated = client.activate(request).await?.into_inner();
    guest.terminal.answer(&activated, &Shapes { quiet: id, text: render })?;
    Ok(exit::DONE)
}

fn id(activated: &ActivateTenantResponse) -> String {
    activated.tenant.clone().unwrap_or_default().id
}

fn render(activated: &ActivateTenantResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.done(&format!("Activated {}", id(activated)));
    page.line("  It can sign in again with the secret that it has.");
    page.text()
}
