//! `deployer tenant usage`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{Compute, Costs, Mode, Storage, Tenant, TenantUsage, TenantUsageRequest};

use super::show::{max, of};
use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, value};

/// The longest bar.
const WIDEST: usize = 24;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The month, such as 2024-01 [default: this month]
    #[arg(long, value_name = "YYYY-MM")]
    pub month: Option<String>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let request = TenantUsageRequest { context: guest.call(Mode::Tenant)?, month: args.month.unwrap_or_default() };
    let usage = client.usage(request).await?.into_inner();
    guest.terminal.answer(&usage, &Shapes { quiet: total, text: render })?;
    Ok(exit::DONE)
}

/// The month's cost; nothing where it is unknown.
fn total(usage: &TenantUsage) -> String {
    usage.costs.as_ref().map(|costs| format!("{:.2}", costs.total)).unwrap_or_default()
}

fn render(usage: &TenantUsage, look: &Look) -> String {
    let tenant = usage.tenant.clone().unwrap_or_default();
    let mut page = Page::titled(look, "Usage Statistics");
    page.field("Period", &value::month(&usage.month));
    if let (Some(stacks), Some(services)) = (usage.stacks, usage.services) {
        page.section("Resources").sub("Stacks", &of(stacks, max(&tenant).0));
        page.sub("Services", &of(services, max(&tenant).1));
        page.sub("Components", &usage.components.unwrap_or_default().to_string());
        compute(&mut page, usage.compute.as_ref());
        storage(&mut page, &usage.storage.unwrap_or_default());
    }
    costs(&mut page, usage.costs.as_ref(), &tenant);
    if !usage.notes.is_empty() {
        page.section("Notes");
        for note in &usage.notes {
            page.item(note);
        }
    }
    page.rule();
    page.text()
}

fn compute(page: &mut Page<'_>, compute: Option<&Compute>) {
    let known = |text: Option<String>| text.unwrap_or_else(|| "unknown".to_owned());
    page.section("Compute").sub("ECS Tasks", &known(compute.map(|compute| compute.tasks.to_string())));
    page.sub("Fargate vCPU", &known(compute.map(|compute| compute.vcpu.to_string())));
    page.sub("Memory", &known(compute.map(|compute| format!("{} GB", compute.memory_gb))));
}

fn storage(page: &mut Page<'_>, storage: &Storage) {
    let sized = |count: u32, noun: &str, size: Option<String>| match (count, size) {
        (0, _) => value::count(count, noun),
        (_, Some(size)) => format!("{} ({size})", value::count(count, noun)),
        (_, None) => format!("{} (size unknown)", value::count(count, noun)),
    };
    let databases = storage.database_gb.map(|gb| format!("{gb} GB"));
    page.section("Storage").sub("RDS", &sized(storage.databases, "instance", databases));
    page.sub("S3", &sized(storage.buckets, "bucket", storage.bucket_bytes.map(value::bytes)));
    page.sub("ElastiCache", &value::count(storage.caches, "cluster"));
}

fn costs(page: &mut Page<'_>, costs: Option<&Costs>, tenant: &Tenant) {
    page.section("Cost Breakdown");
    let Some(costs) = costs else {
        page.sub("Total", "unknown");
        return;
    };
    for part in &costs.breakdown {
        page.sub(&part.kind, &value::dollars(part.usd));
    }
    if !costs.breakdown.is_empty() {
        page.line(&format!("  {}", "─".repeat(14)));
    }
    let limit = tenant.limits.as_ref().and_then(|limits| limits.monthly_cost_limit).filter(|limit| *limit > 0);
    let total = value::dollars(costs.total);
    match limit.map(f64::from) {
        Some(limit) => {
            page.sub("Total", &format!("{total} / {} ({:.1}%)", value::dollars(limit), costs.total * 100.0 / limit))
        }
        None => page.sub("Total", &total),
    };
    page.section("Last months");
    let most = costs.months.iter().map(|month| month.usd).fold(0.0, f64::max);
    for month in &costs.months {
        let (bar, usd) = (bar(month.usd, most), value::dollars(month.usd));
        page.line(format!("  {} {bar:<WIDEST$} {usd}", month.month).trim_end());
    }
    page.blank().field("Trend", &trend(costs.trend));
}

