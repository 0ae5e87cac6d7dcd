//! `deployer tenant delete`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{
    DeleteTenantEvent, DeleteTenantRequest, Mode, ShowTenantRequest, TenantDeleted, TenantDetails, delete_tenant_event,
};

use crate::Outcome;
use crate::args::seconds;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::steps::Steps;
use crate::output::{Shapes, value};
use crate::prompt::{self, TypedName};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id
    pub id: String,
    /// Do not ask
    #[arg(long)]
    pub confirm: bool,
    /// Leave what is deployed to itself
    #[arg(long)]
    pub abandon_resources: bool,
    /// How long to wait for runs that are at work, such as 30m [default: not at all]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub wait: Option<u32>,
}

/// Runs it: shows what ends, and asks for the id to be typed.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    if !args.confirm {
        let request = ShowTenantRequest { context: guest.call(Mode::Admin)?, id: args.id.clone() };
        let details = client.show(request).await?.into_inner();
        guest.terminal.progress(&announcement(&details, args.abandon_resources, &guest.terminal.err));
    }
    let typed = TypedName { kind: "the tenant's id", name: &args.id, flag: "--confirm" };
    prompt::confirm_by_name(guest, args.confirm, typed, "deleting a tenant").await?;
    let request = DeleteTenantRequest {
        context: guest.call(Mode::Admin)?,
        id: args.id,
        abandon_resources: args.abandon_resources,
        wait_seconds: args.wait.unwrap_or_default(),
    };
    let mut steps = Steps::new(&guest.terminal, "Deleting tenant...", "Tenant deleted");
    match deleted(client, request, &mut steps).await {
        Ok(done) => {
            steps.succeeded();
            guest.terminal.answer(&done, &Shapes { quiet: |done| done.archive.clone(), text: render })?;
            Ok(exit::DONE)
        }
        Err(report) => {
            steps.failed();
            Err(report)
        }
    }
}

async fn deleted(
    mut client: TenantServiceClient<tonic::transport::Channel>,
    request: DeleteTenantRequest,
    steps: &mut Steps<'_>,
) -> Result<TenantDeleted, Report> {
    let mut events = client.delete(request).await?.into_inner();
    while let Some(DeleteTenantEvent { event }) = events.message().await? {
        match event {
            Some(delete_tenant_event::Event::Step(step)) => steps.done(&step),
            Some(delete_tenant_event::Event::Done(done)) => return Ok(done),
            None => {}
        }
    }
    Err(Report::unreachable("the daemon ended the deletion without an answer")
        .hint("run the command again: it goes on where it was cut off"))
}

fn announcement(details: &TenantDetails, abandon: bool, look: &Look) -> String {
    let tenant = details.tenant.clone().unwrap_or_default();
    let mut page = Page::new(look);
    page.blank().heading("Delete Tenant").rule().blank();
    page.field("Tenant", &format!("{} ({})", tenant.id, tenant.display_name));
    page.field("Stacks", &details.stack_count.to_string()).blank();
    page.warning("Nobody of the team can work any more. Everything is archived for 30 days.");
    if abandon && details.stack_count > 0 {
        page.line("  What is deployed stays as it is, and nothing manages it any more.");
    }
    page.blank();
    page.text()
}

fn render(done: &TenantDeleted, look: &Look) -> String {
    let tenant = done.tenant.clone().unwrap_or_default();
    let mut page = Page::new(look);
    page.rule().done("Tenant Deleted").blank();
    page.field("Tenant ID", &tenant.id);
    page.field("Archive", &format!("{}/", done.archive)).field("Objects", &done.objects.to_string());
    page.field("Kept until", &value::date(&done.purgeable)).blank();
    page.line(&format!("Bring it back with `deployer tenant restore {}`.", tenant.id));
    page.rule();
    page.text()
}
