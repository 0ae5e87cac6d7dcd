//! `deployer tenant migrate`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{MigrateTenantEvent, MigrateTenantRequest, Mode, TenantMigrated, migrate_tenant_event};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::steps::Steps;
use crate::output::{Shapes, value};
use crate::prompt;
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id
    pub id: String,
    /// Where the stacks are, such as stacks/
    #[arg(long, value_name = "PREFIX")]
    pub from: String,
    /// Only show what would be taken over
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Runs it: shows what there is, asks, and takes it over.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let request = |dry_run| -> Result<MigrateTenantRequest, Report> {
        let context = guest.call(Mode::Admin)?;
        Ok(MigrateTenantRequest { context, id: args.id.clone(), from: args.from.clone(), dry_run })
    };
    let shapes = Shapes { quiet: |done: &TenantMigrated| done.objects.to_string(), text: render };
    if args.dry_run || !args.yes {
        let found = migrated(guest, request(true)?, None).await?;
        if args.dry_run {
            guest.terminal.answer(&found, &shapes)?;
            return Ok(exit::DONE);
        }
        guest.terminal.progress(&format!("\n{}\n", guest.terminal.err.finish(&render(&found, &guest.terminal.err))));
        prompt::confirm(guest, false, "migrating into a tenant").await?;
    }
    let mut steps = Steps::new(&guest.terminal, "Migrating...", "Migrated successfully");
    match migrated(guest, request(false)?, Some(&mut steps)).await {
        Ok(done) => {
            steps.succeeded();
            guest.terminal.answer(&done, &shapes)?;
            Ok(exit::DONE)
        }
        Err(report) => {
            steps.failed();
            Err(report)
        }
    }
}

async fn migrated(
    guest: &Guest,
    request: MigrateTenantRequest,
    mut steps: Option<&mut Steps<'_>>,
) -> Result<TenantMigrated, Report> {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let mut events = client.migrate(request).await?.into_inner();
    while let Some(MigrateTenantEvent { event }) = events.message().await? {
        match event {
            Some(migrate_tenant_event::Event::Step(step)) => {
                if let Some(steps) = &mut steps {
                    steps.done(&step);
                }
            }
            Some(migrate_tenant_event::Event::Done(done)) => return Ok(done),
            None => {}
        }
    }
    Err(Report::unreachable("the daemon ended the migration without an answer")
        .hint("run the command again: what is there already is compared and not written again"))
}

fn render(done: &TenantMigrated, look: &Look) -> String {
    let tenant = done.tenant.clone().unwrap_or_default();
    let mut page = Page::new(look);
    page.rule();
    if done.dry_run {
        page.heading("Would be migrated");
    } else {
        page.done("Migrated");
    }
    page.blank().field("Tenant ID", &tenant.id).field("From", &done.from).field("To", &done.to);
    page.field("Environments of stacks", &done.stacks.to_string());
    page.field("Objects", &format!("{} ({})", done.objects, value::bytes(done.bytes)));
    if !done.dry_run {
        page.blank().line(
            "What was there is kept. Its states are sealed: an older tool that honours that works with them no more.",
        );
    }
    page.rule();
    page.text()
}
