//! `deployer tenant stats`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{Mode, TenantRow, TenantStatsRequest, TenantStatsResponse};

use super::list::{ago, uncounted};
use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, table, value};

/// So many tenants are shown.
const SHOWN: usize = 10;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Count anew what tenants have deployed; else counts of the last ten minutes are used
    #[arg(long)]
    pub refresh: bool,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let request = TenantStatsRequest { context: guest.call(Mode::Admin)?, refresh: args.refresh };
    let answer = client.stats(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: |answer| answer.tenants.len().to_string(), text: render })?;
    Ok(exit::DONE)
}

fn render(stats: &TenantStatsResponse, look: &Look) -> String {
    let mut page = Page::titled(look, "Tenant statistics");
    page.field("Tenants", &tenants(stats)).field("Stacks", &stats.stacks.to_string());
    page.field("Services", &stats.services.to_string()).field("Components", &stats.components.to_string());
    page.field("Deployments this month", &stats.deployments_this_month.to_string());
    page.field("Cost this month", &stats.cost.map_or_else(|| "unknown".to_owned(), value::dollars));
    page.field_if("Counted", &ago(&stats.counted, look));
    uncounted(&mut page, &stats.tenants);
    let rows: Vec<Vec<String>> = stats.tenants.iter().take(SHOWN).map(row).collect();
    if rows.is_empty() {
        return page.text();
    }
    page.blank();
    let headers = ["TENANT", "STATUS", "STACKS", "SERVICES", "COMPONENTS", "DEPLOYMENTS"];
    let mut text = page.text() + &table::render(&headers, &rows, look);
    if let Some(more) = stats.tenants.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let mut end = Page::new(look);
        end.line(&format!("… and {more} more: deployer tenant list"));
        text.push_str(&end.text());
    }
    text
}

fn tenants(stats: &TenantStatsResponse) -> String {
    let parts = [(stats.active, "active"), (stats.suspended, "suspended"), (stats.closed, "being deleted or moved")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    match parts.as_slice() {
        [] => "0".to_owned(),
        parts => format!("{} ({})", stats.active + stats.suspended + stats.closed, parts.join(", ")),
    }
}

fn row(row: &TenantRow) -> Vec<String> {
    let tenant = row.tenant.clone().unwrap_or_default();
    let known = |count: Option<u32>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    let counts = [row.stacks, row.services, row.components, row.deployments_this_month].map(known);
    [tenant.id, tenant.status].into_iter().chain(counts).collect()
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::Tenant;

    use super::*;

    #[test]
    fn sums_come_before_the_largest_tenants() {
        let tenant = Tenant { id: "web-team".to_owned(), status: "active".to_owned(), ..Tenant::default() };
        let row = TenantRow {
            tenant: Some(tenant),
            stacks: Some(3),
            services: Some(5),
            components: Some(9),
            deployments_this_month: Some(14),
            ..TenantRow::default()
        };
        let stats = TenantStatsResponse {
            active: 11,
            suspended: 1,
            stacks: 3,
            services: 5,
            components: 9,
            deployments_this_month: 14,
            tenants: vec![row; 12],
            ..TenantStatsResponse::default()
        };
        let look = Look::plain();
        let text = look.finish(&render(&stats, &look));
        for part in [
            "Tenants: 12 (11 active, 1 suspended)",
            "Components: 9",
            "Cost this month: unknown",
            "and 2 more: deployer tenant list",
        ] {
            assert!(text.contains(part), "{text}");
        }
        let empty = look.finish(&render(&TenantStatsResponse::default(), &look));
        assert!(empty.contains("Tenants: 0") && !empty.contains("TENANT"), "{empty}");
    }
}
