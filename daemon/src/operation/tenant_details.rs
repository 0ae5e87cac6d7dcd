//! Shows the tenant that is signed in to itself.

use deployer_domain::backend::{Backend, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::isolation::Isolation;
use deployer_domain::limits::Usage;
use deployer_domain::port_error::Attempted;
use deployer_domain::registry::bucket_of;
use deployer_domain::tenant::Tenant;
use deployer_domain::tenant_config::{ConfigRules, TenantConfig};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::costs::{self, Cost};
use super::measured::Measuring;
use super::stack_summaries::{self, StackSummary, States};
use super::{Ports, authorise, isolation};

/// A tenant with what it uses.
#[derive(Debug, Clone)]
pub struct TenantView {
    /// The tenant.
    pub tenant: Tenant,
    /// Its backend.
    pub backend: BackendRef,
    /// The bucket, or the file of a local backend.
    pub bucket: String,
    /// What it has deployed, sorted by stack and environment.
    pub stacks: Vec<StackSummary>,
    /// What counts towards its limits.
    pub usage: Usage,
    /// Finished applies and rollbacks of this UTC month.
    pub deployments_this_month: u32,
    /// What it has cost this month.
    pub cost: Cost,
    /// Percent of this month's measured time in which its load balancers had a healthy target.
    pub uptime: Option<f64>,
    /// What it may deploy to, and how; or why its `tenant.yaml` cannot be read.
    pub rules: std::result::Result<ConfigRules, String>,
    /// How strictly the cloud keeps it apart from others; none where only its own people's credentials could tell.
    pub isolation: Option<Isolation>,
}

/// Shows the tenant that is signed in.
pub async fn tenant_details(ports: &Ports, caller: &Caller) -> Result<TenantView> {
    let access = authorise::tenant(ports, caller).await?;
    let backend = &access.backend;
    let states = stack_summaries::states(backend, &access.space).await?;
    let measuring = Measuring { ports, caller, backend, tenant: &access.tenant, states: &states.read };
    let (cost, uptime, judged, view) = tokio::join!(
        costs::of_tenant(ports, caller, backend, &access.tenant),
        measuring.uptime(),
        isolation::judge(ports, caller, &backend.place, &access.tenant.id),
        view(backend, access.tenant.clone(), &states, ports.clock.now()),
    );
    Ok(TenantView { cost, uptime, isolation: Some(judged.isolation), ..view? })
}

/// A tenant with what it uses, counted from its states.
pub(super) async fn view(backend: &Backend, tenant: Tenant, states: &States, now: Timestamp) -> Result<TenantView> {
    let space = tenant.space();
    let stacks = states.summaries();
    let since = start_of_month(now);
    let deployments = stack_summaries::deployments_since(backend, &space, &stacks, since).await?;
    Ok(TenantView {
        usage: stack_summaries::usage(&stacks),
        backend: backend.place.clone(),
        bucket: bucket_of(&backend.place.address),
        stacks,
        deployments_this_month: deployments,
        cost: Cost::default(),
        uptime: None,
        rules: rules(backend, &tenant).await?,
        isolation: isolation::without_looking(&backend.place),
        tenant,
    })
}

/// A `tenant.yaml` that somebody spoilt hides nothing else.
async fn rules(backend: &Backend, tenant: &Tenant) -> Result<std::result::Result<ConfigRules, String>> {
    let key = tenant.space().config();
    let read = backend.objects.read(&key).await.attempted(format!("read {key}"), &backend.place.address)?;
    let Some(object) = read else { return Ok(Ok(ConfigRules::default())) };
    let parsed = TenantConfig::parse(&object.bytes, key.as_str());
    Ok(parsed.map(|config| config.config).map_err(|error| {
        let places = error.problems.iter().map(ToString::to_string);
        std::iter::once(error.message.clone()).chain(places).collect::<Vec<_>>().join("; ")
    }))
}

/// The first moment of a time's UTC month.
pub(super) fn start_of_month(now: Timestamp) -> Timestamp {
    let first = TimeZone::UTC.to_datetime(now).date().first_of_month();
    TimeZone::UTC.to_timestamp(first.at(0, 0, 0, 0)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_at_its_first_utc_midnight() {
        for (now, start) in
            [("2024-02-29T23:59:59Z", "2024-02-01T00:00:00Z"), ("2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z")]
        {
            assert_eq!(start_of_month(now.parse().unwrap()), start.parse().unwrap());
        }
    }
}