fn bar(usd: f64, most: f64) -> String {
    let share = if most > 0.0 { (usd / most).clamp(0.0, 1.0) } else { 0.0 };
    let length = (share * WIDEST as f64).round() as usize;
    "█".repeat(if usd > 0.0 { length.max(1) } else { length })
}

fn trend(trend: Option<f64>) -> String {
    match trend {
        None => "unknown".to_owned(),
        Some(more) if more.round() > 0.0 => format!("↗ +{} vs last month", value::dollars(more)),
        Some(less) if less.round() < 0.0 => format!("↘ {} vs last month", value::dollars(less)),
        Some(_) => "→ as last month".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::{CostPart, Limits, MonthCost};

    use super::*;

    fn usage() -> TenantUsage {
        let part = |kind: &str, usd| CostPart { kind: kind.to_owned(), usd };
        let month = |month: &str, usd| MonthCost { month: month.to_owned(), usd };
        let limits = Limits { monthly_cost_limit: Some(5000), max_stacks: 100, max_services: 500, ..Limits::default() };
        TenantUsage {
            tenant: Some(Tenant { limits: Some(limits), ..Tenant::default() }),
            month: "2024-01".to_owned(),
            stacks: Some(3),
            services: Some(12),
            components: Some(45),
            compute: Some(Compute { tasks: 28, vcpu: 12.5, memory_gb: 32.0 }),
            storage: Some(Storage {
                databases: 3,
                database_gb: Some(200),
                buckets: 8,
                bucket_bytes: Some(1_200_000_000_000),
                caches: 2,
            }),
            costs: Some(Costs {
                breakdown: vec![
                    part("Compute", 145.0),
                    part("Database", 128.0),
                    part("Storage", 42.0),
                    part("Networking", 27.0),
                ],
                total: 342.0,
                trend: Some(45.0),
                months: vec![month("2023-12", 297.0), month("2024-01", 342.0)],
            }),
            notes: Vec::new(),
        }
    }

    #[test]
    fn usage_looks_as_in_the_reference_with_bars() {
        assert_eq!(
            Look::plain().finish(&render(&usage(), &Look::plain())),
            "Usage Statistics\n\
             ────────────────────────────────────────────────\n\
             Period: January 2024\n\
             \n\
             Resources:\n\
             \x20 Stacks: 3 / 100\n\
             \x20 Services: 12 / 500\n\
             \x20 Components: 45\n\
             \n\
             Compute:\n\
             \x20 ECS Tasks: 28\n\
             \x20 Fargate vCPU: 12.5\n\
             \x20 Memory: 32 GB\n\
             \n\
             Storage:\n\
             \x20 RDS: 3 instances (200 GB)\n\
             \x20 S3: 8 buckets (1.2 TB)\n\
             \x20 ElastiCache: 2 clusters\n\
             \n\
             Cost Breakdown:\n\
             \x20 Compute: $145\n\
             \x20 Database: $128\n\
             \x20 Storage: $42\n\
             \x20 Networking: $27\n\
             \x20 ──────────────\n\
             \x20 Total: $342 / $5,000 (6.8%)\n\
             \n\
             Last months:\n\
             \x20 2023-12 █████████████████████    $297\n\
             \x20 2024-01 ████████████████████████ $342\n\
             \n\
             Trend: ↗ +$45 vs last month\n\
             ────────────────────────────────────────────────\n"
        );
    }

    #[test]
    fn what_is_not_known_is_said_and_never_a_number() {
        let unknown =
            TenantUsage { compute: None, costs: None, notes: vec!["cost is unknown: no".to_owned()], ..usage() };
        let text = Look::plain().finish(&render(&unknown, &Look::plain()));
        for part in ["ECS Tasks: unknown\n", "  Total: unknown\n", "• cost is unknown: no\n"] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
        assert!(!text.contains('$'), "{text}");
        assert_eq!((trend(Some(-12.0)), bar(0.0, 0.0)), ("↘ -$12 vs last month".to_owned(), String::new()));
    }
}
