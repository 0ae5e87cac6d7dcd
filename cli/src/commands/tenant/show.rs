//! `deployer tenant show`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{Mode, ShowTenantRequest, StackSummary, Tenant, TenantDetails};

use super::edit;
use super::stacks::problems;
use crate::Outcome;
use crate::commands::session::folder;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, value};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id
    pub id: String,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let request = ShowTenantRequest { context: guest.call(Mode::Admin)?, id: args.id };
    let details = client.show(request).await?.into_inner();
    guest.terminal.answer(&details, &Shapes { quiet: status, text: render })?;
    problems(guest, details.stacks.iter().map(|stack| stack.problem.as_str()));
    Ok(exit::DONE)
}

fn status(details: &TenantDetails) -> String {
    details.tenant.clone().unwrap_or_default().status
}

fn render(details: &TenantDetails, look: &Look) -> String {
    let tenant = details.tenant.clone().unwrap_or_default();
    let mut page = Page::titled(look, &format!("Tenant: {}", tenant.id));
    page.field("Display Name", &tenant.display_name).field_if("Email", &tenant.email);
    page.field("Status", &value::capital(&tenant.status)).field("Created", &value::date(&tenant.created));
    page.field_if("AWS Account", &tenant.account_id).field_if("Region", &tenant.region);
    page.section("Storage").sub("Path", &folder(&tenant.path)).sub(bucket_label(details), &details.bucket);
    page.section("Credentials").sub("Last Rotated", &last_rotated(&tenant));
    page.sub("Rotations", &tenant.rotations.to_string());
    page.section("Usage").sub("Stacks", &of(details.stack_count, max(&tenant).0));
    page.sub("Services", &of(details.service_count, max(&tenant).1)).sub("Cost", &cost(details, &tenant));
    show_rules(&mut page, details);
    if !details.stacks.is_empty() {
        page.section("Stacks");
        details.stacks.iter().for_each(|stack| {
            page.item(&item(stack));
        });
    }
    page.rule();
    page.text()
}

/// What the tenant may deploy to, and how; or why nobody knows.
pub fn show_rules(page: &mut Page<'_>, details: &TenantDetails) {
    match &details.rules {
        Some(rules) => edit::show_rules(page, rules),
        None => {
            page.section("Rules").sub("Unknown", &details.rules_unknown);
        }
    }
}

fn item(stack: &StackSummary) -> String {
    let services = services(stack);
    format!("{} ({}, {})", stack.stack, stack.environment, services)
}

/// How many services a stack has, unless its state cannot be read.
pub fn services(stack: &StackSummary) -> String {
    match stack.problem.as_str() {
        "" => value::count(stack.services, "service"),
        _ => "its state cannot be read".to_owned(),
    }
}

/// When the secret was last replaced.
pub fn last_rotated(tenant: &Tenant) -> String {
    if tenant.last_rotated.is_empty() { "Never".to_owned() } else { value::date(&tenant.last_rotated) }
}

/// What a backend's place is called.
pub fn bucket_label(details: &TenantDetails) -> &'static str {
    let address = details.backend.clone().unwrap_or_default().address;
    if address.starts_with("local:") { "File" } else { "Bucket" }
}

/// The largest number of stacks and services.
pub fn max(tenant: &Tenant) -> (u32, u32) {
    tenant.limits.as_ref().map_or((0, 0), |limits| (limits.max_stacks, limits.max_services))
}

/// Usage against its limit.
pub fn of(used: u32, limit: u32) -> String {
    format!("{used} / {limit}")
}

/// The month's cost against its limit; never an invented number.
pub fn cost(details: &TenantDetails, tenant: &Tenant) -> String {
    let cost = details.cost.map_or_else(|| "unknown".to_owned(), value::dollars);
    match tenant.limits.as_ref().and_then(|limits| limits.monthly_cost_limit) {
        Some(limit) => format!("{cost} / {}", value::dollars(f64::from(limit))),
        None => cost,
    }
}

