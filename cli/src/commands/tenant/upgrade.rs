//! `deployer tenant upgrade`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{
    AbortUpgradeRequest, AbortUpgradeResponse, Mode, TenantUpgraded, UpgradeTenantEvent, UpgradeTenantRequest,
    upgrade_tenant_event,
};

use crate::Outcome;
use crate::args::seconds;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::steps::Steps;
use crate::prompt;
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id
    pub id: String,
    /// The new version namespace, such as v2: one that was never used
    #[arg(long, value_name = "VERSION", required_unless_present = "abort", conflicts_with = "abort")]
    pub to: Option<String>,
    /// Give up an upgrade that was cut off: the tenant works where it worked before
    #[arg(long, conflicts_with = "wait")]
    pub abort: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// How long to wait for runs that are at work, such as 30m [default: not at all]
    #[arg(long, value_name = "DURATION", value_parser = seconds)]
    pub wait: Option<u32>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    // Without `--abort` clap asks for it.
    let Some(to) = args.to else { return abort(guest, args.id, args.yes).await };
    if !args.yes {
        guest.terminal.progress(&format!("\n⚠ Nobody of {} can work while its state moves to {to}.\n\n", args.id));
    }
    prompt::confirm(guest, args.yes, "upgrading a tenant").await?;
    let request = UpgradeTenantRequest {
        context: guest.call(Mode::Admin)?,
        id: args.id,
        to,
        wait_seconds: args.wait.unwrap_or_default(),
    };
    let mut steps = Steps::new(&guest.terminal, "Upgrading tenant...", "Tenant upgraded");
    match upgraded(guest, request, &mut steps).await {
        Ok(done) => {
            steps.succeeded();
            let quiet = |done: &TenantUpgraded| done.tenant.clone().unwrap_or_default().path;
            guest.terminal.answer(&done, &Shapes { quiet, text: render })?;
            Ok(exit::DONE)
        }
        Err(report) => {
            steps.failed();
            Err(report)
        }
    }
}

async fn abort(guest: &Guest, id: String, yes: bool) -> Outcome {
    if !yes {
        guest.terminal.progress(&format!("\n⚠ What the upgrade of {id} has copied is removed again.\n\n"));
    }
    prompt::confirm(guest, yes, "giving up an upgrade").await?;
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let request = AbortUpgradeRequest { context: guest.call(Mode::Admin)?, id };
    let answer = client.abort_upgrade(request).await?.into_inner();
    let quiet = |answer: &AbortUpgradeResponse| answer.tenant.clone().unwrap_or_default().path;
    guest.terminal.answer(&answer, &Shapes { quiet, text: render_aborted })?;
    Ok(exit::DONE)
}

fn render_aborted(answer: &AbortUpgradeResponse, look: &Look) -> String {
    let tenant = answer.tenant.clone().unwrap_or_default();
    let mut page = Page::new(look);
    page.done(&format!("Gave up the upgrade of {}: it works in {}/ as before", tenant.id, tenant.path));
    page.text()
}

async fn upgraded(
    guest: &Guest,
    request: UpgradeTenantRequest,
    steps: &mut Steps<'_>,
) -> Result<TenantUpgraded, Report> {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let mut events = client.upgrade(request).await?.into_inner();
    while let Some(UpgradeTenantEvent { event }) = events.message().await? {
        match event {
            Some(upgrade_tenant_event::Event::Step(step)) => steps.done(&step),
            Some(upgrade_tenant_event::Event::Done(done)) => return Ok(done),
            None => {}
        }
    }
    Err(Report::unreachable("the daemon ended the upgrade without an answer")
        .hint("run the command again: it goes on where it was cut off")
        .hint("or give it up with --abort"))
}

fn render(done: &TenantUpgraded, look: &Look) -> String {
    let tenant = done.tenant.clone().unwrap_or_default();
    let mut page = Page::new(look);
    page.rule().done("Tenant Upgraded").blank();
    page.field("Tenant ID", &tenant.id).field("Path", &format!("{}/", tenant.path));
    page.field("Kept, sealed", &format!("{}/", done.from)).field("Objects", &done.objects.to_string());
    page.rule();
    page.text()
}
