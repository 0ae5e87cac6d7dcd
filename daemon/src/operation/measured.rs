//! What runs for a tenant and how healthy it was, measured at the provider at most every ten minutes.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use deployer_domain::backend::{Backend, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::meter::{Compute, Health, Meters, Running};
use deployer_domain::name::TenantId;
use deployer_domain::object::PortError;
use deployer_domain::state::StateDocument;
use deployer_domain::tenant::Tenant;
use jiff::{SignedDuration, Timestamp};

use super::Ports;
use super::answers::Answers;
use super::entries::Asker;
use super::tenant_details::start_of_month;

/// What was measured is good for so long.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

/// What runs for a tenant; what could not be measured is absent, and the notes say why.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Measured {
    /// What ECS tasks take.
    pub compute: Option<Compute>,
    /// Database instances.
    pub databases: u32,
    /// Their GB together.
    pub database_gb: Option<u64>,
    /// Buckets.
    pub buckets: u32,
    /// The bytes in them.
    pub bucket_bytes: Option<u64>,
    /// Cache clusters.
    pub caches: u32,
    /// What could not be measured, and why.
    pub notes: Vec<String>,
}

/// The measurements of the last minutes.
#[derive(Default)]
pub(super) struct MeasureCache {
    usage: Answers<(Asker, TenantId), Measured>,
    uptime: Answers<(Asker, TenantId), Option<f64>>,
}

/// Whose states are measured, at the provider that keeps them.
pub(super) struct Measuring<'a> {
    pub ports: &'a Ports,
    pub caller: &'a Caller,
    pub backend: &'a Backend,
    pub tenant: &'a Tenant,
    /// All states of the tenant.
    pub states: &'a [StateDocument],
}

impl Measuring<'_> {
    /// Measures what runs.
    pub async fn usage(&self) -> Measured {
        let now = self.ports.clock.now();
        let ask = async {
            let mut measured =
                Measured { compute: Some(Compute::default()), database_gb: Some(0), ..Measured::default() };
            for (region, running) in self.running() {
                measured.databases += count(running.databases.len());
                measured.buckets += count(running.buckets.len());
                measured.caches += running.caches;
                let idle = running.services.is_empty() && running.databases.is_empty() && running.buckets.is_empty();
                if !idle {
                    measured.measure(self.open(&region).await, &running, now).await;
                }
            }
            Ok::<_, Infallible>(measured)
        };
        match self.ports.caches.measured.usage.to(self.key(), now, |_| FRESH, ask).await {
            Ok(measured) => measured,
            Err(never) => match never {},
        }
    }

    /// How often the load balancers had a healthy target this month, in percent; none without load balancers, and where
    /// nobody knows.
    pub async fn uptime(&self) -> Option<f64> {
        let now = self.ports.clock.now();
        let ask = async {
            let mut health = Health::default();
            for (region, running) in self.running().into_iter().filter(|(_, running)| !running.balanced.is_empty()) {
                health += self.open(&region).await?.health(&running.balanced, start_of_month(now), now).await?;
            }
            Ok::<_, PortError>(health.percent())
        };
        let answer = self.ports.caches.measured.uptime.to(self.key(), now, |_| FRESH, ask).await;
        answer.unwrap_or_else(|error| {
            tracing::info!(%error, "the health of load balancers is not known");
            None
        })
    }

    fn key(&self) -> (Asker, TenantId) {
        (Asker::new(&self.backend.place, self.caller), self.tenant.id.clone())
    }

    /// What runs in which region.
    fn running(&self) -> BTreeMap<String, Running> {
        let own = self.backend.place.region.clone().unwrap_or_else(|| self.tenant.aws.region.clone());
        Running::of(self.states, &own)
    }

    async fn open(&self, region: &str) -> std::result::Result<Arc<dyn Meters>, PortError> {
        let place = &self.backend.place;
        let region = Some(region.to_owned()).filter(|region| !region.is_empty()).or_else(|| place.region.clone());
        let place = BackendRef { region, ..place.clone() };
        let opened = self.ports.backends.meters(&place, self.caller).await;
        opened.map_err(|error| PortError::Unavailable(error.to_string()))
    }
}

impl Measured {
    async fn measure(
        &mut self,
        meters: std::result::Result<Arc<dyn Meters>, PortError>,
        running: &Running,
        now: Timestamp,
    ) {
        let meters = match meters {
            Ok(meters) => meters,
            Err(error) => {
                (self.compute, self.database_gb) = (None, None);
                self.notes.push(format!("what runs was not measured: {error}"));
                return;
            }
        };
        if !running.services.is_empty() {
            match meters.compute(&running.services).await {
                Ok(more) => self.compute.iter_mut().for_each(|compute| *compute += more),
                Err(error) => {
                    self.compute = None;
                    self.notes.push(format!("tasks are unknown: {error}"));
                }
            }
        }
        if !running.databases.is_empty() {
            match meters.database_gb(&running.databases).await {
                Ok(more) => self.database_gb.iter_mut().for_each(|gb| *gb += more),
                Err(error) => {
                    self.database_gb = None;
                    self.notes.push(format!("the size of databases is unknown: {error}"));
                }
            }
        }
        if !running.buckets.is_empty() {
            match meters.bucket_bytes(&running.buckets, now).await {
                Ok(Some(more)) => self.bucket_bytes = Some(self.bucket_bytes.unwrap_or_default() + more),
                Ok(None) => {}
                Err(error) => self.notes.push(format!("the size of buckets is unknown: {error}")),
            }
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
