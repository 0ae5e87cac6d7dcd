//! Shows what a tenant uses and costs.

use deployer_domain::caller::Caller;
use deployer_domain::cost::{Costs, Month};
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::limits::Usage;
use deployer_domain::tenant::Tenant;

use super::measured::{Measured, Measuring};
use super::{Ports, authorise, costs, stack_summaries};

/// What a tenant uses and costs in a month.
#[derive(Debug)]
pub struct TenantUsage {
    /// The tenant.
    pub tenant: Tenant,
    /// The month.
    pub month: Month,
    /// What it uses now; none for a month that is over.
    pub now: Option<UsageNow>,
    /// What it costs, or why nobody knows.
    pub costs: std::result::Result<Costs, String>,
}

/// What a tenant uses now.
#[derive(Debug)]
pub struct UsageNow {
    /// What counts towards its limits.
    pub usage: Usage,
    /// Components in all environments.
    pub components: u32,
    /// What runs.
    pub measured: Measured,
    /// Why some states cannot be read: what they hold is not counted.
    pub unreadable: Vec<String>,
}

impl TenantUsage {
    /// What is not known, and why.
    pub fn notes(&self) -> Vec<String> {
        let over = "of a month that is over only the cost is known".to_owned();
        let of_now = |now: &UsageNow| {
            let unreadable = now.unreadable.iter().map(|why| format!("not everything is counted: {why}"));
            unreadable.chain(now.measured.notes.iter().cloned()).collect()
        };
        let notes: Vec<String> = self.now.as_ref().map_or_else(|| vec![over], of_now);
        notes.into_iter().chain(self.costs.as_ref().err().map(|why| format!("cost is unknown: {why}"))).collect()
    }
}

/// Shows what the tenant that is signed in uses and costs; without a month in this one.
pub async fn tenant_usage(ports: &Ports, caller: &Caller, month: Option<Month>) -> Result<TenantUsage> {
    let access = authorise::tenant(ports, caller).await?;
    let this = Month::of(ports.clock.now());
    let month = month.unwrap_or(this);
    if month > this {
        return Err(Error::new(Reason::InvalidRequest, format!("{month} is still to come")).hint("leave --month out"));
    }
    let (backend, tenant) = (&access.backend, &access.tenant);
    let costs = costs::detailed(ports, caller, backend, tenant, month).await;
    let now = match month == this {
        true => {
            let states = stack_summaries::states(backend, &tenant.space()).await?;
            let summaries = states.summaries();
            Some(UsageNow {
                usage: stack_summaries::usage(&summaries),
                components: summaries.iter().map(|summary| summary.components).sum(),
                measured: Measuring { ports, caller, backend, tenant, states: &states.read }.usage().await,
                unreadable: states.unreadable.into_iter().map(|summary| summary.problem).collect(),
            })
        }
        false => None,
    };
    Ok(TenantUsage { tenant: access.tenant.clone(), month, now, costs })
}
