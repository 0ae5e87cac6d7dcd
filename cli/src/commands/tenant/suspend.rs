//! `deployer tenant suspend`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{Mode, SuspendTenantRequest, SuspendTenantResponse};

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
    let request = SuspendTenantRequest { context: guest.call(Mode::Admin)?, id: args.id };
    let suspended = client.suspend(request).await?.into_inner();
    guest.terminal.answer(&suspended, &Shapes { quiet: id, text: render })?;
    Ok(exit::DONE)
}

fn id(suspended: &SuspendTenantResponse) -> String {
    suspended.tenant.clone().unwrap_or_default().id
}

fn render(suspended: &SuspendTenantResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.done(&format!("Suspended {}", id(suspended)));
    page.line("  Nobody can sign in; sessions that exist are not renewed and live until they expire.");
    page.line(&format!("  Lift it with `deployer tenant activate {}`.", id(suspended)));
    page.text()
}
