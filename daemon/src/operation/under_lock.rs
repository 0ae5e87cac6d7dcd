//! Holding the lock of an environment while a run works in it: acquire, ask again who may, seal; and back.

use std::sync::Arc;
use std::time::Duration;

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::StackSpace;
use deployer_domain::lease::{HolderState, Waiting};
use deployer_domain::lock::LockItem;
use deployer_domain::run::{Happening, RunOperation};
use deployer_domain::seal;
use deployer_domain::state::{ComponentStatus, StateDocument};
use tokio::sync::mpsc;

use super::Ports;
use super::authorise::{self, TenantAccess};
use crate::journal::{Entry, HeldLock};
use crate::lease::{AcquireRequest, HeldLease, SealRequest, SealedState};
use crate::life::{Keep, Kept};
use crate::run::Run;

/// What a run locks, and how patiently.
pub struct Locking<'a> {
    /// The outside world.
    pub ports: &'a Ports,
    /// Who asked.
    pub caller: &'a Caller,
    /// As whom.
    pub access: &'a TenantAccess,
    /// The run.
    pub run: &'a Arc<Run>,
    /// The environment of the stack.
    pub space: &'a StackSpace,
    /// What for.
    pub operation: RunOperation,
    /// How long to wait for another holder.
    pub wait: Duration,
    /// Skips the delay after a forced unlock.
    pub no_delay: bool,
}

/// A lock that is held, with the state that it guards.
pub struct Locked {
    /// The lock.
    pub lease: Arc<HeldLease>,
    /// The sealed state.
    pub state: Arc<SealedState>,
    /// The access, asked for again after the lock was acquired.
    pub access: TenantAccess,
    told: tokio::task::JoinHandle<()>,
    journal: HeldLock,
    _kept: Kept,
}

impl Locking<'_> {
    /// Acquires the lock and seals the state. The caller's cancelling ends the waiting.
    pub async fn lock(&self) -> Result<Locked> {
        let kept = self.ports.life.keep(Keep::Lock(self.space.lock().to_string()))?;
        let lease = match self.run.cancelled().run_until_cancelled(self.acquire()).await {
            Some(acquired) => Arc::new(acquired?),
            None => return Err(cancelled()),
        };
        match self.seal(&lease).await {
            Ok((access, state, journal)) => {
                let told = tokio::spawn(tell_states(Arc::clone(&lease), Arc::clone(self.run)));
                Ok(Locked { lease, state, access, told, journal, _kept: kept })
            }
            Err(error) => {
                if let Err(error) = lease.release().await {
                    tracing::warn!(%error, "a lock was not released");
                }
                Err(error)
            }
        }
    }

    async fn acquire(&self) -> Result<HeldLease> {
        let Self { ports, access, run, space, .. } = self;
        let crashed = ports.runs.crashed(&access.backend.place.address, space.lock()).await;
        let (waiting, mut waits) = mpsc::unbounded_channel();
        let acquiring = ports.leases.acquire(AcquireRequest {
            backend: access.backend.clone(),
            space: (*space).clone(),
            actor: self.caller.actor.clone(),
            host: self.caller.host.clone(),
            run: Some(run.id()),
            operation: self.operation.as_str().to_owned(),
            wait: Some(self.wait).filter(|wait| !wait.is_zero()),
            no_delay: self.no_delay,
            crashed: crashed.as_ref().map(crate::run::Crashed::hold),
            waiting: Some(waiting),
        });
        tokio::pin!(acquiring);
        let lease = loop {
            tokio::select! {
                acquired = &mut acquiring => break acquired?,
                Some(why) = waits.recv() => {
                    run.tell(Happening::Waiting { reason: waits_for(&why) });
                    ports.runs.keep(run, None).await?;
                }
            }
        };
        if let Some(crashed) = crashed {
            ports.runs.taken_over(&crashed);
        }
        Ok(lease)
    }

    async fn seal(&self, lease: &Arc<HeldLease>) -> Result<(TenantAccess, Arc<SealedState>, HeldLock)> {
        let access = authorise::recheck(self.ports, self.access).await?;
        if self.run.cancelled().is_cancelled() {
            return Err(cancelled());
        }
        let state = SealedState::open(SealRequest {
            backend: access.backend.clone(),
            space: self.space.clone(),
            lease: Arc::clone(lease),
            written_by: format!("deployer {}", self.ports.runs.settings().version),
            spool: Some(self.ports.runs.journal().spool()),
        })
        .await?;
        let (held, ()) = tokio::try_join!(self.keep(lease), take_up(&state))?;
        Ok((access, Arc::new(state), held))
    }

    /// Notes run and lock for the next incarnation.
    async fn keep(&self, lease: &HeldLease) -> Result<HeldLock> {
        let held = HeldLock {
            key: lease.key().to_string(),
            backend: self.access.backend.place.address.clone(),
            token: lease.token(),
            run: Some(self.run.id()),
        };
        self.ports.runs.keep(self.run, Some(held.clone())).await?;
        Ok(held)
    }
}

