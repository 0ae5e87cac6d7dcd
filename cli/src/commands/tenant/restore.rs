//! `deployer tenant restore`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{Mode, RestoreTenantEvent, RestoreTenantRequest, TenantRestored, restore_tenant_event};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::output::steps::Steps;
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The id of the tenant that was deleted
    pub id: String,
    /// The archive, such as 20240120T143000Z, as `deployer tenant list --deleted` shows them [default: the newest]
    #[arg(long, value_name = "ARCHIVE")]
    pub from: Option<String>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let client = TenantServiceClient::new(guest.channel().await?);
    let request =
        RestoreTenantRequest { context: guest.call(Mode::Admin)?, id: args.id, from: args.from.unwrap_or_default() };
    let mut steps = Steps::new(&guest.terminal, "Restoring tenant...", "Tenant restored");
    match restored(client, request, &mut steps).await {
        Ok(done) => {
            steps.succeeded();
            let shown = guest.terminal.answer(&done, &Shapes { quiet: |done| done.secret.clone(), text: render });
            shown.map_err(|report| super::unseen(done.tenant.as_ref(), &report))?;
            Ok(exit::DONE)
        }
        Err(report) => {
            steps.failed();
            Err(report)
        }
    }
}

async fn restored(
    mut client: TenantServiceClient<tonic::transport::Channel>,
    request: RestoreTenantRequest,
    steps: &mut Steps<'_>,
) -> Result<TenantRestored, Report> {
    let id = request.id.clone();
    let mut events = client.restore(request).await?.into_inner();
    while let Some(RestoreTenantEvent { event }) = events.message().await? {
        match event {
            Some(restore_tenant_event::Event::Step(step)) => steps.done(&step),
            Some(restore_tenant_event::Event::Done(done)) => return Ok(done),
            None => {}
        }
    }
    Err(Report::unreachable("the daemon ended the restoration without an answer")
        .hint(format!("run the command again; if the tenant is there already: `deployer tenant rotate {id}`")))
}

fn render(done: &TenantRestored, look: &Look) -> String {
    let tenant = done.tenant.clone().unwrap_or_default();
    let mut page = Page::new(look);
    page.rule().done("Tenant Restored").blank();
    page.field("Tenant ID", &tenant.id).field("Objects", &done.objects.to_string());
    page.field("New Tenant Secret", &done.secret);
    let indent = " ".repeat("New Tenant Secret: ".len());
    page.line(&format!("{indent}{}", "^".repeat(done.secret.chars().count())));
    page.line(&paint::yellow(format!("{indent}SHARE WITH TEAM SECURELY")));
    page.rule();
    page.text()
}
