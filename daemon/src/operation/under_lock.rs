//! Holding the lock of an environment while a run works in it: acquire, ask again who may, seal; and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deployer_domain::backend::{Backend, BackendAddress};
use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::StackSpace;
use deployer_domain::lease::{HolderState, Waiting};
use deployer_domain::lock::LockItem;
use deployer_domain::run::{HANDOVER_FORMAT, Handover, Happening, RunOperation, Task};
use deployer_domain::seal;
use tokio::sync::mpsc;

use super::adopt::{adopt, settle};
use super::authorise::{self, TenantAccess};
use super::{Ports, take_over};
use crate::journal::{Entry, HeldLock};
use crate::lease::{AcquireRequest, HeldLease, SealRequest, SealedState};
use crate::life::{Keep, Kept};
use crate::run::{Crashed, Run};

/// How long a run that is cancelled waits for a lock that it had just asked for.
const ON_ITS_WAY: Duration = Duration::from_secs(3);

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
    /// What may be written down of it, so that it can go on after a crash.
    pub task: Option<Task>,
    /// How long to wait for another holder.
    pub wait: Duration,
    /// Skips the delay after a forced unlock.
    pub no_delay: bool,
}

/// What a run of a dead incarnation locks again.
pub struct Relocking<'a> {
    /// The outside world.
    pub ports: &'a Ports,
    /// The backend, with credentials of whom the lock beat with.
    pub backend: &'a Backend,
    /// The run.
    pub run: &'a Arc<Run>,
    /// The environment of the stack.
    pub space: &'a StackSpace,
    /// How the lock was held.
    pub crashed: &'a Crashed,
}

/// A lock that is held, with the state that it guards.
pub struct Locked {
    /// The lock.
    pub lease: Arc<HeldLease>,
    /// The sealed state.
    pub state: Arc<SealedState>,
    /// The access, asked for again after the lock was acquired; none for a lock of a dead incarnation.
    pub access: Option<TenantAccess>,
    told: tokio::task::JoinHandle<()>,
    journal: HeldLock,
    _kept: Kept,
}