impl Locked {
    /// Releases the lock. What the state has to tell was written by now.
    pub async fn release(self, ports: &Ports) -> Result<()> {
        self.told.abort();
        let released = self.lease.release().await;
        let note = Entry::Released { key: self.journal.key, backend: self.journal.backend };
        if let Err(error) = ports.runs.journal().note([note]).await {
            tracing::warn!(%error, "a released lock was not noted in the journal");
        }
        released
    }
}

/// Takes up what earlier holders could not bring to its end.
async fn take_up(state: &SealedState) -> Result<()> {
    for orphan in state.orphans() {
        state.update(|state| drop(seal::reconcile(state, &orphan.state))).landed().await?;
        if let Err(error) = state.settle(orphan).await {
            tracing::warn!(%error, "an orphan that was taken up is still there");
        }
    }
    if state.view(|state| !state.in_flight.is_empty()) {
        drop(state.update(resolve_intents));
    }
    Ok(())
}

/// A command that was under way when its daemon died is dead by now, and may have done anything.
fn resolve_intents(state: &mut StateDocument) {
    for id in std::mem::take(&mut state.in_flight).into_keys() {
        if let Some(component) = state.components.get_mut(&id) {
            component.status = ComponentStatus::Interrupted;
        }
    }
}

/// Tells the run's watchers how firmly the lock is held.
async fn tell_states(lease: Arc<HeldLease>, run: Arc<Run>) {
    let mut states = lease.states();
    let mut told = HolderState::Held;
    loop {
        let now = *states.borrow_and_update();
        if now != told {
            told = now;
            let (state, message) = spell(now);
            run.tell(Happening::LeaseChanged { state: state.to_owned(), message: message.to_owned() });
        }
        if now == HolderState::Lost || states.changed().await.is_err() {
            return;
        }
    }
}

fn spell(state: HolderState) -> (&'static str, &'static str) {
    match state {
        HolderState::Held => ("HELD", "the lock is proven to be ours again; the run goes on"),
        HolderState::Suspect => ("SUSPECT", "heartbeats fail; what runs goes on, nothing new is started"),
        HolderState::Fenced => ("FENCED", "the lock cannot be proven to be ours; commands are paused until it can"),
        HolderState::Lost => ("LOST", "the lock is another's now; commands are ended and nothing more is started"),
    }
}

fn waits_for(why: &Waiting) -> String {
    match why {
        Waiting::Held(item) => format!("the lock held by {}", holder(item)),
        Waiting::Unlocked(item) => {
            let by = item.unlocked_by().unwrap_or("somebody");
            format!("the lock, which {by} unlocked by force a moment ago")
        }
    }
}

fn holder(item: &LockItem) -> String {
    let who = if item.locked_by().is_empty() { "an unknown holder" } else { item.locked_by() };
    match item.host() {
        Some(host) => format!("{who} on {host}"),
        None => who.to_owned(),
    }
}

/// Somebody cancelled the run before it could do anything.
pub(super) fn cancelled() -> Error {
    Error::new(Reason::Cancelled, "the run was cancelled")
}
