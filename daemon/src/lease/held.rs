//! A lock that this daemon holds.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use deployer_domain::clock::{Clock, LeaseInstant};
use deployer_domain::engine::Gate;
use deployer_domain::entropy::Entropy;
use deployer_domain::error::{Error, Result};
use deployer_domain::key::LockKey;
use deployer_domain::lease::{self, GuardDeadline, HolderState, LeaseTiming, Proof, Tenure};
use deployer_domain::lock::{LockItem, Term};
use deployer_domain::seal::Fence;
use tokio::sync::{mpsc, oneshot, watch};
use ulid::Ulid;

/// What the task that beats is asked to do.
pub(super) enum Command {
    /// Raise the token above a fence.
    Raise { fence: u64, reply: oneshot::Sender<Result<()>> },
    /// Stop beating and release.
    Release { reply: oneshot::Sender<Result<()>> },
}

/// A lock that this daemon holds; it beats until [`release`](Self::release) or until it is lost.
///
/// Dropped without a release: before [`SealedState::open`](super::SealedState::open) the lock is released in the
/// background; after it the beats only stop, because an engine may still be at work, and the lease runs out.
pub struct HeldLease {
    core: Arc<Core>,
    commands: mpsc::UnboundedSender<Command>,
}

impl std::fmt::Debug for HeldLease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HeldLease({}, token {}, {:?})", self.core.key, self.token(), self.standing())
    }
}

impl HeldLease {
    pub(super) fn new(core: Arc<Core>, commands: mpsc::UnboundedSender<Command>) -> Self {
        Self { core, commands }
    }

    pub(super) fn core(&self) -> &Core {
        &self.core
    }

    /// The lock.
    pub fn key(&self) -> &LockKey {
        &self.core.key
    }

    /// The daemon incarnation that holds it: `session` in the state, and in the journal for
    /// [`PreviousHold`](deployer_domain::lease::PreviousHold).
    pub fn session(&self) -> Ulid {
        self.core.term().session
    }

    /// The fencing token. Journal it after [`SealedState::open`](super::SealedState::open), which may raise it.
    pub fn token(&self) -> u64 {
        self.core.term().token
    }

    /// What the holder may do at this very moment, judged by the clocks now (also right after a SIGCONT).
    pub fn standing(&self) -> HolderState {
        self.core.standing()
    }

    /// Passes when an engine may start a new step at this very moment. The error is `LOCK_LOST` when the lock is lost;
    /// while it is only in doubt this waits until it is either proven again or lost.
    pub async fn gate(&self) -> Result<()> {
        let mut states = self.core.state.subscribe();
        loop {
            match self.standing() {
                HolderState::Held => return Ok(()),
                HolderState::Lost => return Err(self.core.lost_error()),
                HolderState::Suspect | HolderState::Fenced => {}
            }
            // The tick is for the moment between a change of the clocks and its being noticed.
            let _either = tokio::time::timeout(self.core.timing.tick, states.changed()).await;
        }
    }

    /// Follows the holder's state: on `Fenced` pause at a step boundary, on `Lost` end commands and write an orphan.
    pub fn states(&self) -> watch::Receiver<HolderState> {
        self.core.states()
    }

    /// Follows the deadline that the guard of each child process is to be told; each good beat pushes it forward.
    pub fn guard(&self) -> watch::Receiver<GuardDeadline> {
        self.core.guard.subscribe()
    }

    /// Why the lock is lost, and to whom; nothing while it is not.
    pub fn loss(&self) -> Option<Error> {
        self.core.unless_lost().err()
    }

    /// Why the last heartbeat failed; nothing when it did not.
    pub fn trouble(&self) -> Option<String> {
        self.core.hold().trouble.clone()
    }

    /// Joins the heartbeat, then releases. Fails with `LOCK_LOST` when there was nothing of ours to release. Releasing
    /// twice is no error.
    pub async fn release(&self) -> Result<()> {
        self.ask(|reply| Command::Release { reply }).await
    }

    /// Raises the token above a fence that was found in the state.
    pub(super) async fn raise(&self, fence: u64) -> Result<()> {
        self.ask(|reply| Command::Raise { fence, reply }).await
    }

    async fn ask(&self, command: impl FnOnce(oneshot::Sender<Result<()>>) -> Command) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        // An end of the task without an answer is a release that has happened, or the end of the daemon.
        if self.commands.send(command(reply)).is_err() {
            return self.core.unless_lost();
        }
        answer.await.unwrap_or_else(|_| self.core.unless_lost())
    }
}

