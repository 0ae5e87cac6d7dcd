//! What keeps the daemon alive, and how it ends.
//!
//! Runs, locks and in-memory sessions hold a [`Kept`] for as long as they live. Whether the daemon may end is decided
//! under the same mutex that hands those out, so nothing can begin between the decision and the end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use deployer_domain::error::{Error, Reason, Result};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Something that keeps the daemon alive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keep {
    /// A run that has not ended, by id.
    Run(String),
    /// A lock that is held, by key.
    Lock(String),
    /// A session that lives in memory only, by context name.
    Session(String),
}

/// What keeps the daemon alive right now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keepers {
    /// The runs that have not ended.
    pub runs: Vec<String>,
    /// The locks that are held.
    pub locks: Vec<String>,
    /// The sessions that live in memory only.
    pub sessions: Vec<String>,
}

struct State {
    ending: bool,
    kept: BTreeMap<u64, Keep>,
    next: u64,
    connections: usize,
    last_use: Instant,
}

/// The daemon's life, shared by everything that runs in it.
pub struct Life {
    idle_exit: Duration,
    state: Mutex<State>,
    changed: Notify,
    ending: CancellationToken,
    unreachable: CancellationToken,
}

/// Keeps the daemon alive until it is dropped.
pub struct Kept {
    life: Arc<Life>,
    id: u64,
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut state = self.life.state();
        state.kept.remove(&self.id);
        state.last_use = Instant::now();
        drop(state);
        self.life.changed.notify_waiters();
    }
}

/// A caller's connection; counted until it is dropped.
pub struct OpenConnection {
    life: Arc<Life>,
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        let mut state = self.life.state();
        state.connections = state.connections.saturating_sub(1);
        state.last_use = Instant::now();
        drop(state);
        self.life.changed.notify_waiters();
    }
}

impl Life {
    /// Begins a life that ends after `idle_exit` without use.
    pub fn new(idle_exit: Duration) -> Arc<Self> {
        Arc::new(Self {
            idle_exit,
            state: Mutex::new(State {
                ending: false,
                kept: BTreeMap::new(),
                next: 0,
                connections: 0,
                last_use: Instant::now(),
            }),
            changed: Notify::new(),
            ending: CancellationToken::new(),
            unreachable: CancellationToken::new(),
        })
    }

    /// Keeps the daemon alive; refused once it has decided to end.
    pub fn keep(self: &Arc<Self>, what: Keep) -> Result<Kept> {
        let mut state = self.state();
        if state.ending {
            return Err(Error::new(Reason::DaemonBusy, "the daemon is stopping and begins nothing new")
                .hint("try again in a moment: the next command starts a new daemon"));
        }
        let id = state.next;
        state.next += 1;
        state.kept.insert(id, what);
        Ok(Kept { life: Arc::clone(self), id })
    }

    /// Counts a connection: while one is open the daemon does not end by itself, so no call is ever cut off by that.
    pub fn connection(self: &Arc<Self>) -> OpenConnection {
        let mut state = self.state();
        state.connections += 1;
        OpenConnection { life: Arc::clone(self) }
    }

    /// What keeps the daemon alive right now.
    pub fn keepers(&self) -> Keepers {
        keepers(&self.state())
    }

    /// How long until the daemon ends if nobody calls; nothing where something keeps it alive. Connections do not
    /// count here: whoever asks has one.
    pub fn idle_left(&self, now: Instant) -> Option<Duration> {
        let state = self.state();
        if !state.kept.is_empty() {
            return None;
        }
        if state.connections > 0 {
            return Some(self.idle_exit);
        }
        Some(self.idle_exit.saturating_sub(now.saturating_duration_since(state.last_use)))
    }

    /// Decides to end if the daemon has been idle for long enough; otherwise says when to look again.
    pub fn end_if_idle(&self, now: Instant) -> std::result::Result<(), Duration> {
        let mut state = self.state();
        let idle = now.saturating_duration_since(state.last_use);
        if state.connections > 0 || !state.kept.is_empty() {
            return Err(self.idle_exit);
        }
        if idle < self.idle_exit {
            return Err(self.idle_exit.saturating_sub(idle));
        }
        state.ending = true;
        Ok(())
    }

    /// Takes back the decision of [`Self::end_if_idle`]: somebody called in the last moment.
    pub fn revive(&self) {
        let mut state = self.state();
        state.ending = false;
        state.last_use = Instant::now();
    }

