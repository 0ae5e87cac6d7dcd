//! What tenants have deployed, as this daemon counted it last: counting reads every state of a tenant.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

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
    /// How many states cannot be read: each counts as a stack, and what it holds is in no other count.
    pub unreadable: u32,
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
pub(super) struct CountCache(Mutex<HashMap<BackendAddress, HashMap<TenantId, TenantCounts>>>);

impl CountCache {
    /// What is remembered, if it is fresh and all that is wanted.
    fn known(
        &self,
        address: &BackendAddress,
        id: &TenantId,
        now: Timestamp,
        wanted: CountWanted,
    ) -> Option<TenantCounts> {
        let counts = *self.0.lock().unwrap_or_else(PoisonError::into_inner).get(address)?.get(id)?;
        let same_month = start_of_month(counts.counted) == start_of_month(now);
        let enough = counts.deployments_this_month.is_some() || !wanted.deployments;
        (enough && same_month && now.duration_since(counts.counted) < FRESH).then_some(counts)
    }

    fn remember(&self, address: &BackendAddress, id: &TenantId, counts: TenantCounts) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(address.clone()).or_default().insert(id.clone(), counts);
    }
}

/// The counts of tenants, in their order: those that are remembered, unless all are to be counted anew.
pub async fn counts<'a>(
    ports: &Ports,
    backend: &Backend,
    tenants: impl Iterator<Item = &'a Arc<Tenant>> + Clone + Send,
    wanted: CountWanted,
) -> Result<Vec<TenantCounts>> {
    let now = ports.clock.now();
    let (address, cache) = (&backend.place.address, &ports.caches.counts);
    let known =
        |tenant: &Arc<Tenant>| if wanted.refresh { None } else { cache.known(address, &tenant.id, now, wanted) };
    let known: Vec<Option<TenantCounts>> = tenants.clone().map(known).collect();
    let unknown = tenants.zip(&known).filter(|(_, known)| known.is_none()).map(|(tenant, _)| Arc::clone(tenant));
    let counted = bounded::map(unknown, |tenant| {
        let (ports, backend) = (ports.clone(), backend.clone());
        async move {
            let counts = count(&backend, &tenant, now, wanted.deployments).await?;
            ports.caches.counts.remember(&backend.place.address, &tenant.id, counts);
            Ok(counts)
        }
    });
    let mut counted = counted.await?.into_iter();
    Ok(known.into_iter().filter_map(|known| known.or_else(|| counted.next())).collect())
}

async fn count(backend: &Backend, tenant: &Tenant, now: Timestamp, deployments: bool) -> Result<TenantCounts> {
    let space = tenant.space();
    let states = stack_summaries::states(backend, &space).await?;
    let summaries = states.summaries();
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
        unreadable: u32::try_from(states.unreadable.len()).unwrap_or(u32::MAX),
        counted: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_remembered_for_some_minutes_of_their_month() {
        let cache = CountCache::default();
        let (address, id): (BackendAddress, TenantId) = ("s3://state".parse().unwrap(), "web-team".parse().unwrap());
        let (wanted, all) = (CountWanted::default(), CountWanted { deployments: true, refresh: false });
        let at = |time: &str| time.parse::<Timestamp>().unwrap();
        let counted = at("2024-01-31T23:55:00Z");
        let counts = TenantCounts {
            stacks: 1,
            services: 2,
            components: 3,
            deployments_this_month: None,
            unreadable: 0,
            counted,
        };
        cache.remember(&address, &id, counts);
        assert_eq!(cache.known(&address, &id, at("2024-01-31T23:59:59Z"), wanted), Some(counts));
        assert_eq!(cache.known(&address, &id, at("2024-01-31T23:59:59Z"), all), None, "deployments were not counted");
        assert_eq!(cache.known(&address, &id, at("2024-02-01T00:00:00Z"), wanted), None, "another month");
        cache.remember(&address, &id, TenantCounts { counted: at("2024-02-02T10:00:00Z"), ..counts });
        assert_eq!(cache.known(&address, &id, at("2024-02-02T10:10:00Z"), wanted), None, "too long ago");
        assert_eq!(cache.known(&"s3://other".parse().unwrap(), &id, at("2024-02-02T10:01:00Z"), wanted), None);
    }
}