#[async_trait]
impl Gate for HeldLease {
    async fn pass(&self) -> Result<()> {
        self.gate().await
    }

    async fn lost(&self) {
        let mut states = self.core.state.subscribe();
        while self.standing() != HolderState::Lost {
            if states.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// What the holder and the task that beats share.
pub(super) struct Core {
    pub key: LockKey,
    pub timing: LeaseTiming,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    hold: Mutex<Hold>,
    sealed: AtomicBool,
    state: watch::Sender<HolderState>,
    guard: watch::Sender<GuardDeadline>,
}

struct Hold {
    term: Term,
    proof: Proof,
    thief: Option<LockItem>,
    /// Why the last beat failed, if it did.
    trouble: Option<String>,
}

/// What a lease is made of when it begins.
pub(super) struct Beginning {
    pub key: LockKey,
    pub term: Term,
    pub sent: LeaseInstant,
    pub timing: LeaseTiming,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

impl Core {
    pub(super) fn new(beginning: Beginning) -> Self {
        let Beginning { key, term, sent, timing, clock, entropy } = beginning;
        let proof = Proof { sent, lease: timing.lease, lost: false };
        let (state, guard) = (proof.standing(clock.lease_now(), &timing), proof.guard(&timing));
        Self {
            key,
            timing,
            clock,
            entropy,
            hold: Mutex::new(Hold { term, proof, thief: None, trouble: None }),
            sealed: AtomicBool::new(false),
            state: watch::Sender::new(state),
            guard: watch::Sender::new(guard),
        }
    }

    fn hold(&self) -> MutexGuard<'_, Hold> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn term(&self) -> Term {
        self.hold().term
    }

    pub(super) fn fence(&self) -> Fence {
        let Term { session, token, .. } = self.term();
        Fence { token, session }
    }

    pub(super) fn tenure(&self) -> Tenure {
        Tenure { key: self.key.clone(), term: self.term() }
    }

    /// Makes an id that sorts by time.
    pub(super) fn ulid(&self) -> Ulid {
        deployer_domain::entropy::ulid(&*self.entropy, self.clock.now())
    }

    /// A random number in 0 to 1.
    pub(super) fn random(&self) -> f64 {
        random(&*self.entropy)
    }

    pub(super) fn standing(&self) -> HolderState {
        let proof = self.hold().proof;
        proof.standing(self.clock.lease_now(), &self.timing)
    }

    pub(super) fn states(&self) -> watch::Receiver<HolderState> {
        self.state.subscribe()
    }

    /// Notes a beat that landed, and the tenure that it proved.
    pub(super) fn prove(&self, sent: LeaseInstant, lease: Duration, term: Term) {
        {
            let mut hold = self.hold();
            hold.proof = hold.proof.renewed(sent, lease);
            hold.term = term;
            hold.trouble = None;
        }
        self.publish();
    }

    /// Notes why a beat failed.
    pub(super) fn doubt(&self, why: String) {
        self.hold().trouble = Some(why);
    }

    /// Notes that the lock is lost, and to whom; terminal.
    pub(super) fn lose(&self, thief: Option<LockItem>) {
        {
            let mut hold = self.hold();
            hold.proof.lost = true;
            hold.thief = thief.or(hold.thief.take());
        }
        tracing::warn!(lock = %self.key, "the lock was lost");
        self.publish();
    }

    /// Tells everybody who follows what changed.
    pub(super) fn publish(&self) {
        let proof = self.hold().proof;
        let state = proof.standing(self.clock.lease_now(), &self.timing);
        let guard = proof.guard(&self.timing);
        self.guard.send_if_modified(|known| std::mem::replace(known, guard) != guard);
        let changed = self.state.send_if_modified(|known| std::mem::replace(known, state) != state);
        if changed {
            tracing::info!(lock = %self.key, ?state, "the lease's state changed");
        }
    }

    pub(super) fn lost_error(&self) -> Error {
        lease::lost(&self.key, self.hold().thief.as_ref())
    }

    fn unless_lost(&self) -> Result<()> {
        // The lock of the hold is not kept: the error reads it again.
        let lost = self.hold().proof.lost;
        if lost { Err(self.lost_error()) } else { Ok(()) }
    }

    /// From now on an engine may be at work under this lease.
    pub(super) fn mark_sealed(&self) {
        self.sealed.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.sealed.load(Ordering::SeqCst)
    }
}

/// A random number in 0 to 1.
pub(super) fn random(entropy: &dyn Entropy) -> f64 {
    let mut bytes = [0; 4];
    entropy.fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