impl Locking<'_> {
    /// Acquires the lock and seals the state. The caller's cancelling ends the waiting.
    pub async fn lock(&self) -> Result<Locked> {
        let kept = self.ports.life.keep(Keep::Lock(self.space.lock().to_string()))?;
        let lease = Arc::new(self.acquired().await?);
        let sealed = self.seal(&lease).await;
        let (access, state, journal) = given_back_unless(sealed, &lease).await?;
        let told = tokio::spawn(tell_states(Arc::clone(&lease), Arc::clone(self.run)));
        Ok(Locked { lease, state, access: Some(access), told, journal, _kept: kept })
    }

    async fn acquired(&self) -> Result<HeldLease> {
        let waits = AtomicBool::new(false);
        let acquiring = self.acquire(&waits);
        tokio::pin!(acquiring);
        if let Some(acquired) = self.run.cancelled().run_until_cancelled(&mut acquiring).await {
            return acquired;
        }
        // What is on its way may still be granted: it is given back before the run ends, unless that takes long.
        if !waits.load(Ordering::Relaxed)
            && let Ok(Ok(lease)) = tokio::time::timeout(ON_ITS_WAY, acquiring).await
            && let Err(error) = lease.release().await
        {
            tracing::warn!(%error, "a lock was not released");
        }
        Err(cancelled())
    }

    async fn acquire(&self, waits: &AtomicBool) -> Result<HeldLease> {
        let Self { ports, access, run, space, .. } = self;
        take_over::give_way(ports, &access.backend.place.address, space.lock()).await;
        let crashed = ports.runs.crashed(&access.backend.place.address, space.lock()).await;
        let (waiting, mut told) = mpsc::unbounded_channel();
        let acquiring = ports.leases.acquire(AcquireRequest {
            backend: access.backend.clone(),
            space: (*space).clone(),
            actor: self.caller.actor.to_string(),
            host: self.caller.host.clone(),
            run: Some(run.id()),
            operation: self.operation.as_str().to_owned(),
            wait: Some(self.wait).filter(|wait| !wait.is_zero()),
            no_delay: self.no_delay,
            crashed: crashed.as_ref().map(Crashed::hold),
            waiting: Some(waiting),
        });
        tokio::pin!(acquiring);
        let lease = loop {
            tokio::select! {
                acquired = &mut acquiring => break acquired?,
                Some(why) = told.recv() => {
                    waits.store(true, Ordering::Relaxed);
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
        let (lender, state) = tokio::join!(
            take_over::lender(&access, self.caller),
            SealedState::open(seal_request(self.ports, &access.backend, self.space, lease))
        );
        let state = state?;
        let task = self.task.clone();
        self.run.hand_over(&Handover { format_version: HANDOVER_FORMAT, lender, task })?;
        let (held, ()) =
            tokio::try_join!(keep(self.ports, self.run, lease, &access.backend.place.address), take_up(&state))?;
        adopt(self, lease, &state).await?;
        Ok((access, Arc::new(state), held))
    }
}

impl Relocking<'_> {
    /// Acquires the lock without waiting, as the dead incarnation held it, and seals the state.
    pub async fn lock(&self) -> Result<Locked> {
        let Self { ports, backend, run, space, crashed } = self;
        let kept = ports.life.keep(Keep::Lock(space.lock().to_string()))?;
        let summary = run.summary();
        let acquired = ports.leases.acquire(AcquireRequest {
            backend: (*backend).clone(),
            space: (*space).clone(),
            actor: summary.actor,
            host: summary.host,
            run: Some(run.id()),
            operation: summary.operation.as_str().to_owned(),
            wait: None,
            no_delay: false,
            crashed: Some(crashed.hold()),
            waiting: None,
        });
        let lease = Arc::new(acquired.await?);
        let sealed = self.seal(&lease).await;
        let (state, journal) = given_back_unless(sealed, &lease).await?;
        ports.runs.taken_over(crashed);
        let told = tokio::spawn(tell_states(Arc::clone(&lease), Arc::clone(run)));
        Ok(Locked { lease, state, access: None, told, journal, _kept: kept })
    }

    async fn seal(&self, lease: &Arc<HeldLease>) -> Result<(Arc<SealedState>, HeldLock)> {
        let state = SealedState::open(seal_request(self.ports, self.backend, self.space, lease)).await?;
        let (held, ()) =
            tokio::try_join!(keep(self.ports, self.run, lease, &self.backend.place.address), take_up(&state))?;
        settle(&state, self.ports.clock.now())?;
        Ok((Arc::new(state), held))
    }
}

fn seal_request(ports: &Ports, backend: &Backend, space: &StackSpace, lease: &Arc<HeldLease>) -> SealRequest {
    SealRequest {
        backend: backend.clone(),
        space: space.clone(),
        lease: Arc::clone(lease),
        written_by: format!("deployer {}", ports.runs.settings().version),
        spool: Some(ports.runs.journal().spool()),
    }
}

/// Gives a lock back under which nothing can begin.
async fn given_back_unless<T>(sealed: Result<T>, lease: &HeldLease) -> Result<T> {
    if sealed.is_err()
        && let Err(error) = lease.release().await
    {
        tracing::warn!(%error, "a lock was not released");
    }
    sealed
}

/// Notes run and lock for the next incarnation.
async fn keep(ports: &Ports, run: &Run, lease: &HeldLease, backend: &BackendAddress) -> Result<HeldLock> {
    let held =
        HeldLock { key: lease.key().to_string(), backend: backend.clone(), token: lease.token(), run: Some(run.id()) };
    ports.runs.keep(run, Some(held.clone())).await?;
    Ok(held)
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
    Ok(())
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
            let whom = lease.loss().and_then(|error| error.facts.into_iter().next());
            let message = match (whom, lease.trouble()) {
                (Some((label, whom)), _) => format!("{message} ({}: {whom})", label.to_lowercase()),
                (None, Some(why)) => format!("{message} ({why})"),
                (None, None) => message.to_owned(),
            };
            run.tell(Happening::LeaseChanged { state: state.to_owned(), message });
        }
        if now == HolderState::Lost || states.changed().await.is_err() {
            return;
        }
    }
}

fn spell(state: HolderState) -> (&'static str, &'static str) {
    match state {
        HolderState::Held => ("HELD", "the lock is proven to be ours again; the run goes on"),
        HolderState::Suspect => (
            "SUSPECT",
            "heartbeats are not answered; what runs goes on, nothing new is started. Check the network and your credentials",
        ),
        HolderState::Fenced => (
            "FENCED",
            "the lock cannot be proven to be ours, so another may take it soon; commands are paused until it can, then \
             ended. Nothing is lost: the run goes on by itself when heartbeats are answered again",
        ),
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
