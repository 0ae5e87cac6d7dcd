//! What tenants have deployed, as this daemon counted it last: counting reads every state of a tenant.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::PoisonError;

use deployer_domain::backend::{Backend, BackendAddress};
use deployer_domain::error::Result;
use deployer_domain::name::TenantId;
use deployer_domain::tenant::Tenant;
use jiff::{SignedDuration, Timestamp};

use super::tenant_details::start_of_month;
use super::{Ports, bounded, stack_summaries};

/// Counts are counted anew after this time.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

/// What one tenant has deployed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TenantCounts {
    /// Distinct names of stacks with something deployed.
    pub stacks: u32,
    /// Distinct services of stacks.
    pub services: u32,
    /// Components in all environments.
    pub components: u32,
    /// Finished applies and rollbacks of this UTC month, where they were counted.
    pub deployments_this_month: Option<u32>,
    /// When that was counted.
    pub counted: Timestamp,
}

/// What is asked about tenants.
#[derive(Debug, Clone, Copy, Default)]
pub struct CountWanted {
    /// Whether everything is counted anew.
    pub refresh: bool,
    /// Whether deployments are counted too, which reads the histories as well.
    pub deployments: bool,
}

/// The counts that this daemon remembers.
#[derive(Default)]
pub(super) struct CountCache(Mutex<HashMap<(BackendAddress, TenantId), TenantCounts>>);

impl CountCache {
    fn fresh(&self, of: &(BackendAddress, TenantId), now: Timestamp) -> Option<TenantCounts> {
        let counts = *self.0.lock().unwrap_or_else(PoisonError::into_inner).get(of)?;
        let same_month = start_of_month(counts.counted) == start_of_month(now);
        (same_month && now.duration_since(counts.counted) < FRESH).then_some(counts)
    }

    fn remember(&self, of: (BackendAddress, TenantId), counts: TenantCounts) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(of, counts);
    }
}

/// The counts of tenants: those that are remembered, unless all are to be counted anew.
pub async fn counts(
    ports: &Ports,
    backend: &Backend,
    tenants: &[Tenant],
    wanted: CountWanted,
) -> Result<BTreeMap<TenantId, TenantCounts>> {
    let now = ports.clock.now();
    let counted = bounded::map(tenants.iter().cloned(), |tenant| {
        let (ports, backend) = (ports.clone(), backend.clone());
        async move {
            let of = (backend.place.address.clone(), tenant.id.clone());
            let cache = &ports.caches.counts;
            let enough = |counts: &TenantCounts| counts.deployments_this_month.is_some() || !wanted.deployments;
            if let Some(counts) = cache.fresh(&of, now).filter(enough).filter(|_| !wanted.refresh) {
                return Ok((tenant.id, counts));
            }
            let counts = count(&backend, &tenant, now, wanted.deployments).await?;
            cache.remember(of, counts);
            Ok((tenant.id, counts))
        }
    });
    Ok(counted.await?.into_iter().collect())
}

async fn count(backend: &Backend, tenant: &Tenant, now: Timestamp, deployments: bool) -> Result<TenantCounts> {
    let space = tenant.space();
    let summaries = stack_summaries::summaries(backend, &space).await?;
    let usage = stack_summaries::usage(&summaries);
    let deployments_this_month = match deployments {
        true => {
            let since = start_of_month(now);
            Some(stack_summaries::deployments_since(backend, &space, &summaries, since).await?)
        }
        false => None,
    };
    Ok(TenantCounts {
        stacks: usage.stacks,
        services: usage.services,
        components: summaries.iter().map(|summary| summary.components).sum(),
        deployments_this_month,
        counted: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_remembered_for_some_minutes_of_their_month() {
        let cache = CountCache::default();
        let of: (BackendAddress, TenantId) = ("s3://state".parse().unwrap(), "web-team".parse().unwrap());
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let counted = at("2024-01-31T23:55:00Z");
        let counts = TenantCounts { stacks: 1, services: 2, components: 3, deployments_this_month: None, counted };
        cache.remember(of.clone(), counts);
        assert_eq!(cache.fresh(&of, at("2024-01-31T23:59:59Z")), Some(counts));
        assert_eq!(cache.fresh(&of, at("2024-02-01T00:00:00Z")), None, "another month");
        cache.remember(of.clone(), TenantCounts { counted: at("2024-02-02T10:00:00Z"), ..counts });
        assert_eq!(cache.fresh(&of, at("2024-02-02T10:10:00Z")), None, "too long ago");
        assert_eq!(cache.fresh(&("s3://other".parse().unwrap(), of.1), at("2024-02-02T10:01:00Z")), None);
    }
}
