//! `deployer tenant details`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{Mode, StackSummary, TenantDetails, TenantDetailsRequest};

use super::show::{bucket_label, cost, max, of, services, show_rules};
use super::stacks::problems;
use crate::Outcome;
use crate::commands::session::folder;
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
    let request = TenantDetailsRequest { context: guest.call(Mode::Tenant)? };
    let details = client.details(request).await?.into_inner();
    let quiet = |details: &TenantDetails| details.tenant.clone().unwrap_or_default().id;
    guest.terminal.answer(&details, &Shapes { quiet, text: render })?;
    problems(guest, details.stacks.iter().map(|stack| stack.problem.as_str()));
    Ok(exit::DONE)
}

fn render(details: &TenantDetails, look: &Look) -> String {
    let tenant = details.tenant.clone().unwrap_or_default();
    let limit = tenant.limits.as_ref().and_then(|limits| limits.monthly_cost_limit);
    let limit = limit.map_or_else(|| "none".to_owned(), |limit| value::dollars(f64::from(limit)));
    let mut page = Page::titled(look, "Tenant Details");
    page.field("Name", &format!("{} ({})", tenant.display_name, tenant.id)).field_if("Email", &tenant.email);
    page.field("Created", &value::date(&tenant.created)).field("Status", &value::capital(&tenant.status));
    page.field_if("Isolation", &details.isolation);
    page.section("Storage").sub(bucket_label(details), &details.bucket).sub("Prefix", &folder(&tenant.path));
    page.sub("Version", &tenant.version);
    page.section("Limits").sub("Monthly Cost Limit", &limit);
    page.sub("Max Stacks", &max(&tenant).0.to_string()).sub("Max Services", &max(&tenant).1.to_string());
    show_rules(&mut page, details);
    page.section("Usage (current month)").sub("Stacks", &of(details.stack_count, max(&tenant).0));
    page.sub("Services", &of(details.service_count, max(&tenant).1));
    page.sub("Estimated Cost", &cost(details, &tenant));
    if !details.stacks.is_empty() {
        page.section("Stacks");
        details.stacks.iter().for_each(|stack| {
            page.item(&item(stack));
        });
    }
    page.section("This Month").sub("Deployments", &details.deployments_this_month.to_string());
    page.sub("Cost", &cost(details, &tenant)).sub("Uptime", &uptime(details));
    page.rule();
    page.text()
}

fn item(stack: &StackSummary) -> String {
    let services = services(stack);
    format!("{} ({}, {})", stack.stack, services, stack.environment)
}

fn uptime(details: &TenantDetails) -> String {
    details.uptime.map_or_else(|| "n/a".to_owned(), |percent| format!("{percent:.1}%"))
}

#[cfg(test)]
mod tests {
    use super::super::show::tests::notifications_team;
    use super::*;

    #[test]
    fn the_details_look_as_in_the_reference() {
        assert_eq!(
            Look::plain().finish(&render(&notifications_team(), &Look::plain())),
            "Tenant Details\n\
             ────────────────────────────────────────────────\n\
             Name: Notifications Team (notifications-team)\n\
             Email: notifications-team@company.com\n\
             Created: 2024-01-15\n\
             Status: Active\n\
             Isolation: advisory\n\
             \n\
             Storage:\n\
             \x20 Bucket: company-deployer-state\n\
             \x20 Prefix: tenants/notifications-team/v1/\n\
             \x20 Version: v1\n\
             \n\
             Limits:\n\
             \x20 Monthly Cost Limit: $5,000\n\
             \x20 Max Stacks: 100\n\
             \x20 Max Services: 500\n\
             \n\
             Rules:\n\
             \x20 Environments: production, staging\n\
             \x20 Regions: any\n\
             \x20 Approval for Production: yes\n\
             \x20 At the Cost Limit: warn\n\
             \n\
             Usage (current month):\n\
             \x20 Stacks: 3 / 100\n\
             \x20 Services: 12 / 500\n\
             \x20 Estimated Cost: $342 / $5,000\n\
             \n\
             Stacks:\n\
             \x20 • notification-platform (3 services, production)\n\
             \x20 • sms-platform (2 services, staging)\n\
             \x20 • push-platform (7 services, development)\n\
             \n\
             This Month:\n\
             \x20 Deployments: 47\n\
             \x20 Cost: $342 / $5,000\n\
             \x20 Uptime: 99.8%\n\
             ────────────────────────────────────────────────\n"
        );
    }

    #[test]
    fn nothing_unknown_is_invented() {
        let details = TenantDetails { cost: None, uptime: None, stacks: Vec::new(), ..notifications_team() };
        let text = render(&details, &Look::plain());
        assert!(text.contains("  Uptime: n/a\n") && text.contains("  Cost: unknown / $5,000\n"), "{text}");
        assert!(!text.contains("\nStacks:\n"), "{text}");
    }
}
