//! Sums over all tenants, for admins.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::tenant::TenantStatus;
use jiff::Timestamp;

use super::Ports;
use super::list_tenants::{TenantRow, list_tenants};
use super::tenant_counts::CountWanted;

/// Sums over all tenants.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TenantStats {
    /// How many may work.
    pub active: u32,
    /// How many are suspended.
    pub suspended: u32,
    /// How many are being deleted or moved.
    pub closed: u32,
    /// Stacks with something deployed.
    pub stacks: u32,
    /// Their services.
    pub services: u32,
    /// Components in all environments.
    pub components: u32,
    /// Finished applies and rollbacks of this UTC month.
    pub deployments_this_month: u32,
    /// US dollars this month; none where that of some tenant with cost tracking is unknown, or none has it.
    pub cost: Option<f64>,
    /// When the oldest of these counts was counted; none without tenants.
    pub counted: Option<Timestamp>,
}

/// Sums what all tenants have, and lists them, those with the most stacks first.
pub async fn tenant_stats(ports: &Ports, caller: &Caller, refresh: bool) -> Result<(TenantStats, Vec<TenantRow>)> {
    let mut rows = list_tenants(ports, caller, CountWanted { refresh, deployments: true }).await?;
    let stats = sum(&rows);
    rows.sort_by_key(|row| std::cmp::Reverse((row.counts.stacks, row.counts.services)));
    Ok((stats, rows))
}

fn sum(rows: &[TenantRow]) -> TenantStats {
    let mut stats = TenantStats::default();
    for row in rows {
        match row.tenant.status {
            TenantStatus::Active => stats.active += 1,
            TenantStatus::Suspended => stats.suspended += 1,
            TenantStatus::Closed(_) => stats.closed += 1,
        }
        stats.stacks += row.counts.stacks;
        stats.services += row.counts.services;
        stats.components += row.counts.components;
        stats.deployments_this_month += row.counts.deployments_this_month.unwrap_or(0);
    }
    let tracked: Vec<Option<f64>> =
        rows.iter().filter(|row| row.tenant.limits.cost_tracking).map(|row| row.cost.usd).collect();
    stats.cost = if tracked.is_empty() { None } else { tracked.into_iter().sum() };
    stats.counted = rows.iter().map(|row| row.counts.counted).min();
    stats
}
