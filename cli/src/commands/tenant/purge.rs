//! `deployer tenant purge`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{Mode, PurgeTenantRequest, PurgeTenantResponse};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, value};
use crate::prompt::{self, TypedName};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of the tenant that was deleted
    pub id: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Runs it: what is purged is gone for ever, so the id must be typed.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let typed = TypedName { kind: "the tenant's id", name: &args.id, flag: "--yes" };
    prompt::confirm_by_name(guest, args.yes, typed, "purging the archives of a tenant").await?;
    let purged =
        client.purge(PurgeTenantRequest { context: guest.call(Mode::Admin)?, id: args.id }).await?.into_inner();
    guest.terminal.answer(&purged, &Shapes { quiet: |purged| purged.archives.to_string(), text: render })?;
    Ok(exit::DONE)
}

fn render(purged: &PurgeTenantResponse, look: &Look) -> String {
    let (archives, objects) = (value::count(purged.archives, "archive"), value::count(purged.objects, "object"));
    let mut page = Page::new(look);
    page.done(&format!("Purged {archives} with {objects}"));
    page.text()
}
