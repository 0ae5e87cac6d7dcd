//! How the registry is changed: two admins at work lose nothing, and an answer that got lost is found again.

use std::sync::Arc;
use std::time::Duration;

use deployer_domain::backend::Backend;
use deployer_domain::error::{Error, Result};
use deployer_domain::key::PlatformSpace;
use deployer_domain::object::{PortError, WriteIf};
use deployer_domain::port_error::explain;
use deployer_domain::registry::{REGISTRY_FILE, Registry};

use super::{Ports, registry};

/// Every try loses only to another admin's success, so this many admins at once all succeed.
const TRIES: u32 = 100;

/// How often an answer may get lost before the edit is given up.
const LOST_ANSWERS: u32 = 3;

/// Changes the registry. `change` is applied anew to each version that another admin wrote meanwhile; `landed` says
/// whether a version holds this very change already, by a mark that nobody else can have made.
pub(super) async fn edit(
    ports: &Ports,
    backend: &Backend,
    change: impl Fn(&mut Registry) -> Result<()>,
    landed: impl Fn(&Registry) -> bool,
) -> Result<Arc<Registry>> {
    let mut lost = 0;
    for attempt in 0..TRIES {
        let (known, etag) = registry::versioned(ports, backend).await?;
        if attempt > 0 && landed(&known) {
            return Ok(known);
        }
        let mut changed = Registry::clone(&known);
        change(&mut changed)?;
        let bytes = changed.to_bytes()?;
        match backend.objects.write(&PlatformSpace.registry(), bytes, WriteIf::Unchanged(etag)).await {
            Ok(etag) => {
                let changed = Arc::new(changed);
                ports.caches.registry.keep(&backend.place, etag, Arc::clone(&changed));
                return Ok(changed);
            }
            Err(PortError::Conflict | PortError::Gone) => {}
            Err(PortError::Unavailable(_)) if lost < LOST_ANSWERS => lost += 1,
            Err(error) => return Err(explain(error, what(), &backend.place.address)),
        }
        tokio::time::sleep(pause(ports, attempt)).await;
    }
    Err(busy_registry(backend))
}

fn what() -> String {
    format!("change {REGISTRY_FILE}")
}

fn busy_registry(backend: &Backend) -> Error {
    explain(PortError::Conflict, what(), &backend.place.address)
}

/// A random pause, longer with each attempt, so that admins who met once do not meet again.
fn pause(ports: &Ports, attempt: u32) -> Duration {
    let mut random = [0_u8; 2];
    ports.entropy.fill(&mut random);
    let most = 20 * u64::from(attempt.min(15) + 1);
    Duration::from_millis(u64::from(u16::from_le_bytes(random)) % most)
}
