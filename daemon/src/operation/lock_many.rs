//! Takes many locks at once, so that nothing under them is changed any more.

use std::sync::Arc;
use std::time::Duration;

use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::key::StackSpace;
use deployer_domain::state::StateDocument;

use super::{Ports, bounded};
use crate::lease::{AcquireRequest, HeldLease, SealRequest, SealedState};
use crate::life::{Keep, Kept};

/// What is locked, and how patiently.
pub(super) struct Locking<'a> {
    pub ports: &'a Ports,
    pub caller: &'a Caller,
    pub backend: &'a Backend,
    pub operation: &'static str,
    pub wait: Duration,
}

/// The locks that are held.
pub(super) struct Locks {
    held: Vec<Held>,
}

/// One lock with the state that it guards.
struct Held {
    lease: Arc<HeldLease>,
    state: SealedState,
    _kept: Kept,
}

impl Locking<'_> {
    /// Takes all of these locks and seals their states; gives back what it took where one cannot be had.
    pub(super) async fn take(&self, spaces: Vec<StackSpace>) -> Result<Locks> {
        let taken = bounded::map(spaces, |space| {
            let taking = self.one(space);
            // A failure is an answer here: what was taken beside it must be given back.
            async move { Ok(taking.await) }
        });
        let mut held = Vec::new();
        let mut failed = None;
        for one in taken.await? {
            match one {
                Ok(one) => held.push(one),
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        let locks = Locks { held };
        match failed {
            None => Ok(locks),
            Some(error) => {
                locks.release().await;
                Err(error)
            }
        }
    }

    fn one(&self, space: StackSpace) -> impl Future<Output = Result<Held>> + Send + 'static {
        let ports = self.ports.clone();
        let backend = self.backend.clone();
        let request = AcquireRequest {
            backend: backend.clone(),
            space: space.clone(),
            actor: self.caller.actor.to_string(),
            host: self.caller.host.clone(),
            run: None,
            operation: self.operation.to_owned(),
            wait: Some(self.wait).filter(|wait| !wait.is_zero()),
            no_delay: false,
            crashed: None,
            waiting: None,
        };
        async move {
            let kept = ports.life.keep(Keep::Lock(space.lock().to_string()))?;
            let lease = Arc::new(ports.leases.acquire(request).await?);
            let sealed = SealedState::open(SealRequest {
                backend,
                space,
                lease: Arc::clone(&lease),
                written_by: format!("deployer {}", ports.runs.settings().version),
                spool: Some(ports.runs.journal().spool()),
            });
            match sealed.await {
                Ok(state) => Ok(Held { lease, state, _kept: kept }),
                Err(error) => {
                    release(&lease).await;
                    Err(error)
                }
            }
        }
    }
}

impl Locks {
    /// The states as they are under the locks.
    pub(super) fn states(&self) -> Vec<StateDocument> {
        self.held.iter().map(|held| held.state.document()).collect()
    }

    /// Changes every state; all of it is written when this answers.
    pub(super) async fn update(&self, change: impl Fn(&mut StateDocument)) -> Result<()> {
        let landings: Vec<_> = self.held.iter().map(|held| held.state.update(&change)).collect();
        for landing in landings {
            landing.landed().await?;
        }
        Ok(())
    }

    /// Gives all locks back.
    pub(super) async fn release(self) {
        for held in self.held {
            release(&held.lease).await;
        }
    }
}

async fn release(lease: &HeldLease) {
    if let Err(error) = lease.release().await {
        tracing::warn!(lock = %lease.key(), %error, "a lock was not released");
    }
}
