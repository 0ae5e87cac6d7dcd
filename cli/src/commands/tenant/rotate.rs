//! `deployer tenant rotate`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{
    Mode, RotateTenantEvent, RotateTenantRequest, ShowTenantRequest, Tenant, TenantRotated, rotate_tenant_event,
};

use super::show::last_rotated;
use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::output::steps::Steps;
use crate::prompt;
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id
    pub id: String,
    /// What the new secret starts with, such as ntfy [default: as for a new tenant]
    #[arg(long, value_name = "PREFIX")]
    pub secret_prefix: Option<String>,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Runs it: shows whose secret ends, and asks.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    if !args.yes {
        let request = ShowTenantRequest { context: guest.call(Mode::Admin)?, id: args.id.clone() };
        let tenant = client.show(request).await?.into_inner().tenant.unwrap_or_default();
        guest.terminal.progress(&announcement(&tenant, &guest.terminal.err));
    }
    prompt::confirm(guest, args.yes, "rotating a tenant's secret").await?;
    let request = RotateTenantRequest {
        context: guest.call(Mode::Admin)?,
        id: args.id,
        secret_prefix: args.secret_prefix.unwrap_or_default(),
    };
    let mut steps = Steps::new(&guest.terminal, "Rotating credentials...", "Credentials rotated successfully");
    match rotated(client, request, &mut steps).await {
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

async fn rotated(
    mut client: TenantServiceClient<tonic::transport::Channel>,
    request: RotateTenantRequest,
    steps: &mut Steps<'_>,
) -> Result<TenantRotated, Report> {
    let id = request.id.clone();
    let mut events = client.rotate(request).await?.into_inner();
    while let Some(RotateTenantEvent { event }) = events.message().await? {
        match event {
            Some(rotate_tenant_event::Event::Step(step)) => steps.done(&step),
            Some(rotate_tenant_event::Event::Done(done)) => return Ok(done),
            None => {}
        }
    }
    Err(Report::unreachable("the daemon ended the rotation without an answer")
        .hint(format!("rotate once more, so that a secret is known: `deployer tenant rotate {id}`")))
}

fn announcement(tenant: &Tenant, look: &Look) -> String {
    let mut page = Page::new(look);
    page.blank().heading("Rotate Tenant Credentials").rule().blank();
    page.field("Tenant", &format!("{} ({})", tenant.id, tenant.display_name));
    page.field("Current rotations", &tenant.rotations.to_string());
    page.field("Last rotated", &last_rotated(tenant)).blank();
    page.warning("This will invalidate the current tenant secret.");
    page.line("  All team members will need to re-authenticate.").blank();
    page.text()
}

fn render(done: &TenantRotated, look: &Look) -> String {
    let tenant = done.tenant.clone().unwrap_or_default();
    let mut page = Page::new(look);
    page.rule().done("Credentials Rotated").blank();
    page.field("New Tenant Secret", &done.secret);
    let indent = " ".repeat("New Tenant Secret: ".len());
    page.line(&format!("{indent}{}", "^".repeat(done.secret.chars().count())));
    page.line(&paint::yellow(format!("{indent}SHARE WITH TEAM SECURELY"))).blank();
    page.field("Rotations", &tenant.rotations.to_string()).field("Rotated at", &tenant.last_rotated);
    page.rule();
    page.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notifications_team() -> Tenant {
        Tenant {
            id: "notifications-team".to_owned(),
            display_name: "Notifications Team".to_owned(),
            ..Tenant::default()
        }
    }

    #[test]
    fn what_is_asked_looks_as_in_the_reference() {
        assert_eq!(
            Look::plain().finish(&announcement(&notifications_team(), &Look::plain())),
            "\n\
             Rotate Tenant Credentials\n\
             ────────────────────────────────────────────────\n\
             \n\
             Tenant: notifications-team (Notifications Team)\n\
             Current rotations: 0\n\
             Last rotated: Never\n\
             \n\
             ⚠ This will invalidate the current tenant secret.\n\
             \x20 All team members will need to re-authenticate.\n\
             \n"
        );
    }

    #[test]
    fn the_new_secret_looks_as_in_the_reference() {
        let tenant = Tenant { rotations: 1, last_rotated: "2024-01-20T14:30:00Z".to_owned(), ..notifications_team() };
        let done = TenantRotated { tenant: Some(tenant), secret: "ntfy_2Kx7pMnR4wT9vL3jH8sY5bZ2cF6aS1dG".to_owned() };
        assert_eq!(
            Look::plain().finish(&render(&done, &Look::plain())),
            "────────────────────────────────────────────────\n\
             ✓ Credentials Rotated\n\
             \n\
             New Tenant Secret: ntfy_2Kx7pMnR4wT9vL3jH8sY5bZ2cF6aS1dG\n\
             \x20                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n\
             \x20                  SHARE WITH TEAM SECURELY\n\
             \n\
             Rotations: 1\n\
             Rotated at: 2024-01-20T14:30:00Z\n\
             ────────────────────────────────────────────────\n"
        );
    }
}
