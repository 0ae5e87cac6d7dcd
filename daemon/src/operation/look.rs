//! Looks at what others do in a tenant's storage, for guests that watch: nobody else tells the daemon of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deployer_domain::approval::Standing;
use deployer_domain::caller::Caller;
use deployer_domain::change::{LockPlace, LockStanding, Look, Owner};
use deployer_domain::error::Result;
use deployer_domain::name::RunId;
use deployer_domain::policy::PRODUCTION;
use deployer_domain::port_error::Attempted;
use tokio::time::Instant;

use super::Ports;
use super::approvals::{self, Asked};
use super::authorise::{self, TenantAccess};
use super::show_lock::LockView;
use super::view::View;

/// More often than this nobody looks, however many watch and whatever they ask for.
const SHORTEST: Duration = Duration::from_secs(1);

/// When each tenant's storage was looked at last, and which requests for approval are decided.
#[derive(Default)]
pub(super) struct Looks(Mutex<HashMap<Owner, Looked>>);

struct Looked {
    at: Instant,
    settled: Arc<BTreeSet<RunId>>,
}

impl Looks {
    /// Answers what is settled where it is time to look; several watchers of one tenant share their looks.
    fn turn(&self, owner: &Owner, every: Duration, now: Instant) -> Option<Arc<BTreeSet<RunId>>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get_mut(owner) {
            // Timers are not exact: a little early is not too early.
            Some(looked) if now.duration_since(looked.at) < every.mul_f64(0.9) => None,
            Some(looked) => {
                looked.at = now;
                Some(Arc::clone(&looked.settled))
            }
            None => Some(Arc::clone(
                &all.entry(owner.clone()).or_insert(Looked { at: now, settled: Arc::default() }).settled,
            )),
        }
    }

    fn settle(&self, owner: &Owner, runs: impl Iterator<Item = RunId>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(looked) = all.get_mut(owner) {
            Arc::make_mut(&mut looked.settled).extend(runs);
        }
    }
}

/// Looks again and again, as the tenant that the caller is signed in as at that time. Never ends.
pub(super) async fn look_every(ports: Ports, caller: Caller, every: Duration) {
    let every = every.max(SHORTEST);
    loop {
        if let Err(error) = look(&ports, &caller, every).await {
            tracing::debug!(%error, "what others do was not looked at");
        }
        tokio::time::sleep(every).await;
    }
}

async fn look(ports: &Ports, caller: &Caller, every: Duration) -> Result<()> {
    let access = authorise::tenant_in_passing(ports, caller).await?;
    let owner = access.owner();
    let Some(settled) = ports.caches.looks.turn(&owner, every, Instant::now()) else { return Ok(()) };
    let asked = approvals(ports, &access, &settled).await?;
    let decided = asked.iter().filter(|asked| asked.standing != Standing::Pending);
    ports.caches.looks.settle(&owner, decided.map(|asked| asked.request.run));
    let approvals = asked.iter().map(|asked| (asked.request.run, asked.standing)).collect();
    let locks = locks(ports, &access).await?;
    ports.changes.tell_look(&owner, Look { locks, approvals });
    Ok(())
}

async fn locks(ports: &Ports, access: &TenantAccess) -> Result<Vec<(LockPlace, LockStanding)>> {
    let backend = &access.backend;
    let items = ports.leases.look_around(backend, access.space.id()).await;
    let items = items.attempted("list the locks", &backend.place.address)?;
    let now = backend.locks.server_now();
    let looked = items.into_iter().map(|item| LockView::new(ports, item.key.clone(), Some(item), now));
    // How this daemon holds a lock, it says itself.
    let theirs = looked.filter(|lock| lock.is_held() && !lock.ours);
    Ok(theirs.map(|lock| (LockPlace::from(&lock.key), standing(&lock))).collect())
}

fn standing(lock: &LockView) -> LockStanding {
    let token = lock.item.as_ref().and_then(|item| item.token()).unwrap_or_default();
    LockStanding::Theirs { token, alive: lock.looks_alive }
}

/// Only where policies ask for approvals are there any.
async fn approvals(ports: &Ports, access: &TenantAccess, settled: &Arc<BTreeSet<RunId>>) -> Result<Vec<Asked>> {
    if !access.config().await?.config.policies.require_approval_for_production {
        return Ok(Vec::new());
    }
    let environment = PRODUCTION.parse()?;
    approvals::of_environment(&View::from(access), &environment, settled, ports.clock.now()).await
}
