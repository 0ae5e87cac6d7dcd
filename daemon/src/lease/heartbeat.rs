//! The thread that all heartbeats live on, and the task that keeps one lock.

use std::sync::Arc;
use std::time::Duration;

use deployer_domain::backend::BackendAddress;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::lease::{Acquisition, BeatAnswer, HolderState, Moment, ReleaseAnswer, judge_beat, judge_release};
use deployer_domain::lock::{LockTable, Own, Written};
use deployer_domain::object::PortResult;
use deployer_domain::port_error::explain;
use jiff::Timestamp;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::held::{Command, Core};
use super::persist::{Persistence, answered, persist};

/// So many beats are under way at once.
const CONCURRENT: usize = 64;
/// No answer is given up before this, however short the protocol's times are made for tests.
const SHORTEST_OPERATION: Duration = Duration::from_millis(500);

/// A thread with a runtime of its own, so that a busy deploy cannot starve the heartbeats.
pub(super) struct BeatThread {
    pub handle: Handle,
    pub permits: Arc<Semaphore>,
    /// The thread runs for as long as somebody has this.
    pub running: Arc<oneshot::Sender<()>>,
}

impl BeatThread {
    pub(super) fn start() -> Result<Self> {
        let failed = |error: std::io::Error| {
            Error::new(Reason::Internal, "cannot start the thread of the heartbeats").caused_by(error)
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (running, ended) = oneshot::channel::<()>();
        let work = move || {
            let _end = runtime.block_on(ended);
            runtime.shutdown_background();
        };
        std::thread::Builder::new().name("heartbeat".to_owned()).spawn(work).map_err(failed)?;
        Ok(Self { handle, permits: Arc::new(Semaphore::new(CONCURRENT)), running: Arc::new(running) })
    }
}

/// The task that keeps one lock: after the acquisition, all writes of its item are made here, one after another.
pub(super) struct Beats {
    pub core: Arc<Core>,
    pub locks: Arc<dyn LockTable>,
    pub place: BackendAddress,
    pub permits: Arc<Semaphore>,
    /// The call that acquired it, for raising the token.
    pub acquisition: Acquisition,
    /// The number of the last beat that was sent.
    pub seq: u64,
}

/// What became of a beat.
enum Beat {
    Landed,
    Failed,
    Lost,
}

impl Beats {
    /// Keeps the lock until it is released, or until nobody holds the lease any more.
    pub(super) async fn keep(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut due = Instant::now() + self.until_next();
        let mut last = Instant::now();
        loop {
            let tick = Instant::now() + self.core.timing.tick;
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command::Release { reply }) => return self.released(reply).await,
                    Some(Command::Raise { fence, reply }) => { let _gone = reply.send(self.raise(fence).await); }
                    None => return self.dropped().await,
                },
                () = sleep_until(due.min(tick)) => {}
            }
            self.core.publish();
            let standing = self.core.standing();
            let doubtful = matches!(standing, HolderState::Suspect | HolderState::Fenced);
            let now = Instant::now();
            let hurry = doubtful && now >= last + self.core.timing.beat_retry;
            if standing == HolderState::Lost || (now < due && !hurry) {
                continue;
            }
            last = now;
            let lease = self.lease().await;
            let beat = self.beat(lease, due).await;
            let pause = if matches!(beat, Beat::Failed) { self.core.timing.beat_retry } else { self.until_next() };
            due = Instant::now().max(last + pause);
        }
    }

    fn until_next(&self) -> Duration {
        self.core.timing.beat_every.mul_f64(0.9 + 0.2 * self.core.random())
    }

    fn tell_lateness(&self, due: Instant) {
        let late = Instant::now().saturating_duration_since(due);
        let late_ms = late.as_millis();
        match late > self.core.timing.late_beat {
            true => tracing::warn!(lock = %self.core.key, late_ms, "a heartbeat started late"),
            false => tracing::debug!(lock = %self.core.key, late_ms, "a heartbeat started"),
        }
    }

    fn patience(&self, operations: u32) -> Persistence {
        let each = self.core.timing.operation.max(SHORTEST_OPERATION);
        Persistence { each, in_all: each * operations }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.core.clock.lease_now(), server: self.locks.server_now() }
    }

    async fn beat(&mut self, lease: Duration, due: Instant) -> Beat {
        let Ok(_permit) = self.permits.clone().acquire_owned().await else {
            return Beat::Failed;
        };
        self.tell_lateness(due);
        self.seq += 1;
        let tenure = self.core.tenure();
        let (term, seq) = (tenure.term, self.seq);
        let write = tenure.beat(seq, lease, self.locks.server_now());
        let sent = self.core.clock.lease_now();
        let each = self.patience(1).each;
        let answer = self.while_watching(answered(each, self.locks.write(&write))).await;
        match answer {
            Ok(Written::Applied) => self.core.prove(sent, lease, term),
            Ok(Written::Refused(item)) => match judge_beat(&term, seq, item.as_ref()) {
                BeatAnswer::Landed(_) => self.core.prove(sent, lease, term),
                BeatAnswer::Lost => {
                    self.core.lose(item);
                    return Beat::Lost;
                }
            },
            Err(error) => {
                tracing::warn!(lock = %self.core.key, %error, "a heartbeat failed");
                self.core.doubt(error.to_string());
                return Beat::Failed;
            }
        }
        Beat::Landed
    }

    /// Goes on telling the holder's state while a request is under way.
    async fn while_watching<T>(&self, request: impl Future<Output = PortResult<T>>) -> PortResult<T> {
        tokio::pin!(request);
        loop {
            tokio::select! {
                answer = &mut request => return answer,
                () = tokio::time::sleep(self.core.timing.tick) => self.core.publish(),
            }
        }
    }

    /// The lease of the next beat: the longest one when the rights are about to end, so that they may be renewed in
    /// peace before anybody takes over.
    async fn lease(&self) -> Duration {
        let timing = &self.core.timing;
        let end = answered(SHORTEST_OPERATION, self.locks.rights_end(timing.stretch_before)).await;
        let left = |end: Timestamp| Duration::try_from(end.duration_since(self.locks.server_now())).unwrap_or_default();
        match end {
            Ok(Some(end)) if left(end) < timing.stretch_before => timing.longest_lease,
            _ => timing.lease,
        }
    }

    async fn raise(&mut self, fence: u64) -> Result<()> {
        if self.core.standing() == HolderState::Lost {
            return Err(self.core.lost_error());
        }
        self.acquisition.attempt = self.core.ulid();
        let below_seq = self.seq + 1;
        self.seq = below_seq;
        let sent = self.core.clock.lease_now();
        let held = self.core.term();
        let (write, own) = self.acquisition.raise(held, fence, below_seq, self.moment(), &self.core.timing);
        match persist(self.patience(6), || self.locks.write(&write)).await.map(|written| own.recognise(written)) {
            Ok(Written::Applied) => {}
            Ok(Written::Refused(item)) => {
                self.core.lose(item);
                return Err(self.core.lost_error());
            }
            Err(error) => return self.raised_or_not(error, &own, sent).await,
        }
        self.core.prove(sent, self.core.timing.lease, self.acquisition.term(own.token));
        Ok(())
    }

    /// After the answers to a raise got lost: beats under the old token would be refused by our own new one.
    async fn raised_or_not(
        &mut self,
        error: deployer_domain::object::PortError,
        own: &Own,
        sent: deployer_domain::clock::LeaseInstant,
    ) -> Result<()> {
        match persist(self.patience(6), || self.locks.read(&self.core.key)).await {
            Ok(Some(item)) if own.is(&item) => {
                self.core.prove(sent, self.core.timing.lease, self.acquisition.term(own.token));
                Ok(())
            }
            _ => Err(explain(error, format!("raise the token of {}", self.core.key), &self.place)),
        }
    }

    async fn released(self, reply: oneshot::Sender<Result<()>>) {
        let _gone = reply.send(self.release().await);
    }

    async fn dropped(self) {
        if self.core.is_sealed() {
            tracing::warn!(lock = %self.core.key, "a lease was dropped; its lock will run out");
        } else if let Err(error) = self.release().await {
            tracing::warn!(lock = %self.core.key, %error, "a lock could not be released");
        }
    }

    async fn release(&self) -> Result<()> {
        if self.core.standing() == HolderState::Lost {
            return Err(self.core.lost_error());
        }
        let tenure = self.core.tenure();
        let write = tenure.release(self.locks.server_now());
        match persist(self.patience(6), || self.locks.write(&write)).await {
            Ok(Written::Applied) => Ok(()),
            Ok(Written::Refused(item)) => match judge_release(&tenure.term, item.as_ref()) {
                ReleaseAnswer::Released => Ok(()),
                ReleaseAnswer::WasLost => {
                    self.core.lose(item);
                    Err(self.core.lost_error())
                }
            },
            Err(error) => {
                let error = explain(error, format!("release {}", self.core.key), &self.place);
                Err(error.hint("the lock frees itself: the next holder waits about a minute"))
            }
        }
    }
}
