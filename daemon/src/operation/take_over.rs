//! Goes on with what a dead incarnation of this daemon left: its locks at once where credentials are at hand, its runs
//! as soon as a caller of the same identity lends an environment.
//!
//! Each run without an end has a task of its own here. It takes the lock again, without waiting and under this
//! incarnation's session, as soon as there are credentials: its own where the caller's led to a profile or the backend
//! needs none, else those of the next caller who is the same to the cloud. Then the run goes on (`run attach`), or it is
//! recorded as interrupted and the lock given back: when it cannot go on, when another run wants the lock, or when
//! nobody came for as long as a lease.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deployer_domain::backend::{Backend, BackendAddress};
use deployer_domain::caller::Caller;
use deployer_domain::key::LockKey;
use deployer_domain::name::{RunId, TenantId};
use deployer_domain::run::Lender;
use tokio::sync::{mpsc, oneshot};

use super::Ports;
use super::authorise::{self, TenantAccess};
use super::carry_on::Course;
use crate::run::{Run, Unfinished};

/// How long callers wait for what can be known of runs at once.
const AT_ONCE: Duration = Duration::from_secs(3);

/// What is offered to a run without an end.
pub(super) enum Offer {
    /// Credentials of the same identity: its lock can be taken and settled.
    Credentials(Backend),
    /// All that it needs to go on.
    Everything(Box<(Caller, TenantAccess)>),
    /// Another run wants its lock, and hears when it is free.
    Way(oneshot::Sender<()>),
}

/// The runs without an end.
#[derive(Default)]
pub(super) struct Left(Mutex<BTreeMap<RunId, Known>>);

#[derive(Clone)]
struct Known {
    lender: Lender,
    key: LockKey,
    holds: Arc<AtomicBool>,
    offers: mpsc::UnboundedSender<Offer>,
}

impl Left {
    fn all(&self) -> MutexGuard<'_, BTreeMap<RunId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, backend: &BackendAddress, wanted: impl Fn(&LockKey) -> bool) -> Vec<Known> {
        let all = self.all();
        let known = all.values().filter(|known| known.lender.place.address == *backend && wanted(&known.key));
        known.cloned().collect()
    }
}

/// Keeps a run among those without an end, for as long as offers to it are heard.
pub(super) struct Listed {
    ports: Ports,
    run: RunId,
    holds: Arc<AtomicBool>,
}

impl Listed {
    /// Notes that the run's lock is held again.
    pub fn holds(&self) {
        self.holds.store(true, Ordering::SeqCst);
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.ports.caches.left.all().remove(&self.run);
    }
}

/// Takes over what dead incarnations left. To be called once, before anybody can call.
pub fn begin(ports: &Ports) {
    let taking = ports.clone();
    ports.runs.recover(move |left| async move {
        let known: Vec<oneshot::Receiver<()>> =
            left.into_iter().map(|unfinished| listen(&taking, unfinished)).collect();
        let all = async {
            for known in known {
                let _ = known.await;
            }
        };
        let _either = tokio::time::timeout(AT_ONCE, all).await;
    });
}

/// Starts the task of a run; the answer comes when it is known what can be known at once.
fn listen(ports: &Ports, left: Unfinished) -> oneshot::Receiver<()> {
    let (offers, heard) = mpsc::unbounded_channel();
    let holds = Arc::new(AtomicBool::new(false));
    let (lender, key) = (left.handover.lender.clone(), left.space.lock().clone());
    let run = left.run.id();
    ports.caches.left.all().insert(run, Known { lender, key, holds: Arc::clone(&holds), offers });
    let listed = Listed { ports: ports.clone(), run, holds };
    let (told, known) = oneshot::channel();
    tokio::spawn(Course::new(ports.clone(), left, listed, heard).go(told));
    known
}

/// Who lends a run its credentials, as a later incarnation may know it.
pub(super) async fn lender(access: &TenantAccess, caller: &Caller) -> Lender {
    let identity = access.backend.identity.identity().await;
    Lender {
        place: access.backend.place.clone(),
        lock_table: access.context.lock_table.clone(),
        identity: identity.ok(),
        environment: caller.way_to_credentials(),
    }
}

/// Offers a caller's credentials to the tenant's runs whose locks nobody could take yet.
pub(super) fn lend(ports: &Ports, access: &TenantAccess) {
    let tenant: &TenantId = access.space.id();
    let left = ports.caches.left.of(&access.backend.place.address, |key| key.tenant == *tenant);
    for known in left.into_iter().filter(|known| !known.holds.load(Ordering::SeqCst)) {
        let backend = access.backend.clone();
        tokio::spawn(async move {
            if is_the_same(&known.lender, &backend).await {
                let _over = known.offers.send(Offer::Credentials(backend));
            }
        });
    }
}

/// Lets a run of a dead incarnation go on with this caller's credentials and environment, if it waits for them.
pub(super) async fn go_on(ports: &Ports, caller: &Caller, run: &Run) {
    let Some(known) = ports.caches.left.all().get(&run.id()).cloned() else { return };
    if caller.full_environment.is_none() {
        return;
    }
    let Ok(access) = authorise::tenant(ports, caller).await else { return };
    if is_the_same(&known.lender, &access.backend).await {
        let _over = known.offers.send(Offer::Everything(Box::new((caller.clone(), access))));
    }
}

/// Waits until no run of a dead incarnation is in the way of another one that wants the lock.
pub(super) async fn give_way(ports: &Ports, backend: &BackendAddress, key: &LockKey) {
    ports.runs.recovered().await;
    for known in ports.caches.left.of(backend, |its| its == key) {
        let (reply, free) = oneshot::channel();
        if known.offers.send(Offer::Way(reply)).is_ok() {
            let _over = free.await;
        }
    }
}

async fn is_the_same(lender: &Lender, backend: &Backend) -> bool {
    match backend.identity.identity().await {
        Ok(identity) => lender.is(&identity),
        Err(error) => {
            tracing::warn!(%error, "it is not known whose credentials were lent");
            false
        }
    }
}
