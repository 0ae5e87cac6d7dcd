//! What the daemon can do: one use case a file, over ports. No wire types, no SDK.

use std::sync::Arc;

use deployer_domain::backend::BackendFactory;
use deployer_domain::clock::Clock;
use deployer_domain::entropy::Entropy;
use deployer_domain::vault::SessionVault;

use crate::lease::LeaseKeeper;
use crate::life::Life;
use crate::run::RunRegistry;

pub mod authorise;

/// The outside world and the daemon's memory, as operations see them. Cheap to clone.
#[derive(Clone)]
pub struct Ports {
    /// Keeps the daemon alive while a run, a lock or an in-memory session lives.
    pub life: Arc<Life>,
    /// Opens backends.
    pub backends: Arc<dyn BackendFactory>,
    /// Keeps sessions.
    pub vault: Arc<dyn SessionVault>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes secrets and ids.
    pub entropy: Arc<dyn Entropy>,
    /// Acquires locks and keeps them.
    pub leases: Arc<LeaseKeeper>,
    /// The runs that this daemon owns.
    pub runs: Arc<RunRegistry>,
}

impl Ports {
    /// Bundles the ports with fresh caches.
    pub fn new(
        life: Arc<Life>,
        backends: Arc<dyn BackendFactory>,
        vault: Arc<dyn SessionVault>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        (leases, runs): (Arc<LeaseKeeper>, Arc<RunRegistry>),
    ) -> Self {
        Self { life, backends, vault, clock, entropy, leases, runs }
    }
}
