//! `deployer admin sync`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{Mode, SyncTenantsRequest, SyncTenantsResponse};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, value};

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub async fn run(guest: &Guest, _args: Args) -> Outcome {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let synced = client.sync(SyncTenantsRequest { context: guest.call(Mode::Admin)? }).await?.into_inner();
    guest.terminal.answer(&synced, &Shapes { quiet: |synced| synced.written.to_string(), text: render })?;
    Ok(exit::DONE)
}

fn render(synced: &SyncTenantsResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    let entries = match (synced.written, synced.removed) {
        (0, 0) => "nothing differed".to_owned(),
        (written, 0) => format!("{written} written"),
        (written, removed) => format!("{written} written, {removed} removed"),
    };
    page.done(&format!("Compared {} with tenants.yaml: {entries}", value::count(synced.tenants, "tenant")));
    page.text()
}
