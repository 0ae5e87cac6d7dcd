//! What runs for a tenant and how healthy it was, measured at the provider at most every ten minutes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use deployer_domain::backend::{Backend, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::meter::{Compute, Health, Meters, Running};
use deployer_domain::name::TenantId;
use deployer_domain::object::PortError;
use deployer_domain::tenant::Tenant;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

use super::entries::Asker;
use super::tenant_details::start_of_month;
use super::{Ports, stack_summaries};

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
    usage: Mutex<Known<Measured>>,
    uptime: Mutex<Known<Option<f64>>>,
}

/// What was measured for whom, and when.
type Known<T> = HashMap<(Asker, TenantId), (Timestamp, T)>;

/// Measures what runs for a tenant.
pub(super) async fn usage(ports: &Ports, caller: &Caller, backend: &Backend, tenant: &Tenant) -> Result<Measured> {
    let now = ports.clock.now();
    let mut known = ports.caches.measured.usage.lock().await;
    let key = (Asker::new(&backend.place, caller), tenant.id.clone());
    known.retain(|_, (at, _)| now.duration_since(*at) < FRESH);
    if let Some((_, measured)) = known.get(&key) {
        return Ok(measured.clone());
    }
    let mut measured = Measured { compute: Some(Compute::default()), database_gb: Some(0), ..Measured::default() };
    for (region, running) in running(backend, tenant).await? {
        measured.databases += count(running.databases.len());
        measured.buckets += count(running.buckets.len());
        measured.caches += running.caches;
        let needed = !(running.services.is_empty() && running.databases.is_empty() && running.buckets.is_empty());
        if needed {
            measured.measure(open(ports, caller, &backend.place, &region).await, &running, now).await;
        }
    }
    known.insert(key, (now, measured.clone()));
    Ok(measured)
}

/// How often a tenant's load balancers had a healthy target this month, in percent; none without load balancers, and
/// where nobody knows.
pub(super) async fn uptime(ports: &Ports, caller: &Caller, backend: &Backend, tenant: &Tenant) -> Option<f64> {
    let now = ports.clock.now();
    let mut known = ports.caches.measured.uptime.lock().await;
    let key = (Asker::new(&backend.place, caller), tenant.id.clone());
    known.retain(|_, (at, _)| now.duration_since(*at) < FRESH);
    if let Some((_, uptime)) = known.get(&key) {
        return *uptime;
    }
    let mut health = Health::default();
    // What cannot be read here is said by what else the command reads.
    for (region, running) in running(backend, tenant).await.unwrap_or_default() {
        if running.balanced.is_empty() {
            continue;
        }
        let measured = match open(ports, caller, &backend.place, &region).await {
            Ok(meters) => meters.health(&running.balanced, start_of_month(now), now).await,
            Err(error) => Err(error),
        };
        match measured {
            Ok(measured) => health += measured,
            Err(error) => {
                tracing::info!(%error, region, "the health of load balancers is not known");
                return None;
            }
        }
    }
    let uptime = health.percent();
    known.insert(key, (now, uptime));
    uptime
}

async fn running(backend: &Backend, tenant: &Tenant) -> Result<BTreeMap<String, Running>> {
    let states = stack_summaries::states(backend, &tenant.space()).await?;
    let own = backend.place.region.clone().unwrap_or_else(|| tenant.aws.region.clone());
    Ok(Running::of(&states, &own))
}

async fn open(
    ports: &Ports,
    caller: &Caller,
    place: &BackendRef,
    region: &str,
) -> std::result::Result<Arc<dyn Meters>, PortError> {
    let region = Some(region.to_owned()).filter(|region| !region.is_empty()).or_else(|| place.region.clone());
    let place = BackendRef { region, ..place.clone() };
    ports.backends.meters(&place, caller).await.map_err(|error| PortError::Unavailable(error.to_string()))
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