    /// Decides to end. Without `force` a run or a lock refuses it; with it they are asked to end gracefully.
    pub fn end(&self, force: bool) -> Result<()> {
        let mut state = self.state();
        let keepers = keepers(&state);
        let idle = keepers.runs.is_empty() && keepers.locks.is_empty();
        if !force && !idle {
            return Err(busy(&keepers));
        }
        state.ending = true;
        drop(state);
        self.ending.cancel();
        Ok(())
    }

    /// Fires when the daemon was told to end: runs cancel gracefully, locks are released.
    pub fn ending(&self) -> &CancellationToken {
        &self.ending
    }

    /// Fires when the socket is gone and nobody new can call.
    pub fn unreachable(&self) -> &CancellationToken {
        &self.unreachable
    }

    /// Waits until no run and no lock is left.
    pub async fn quiet(&self) {
        self.until(|keepers| keepers.runs.is_empty() && keepers.locks.is_empty()).await;
    }

    /// Waits until what keeps the daemon alive is as wanted; looks whenever one of those is gone.
    pub async fn until(&self, wanted: impl Fn(&Keepers) -> bool) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if wanted(&self.keepers()) {
                return;
            }
            changed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keepers(state: &State) -> Keepers {
    let mut found = Keepers::default();
    for keep in state.kept.values() {
        match keep {
            Keep::Run(id) => found.runs.push(id.clone()),
            Keep::Lock(key) => found.locks.push(key.clone()),
            Keep::Session(name) => found.sessions.push(name.clone()),
        }
    }
    found
}

fn busy(keepers: &Keepers) -> Error {
    let mut error = Error::new(Reason::DaemonBusy, "the daemon is busy and was not stopped");
    for run in &keepers.runs {
        error = error.fact("Run", run);
    }
    for lock in &keepers.locks {
        error = error.fact("Lock", lock);
    }
    error.hint("wait for it with `deployer run attach ID`, or stop it all with `deployer daemon stop --force`")
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(1800);

    fn later(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[test]
    fn an_idle_daemon_ends_after_its_time_and_begins_nothing_new() {
        let life = Life::new(IDLE);
        assert!(life.end_if_idle(later(1700)).is_err());
        assert!(life.end_if_idle(later(1801)).is_ok());
        assert_eq!(life.keep(Keep::Run("r".to_owned())).err().map(|e| e.reason), Some(Reason::DaemonBusy));
        life.revive();
        assert!(life.keep(Keep::Run("r".to_owned())).is_ok());
    }

    #[test]
    fn a_run_a_lock_a_session_and_a_connection_keep_it_alive() {
        for keep in [Keep::Run("r".into()), Keep::Lock("l".into()), Keep::Session("s".into())] {
            let life = Life::new(IDLE);
            let kept = life.keep(keep).unwrap();
            assert!(life.end_if_idle(later(9999)).is_err());
            assert_eq!(life.idle_left(Instant::now()), None);
            drop(kept);
            assert!(life.end_if_idle(later(9999)).is_ok());
        }
        let life = Life::new(IDLE);
        let connection = life.connection();
        assert!(life.end_if_idle(later(9999)).is_err());
        drop(connection);
        assert!(life.end_if_idle(later(9999)).is_ok());
    }

    #[test]
    fn a_stop_names_what_keeps_it_unless_forced() {
        let life = Life::new(IDLE);
        let _run = life.keep(Keep::Run("01J".to_owned())).unwrap();
        let _session = life.keep(Keep::Session("a@b".to_owned())).unwrap();
        let error = life.end(false).unwrap_err();
        assert_eq!((error.reason, error.facts), (Reason::DaemonBusy, vec![("Run".to_owned(), "01J".to_owned())]));
        assert!(!life.ending().is_cancelled());
        life.end(true).unwrap();
        assert!(life.ending().is_cancelled());
    }

    #[test]
    fn a_session_in_memory_does_not_refuse_a_stop() {
        let life = Life::new(IDLE);
        let _session = life.keep(Keep::Session("a@b".to_owned())).unwrap();
        assert!(life.end(false).is_ok());
    }

    #[tokio::test]
    async fn quiet_comes_when_the_last_run_and_lock_are_gone() {
        let life = Life::new(IDLE);
        let run = life.keep(Keep::Run("r".to_owned())).unwrap();
        let lock = life.keep(Keep::Lock("l".to_owned())).unwrap();
        let waiting = tokio::spawn({
            let life = Arc::clone(&life);
            async move { life.quiet().await }
        });
        drop(run);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(lock);
        waiting.await.unwrap();
    }
}