#[cfg(test)]
pub mod tests {
    use deployer_proto::v1::{Backend, Limits, TenantRules};

    use super::*;

    fn stack(stack: &str, environment: &str, services: u32) -> StackSummary {
        StackSummary {
            stack: stack.to_owned(),
            environment: environment.to_owned(),
            services,
            ..StackSummary::default()
        }
    }

    /// The reference's tenant.
    pub fn notifications_team() -> TenantDetails {
        TenantDetails {
            tenant: Some(Tenant {
                id: "notifications-team".to_owned(),
                display_name: "Notifications Team".to_owned(),
                email: "notifications-team@company.com".to_owned(),
                created: "2024-01-15T11:00:00Z".to_owned(),
                status: "active".to_owned(),
                path: "tenants/notifications-team/v1".to_owned(),
                version: "v1".to_owned(),
                limits: Some(Limits {
                    cost_tracking: true,
                    monthly_cost_limit: Some(5000),
                    max_stacks: 100,
                    max_services: 500,
                }),
                ..Tenant::default()
            }),
            backend: Some(Backend { address: "s3://company-deployer-state".to_owned(), ..Backend::default() }),
            bucket: "company-deployer-state".to_owned(),
            stacks: vec![
                stack("notification-platform", "production", 3),
                stack("sms-platform", "staging", 2),
                stack("push-platform", "development", 7),
            ],
            stack_count: 3,
            service_count: 12,
            deployments_this_month: 47,
            cost: Some(342.0),
            uptime: Some(99.8),
            isolation: "advisory".to_owned(),
            cost_unknown: String::new(),
            rules: Some(TenantRules {
                environments: vec!["production".to_owned(), "staging".to_owned()],
                regions: Vec::new(),
                require_approval: true,
                cost_limit: "warn".to_owned(),
            }),
            rules_unknown: String::new(),
        }
    }

    #[test]
    fn a_tenant_looks_as_in_the_reference() {
        assert_eq!(
            Look::plain().finish(&render(&notifications_team(), &Look::plain())),
            "Tenant: notifications-team\n\
             ────────────────────────────────────────────────\n\
             Display Name: Notifications Team\n\
             Email: notifications-team@company.com\n\
             Status: Active\n\
             Created: 2024-01-15\n\
             \n\
             Storage:\n\
             \x20 Path: tenants/notifications-team/v1/\n\
             \x20 Bucket: company-deployer-state\n\
             \n\
             Credentials:\n\
             \x20 Last Rotated: Never\n\
             \x20 Rotations: 0\n\
             \n\
             Usage:\n\
             \x20 Stacks: 3 / 100\n\
             \x20 Services: 12 / 500\n\
             \x20 Cost: $342 / $5,000\n\
             \n\
             Rules:\n\
             \x20 Environments: production, staging\n\
             \x20 Regions: any\n\
             \x20 Approval for Production: yes\n\
             \x20 At the Cost Limit: warn\n\
             \n\
             Stacks:\n\
             \x20 • notification-platform (production, 3 services)\n\
             \x20 • sms-platform (staging, 2 services)\n\
             \x20 • push-platform (development, 7 services)\n\
             ────────────────────────────────────────────────\n"
        );
    }

    #[test]
    fn rules_that_cannot_be_read_say_so() {
        let unknown = "tenant.yaml is malformed; line 3".to_owned();
        let details = TenantDetails { rules: None, rules_unknown: unknown, ..notifications_team() };
        let text = render(&details, &Look::plain());
        assert!(text.contains("Rules:\n  Unknown: tenant.yaml is malformed; line 3\n"), "{text}");
    }

    #[test]
    fn an_unknown_cost_says_so() {
        let details = TenantDetails { cost: None, ..notifications_team() };
        assert_eq!(cost(&details, &details.tenant.clone().unwrap()), "unknown / $5,000");
    }
}
