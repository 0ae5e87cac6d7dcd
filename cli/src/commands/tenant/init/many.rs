//! `deployer tenant init --from FILE`: many tenants at once.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{CreateTenantsEvent, CreateTenantsRequest, Mode, TenantsCreated, create_tenants_event};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::output::steps::Steps;
use crate::output::{Shapes, escape, table, value};
use crate::report::Report;

/// Creates the tenants of a file; nobody is asked anything.
pub async fn run(guest: &Guest, file: String) -> Outcome {
    let request = CreateTenantsRequest { context: guest.call(Mode::Admin)?, file };
    let mut steps = Steps::new(&guest.terminal, "Creating tenants...", "Tenants created successfully");
    match created(guest, request, &mut steps).await {
        Ok(done) => {
            steps.succeeded();
            guest.terminal.answer(&done, &Shapes { quiet: secrets, text: render })?;
            Ok(exit::DONE)
        }
        Err(report) => {
            steps.failed();
            Err(report)
        }
    }
}

async fn created(
    guest: &Guest,
    request: CreateTenantsRequest,
    steps: &mut Steps<'_>,
) -> Result<TenantsCreated, Report> {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let mut events = client.create_many(request).await?.into_inner();
    while let Some(CreateTenantsEvent { event }) = events.message().await? {
        match event {
            Some(create_tenants_event::Event::Step(step)) => steps.done(&step),
            Some(create_tenants_event::Event::Done(done)) => return Ok(done),
            None => {}
        }
    }
    Err(Report::unreachable("the daemon ended the creation without an answer")
        .hint("look which tenants exist: `deployer tenant list`"))
}

/// A line a tenant: its id and its secret.
fn secrets(done: &TenantsCreated) -> String {
    let lines = done.created.iter().map(|one| format!("{} {}", id(one.tenant.as_ref()), one.secret));
    lines.collect::<Vec<_>>().join("\n")
}

fn id(tenant: Option<&deployer_proto::v1::Tenant>) -> &str {
    tenant.map_or("", |tenant| tenant.id.as_str())
}

fn render(done: &TenantsCreated, look: &Look) -> String {
    let mut page = Page::new(look);
    if !done.created.is_empty() {
        page.done(&format!("{} Created", value::count(done.created.len() as u64, "Tenant"))).blank();
        let rows = done.created.iter().map(|one| vec![id(one.tenant.as_ref()).to_owned(), one.secret.clone()]);
        let rows: Vec<Vec<String>> = rows.collect();
        page.line(table::render(&["ID", "SECRET"], &rows, look).trim_end_matches('\n'));
        page.line(&paint::yellow("SAVE THE SECRETS - THEY CANNOT BE RECOVERED"));
    }
    if !done.existing.is_empty() {
        page.section("Exist already with the same data, left alone");
        for tenant in &done.existing {
            page.item(&tenant.id);
        }
        page.line("Their secrets were shown when they were created; a new one: deployer tenant rotate ID");
    }
    let first = done.created.first().and_then(|one| one.backend.clone());
    if let Some(backend) = first {
        let place = match backend.address.strip_prefix("s3://") {
            Some(bucket) => format!("--bucket {bucket}"),
            None => format!("--backend {}", backend.address),
        };
        page.blank().line(&escape::line(&format!("Next: deployer login --tenant ID {place}")));
    }
    page.text()
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::{Backend, Tenant, TenantCreated};

    use super::*;

    fn tenant(id: &str) -> Tenant {
        Tenant { id: id.to_owned(), ..Tenant::default() }
    }

    #[test]
    fn secrets_are_shown_once_and_those_that_exist_are_named() {
        let backend = Backend { address: "s3://state".to_owned(), ..Backend::default() };
        let web = TenantCreated {
            tenant: Some(tenant("web-team")),
            secret: "dplr_x".to_owned(),
            backend: Some(backend),
            ..TenantCreated::default()
        };
        let done = TenantsCreated { created: vec![web], existing: vec![tenant("mail-team")] };
        let text = Look::plain().finish(&render(&done, &Look::plain()));
        for part in ["✓ 1 Tenant Created\n", "web-team  dplr_x\n", "  • mail-team\n", "--bucket state\n"] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
        assert_eq!(secrets(&done), "web-team dplr_x");
    }
}
