//! What changed, told to everybody who watches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use deployer_domain::backend::BackendAddress;
use deployer_domain::change::{Change, ChangeLog, LockStanding, Look, Missed, Owner, What};
use deployer_domain::clock::Clock;
use deployer_domain::key::LockKey;
use tokio::sync::watch;
use ulid::Ulid;

/// The changes that this incarnation of the daemon has seen.
pub struct Changes {
    stream: Ulid,
    clock: Arc<dyn Clock>,
    log: Mutex<ChangeLog>,
    grown: watch::Sender<u64>,
}

impl Changes {
    /// Begins to count; `stream` names this incarnation.
    pub fn new(stream: Ulid, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { stream, clock, log: Mutex::default(), grown: watch::Sender::default() })
    }

    /// The incarnation that the numbers belong to.
    pub fn stream(&self) -> Ulid {
        self.stream
    }

    /// Tells a change, if it is one.
    pub fn tell(&self, what: What) {
        self.tell_with(|| what);
    }

    /// The same, looked at when it is this one's turn: what two tell at once cannot come in the wrong order.
    pub fn tell_with(&self, what: impl FnOnce() -> What) {
        self.note(|log, now| log.note(now, what()));
    }

    /// Tells what a look at a tenant's storage found, as far as it is news.
    pub fn tell_look(&self, owner: &Owner, look: Look) {
        self.note(|log, now| log.note_look(now, owner, look));
    }

    /// Tells how this daemon holds a lock.
    pub fn tell_lock(&self, backend: &BackendAddress, key: &LockKey, standing: LockStanding) {
        let owner = Owner { backend: backend.clone(), tenant: key.tenant.clone() };
        self.tell(What::Lock(owner, key.into(), standing));
    }

    /// Follows what changes after a number, or from now on.
    pub fn follow(self: &Arc<Self>, after: Option<u64>) -> Follower {
        let grown = self.grown.subscribe();
        let after = after.unwrap_or_else(|| self.log().last());
        Follower { changes: Arc::clone(self), grown, after }
    }

    fn note(&self, note: impl FnOnce(&mut ChangeLog, jiff::Timestamp) -> bool) {
        let last = {
            let mut log = self.log();
            if !note(&mut log, self.clock.now()) {
                return;
            }
            log.last()
        };
        self.grown.send_modify(|told| *told = last.max(*told));
    }

    fn log(&self) -> MutexGuard<'_, ChangeLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who follows.
pub struct Follower {
    changes: Arc<Changes>,
    grown: watch::Receiver<u64>,
    after: u64,
}

impl Follower {
    /// The number of the last change that was answered, or from which on it follows.
    pub fn position(&self) -> u64 {
        self.after
    }

    /// Whether everything after its number is still there.
    pub fn is_whole(&self) -> bool {
        self.changes.log().after(self.after).is_ok()
    }

    /// The next change, as soon as there is one. Who has missed some goes on with the newest.
    pub async fn next(&mut self) -> Result<Change, Missed> {
        loop {
            self.grown.mark_unchanged();
            match self.now()? {
                Some(change) => return Ok(change),
                // The sender is as old as the changes, which this follower keeps.
                None => drop(self.grown.changed().await),
            }
        }
    }

    fn now(&mut self) -> Result<Option<Change>, Missed> {
        let log = self.changes.log();
        let next = log.after(self.after).map(|change| change.cloned());
        self.after = match &next {
            Ok(Some(change)) => change.sequence,
            Ok(None) => self.after,
            Err(Missed) => log.last(),
        };
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deployer_domain::change::KEPT;
    use deployer_domain::lease::HolderState;

    fn scene() -> Arc<Changes> {
        Changes::new(Ulid::from_parts(1, 1), Arc::new(crate::clock::SystemClock))
    }

    fn lock(changes: &Changes, standing: LockStanding) {
        let key = LockKey {
            tenant: "web-team".parse().unwrap(),
            stack: "shop".parse().unwrap(),
            environment: "production".parse().unwrap(),
        };
        changes.tell_lock(&"s3://company-state".parse().unwrap(), &key, standing);
    }

    #[tokio::test]
    async fn every_follower_hears_every_change_once_and_in_order() {
        let changes = scene();
        let mut follower = changes.follow(None);
        let hearing = tokio::spawn(async move {
            let mut heard = Vec::new();
            while heard.len() < 100 {
                heard.push(follower.next().await.unwrap().sequence);
            }
            heard
        });
        for at in 0..100 {
            lock(&changes, LockStanding::Theirs { token: at, alive: true });
            tokio::task::yield_now().await;
        }
        assert_eq!(hearing.await.unwrap(), (1..=100).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_follower_that_fell_behind_is_told_so_and_goes_on_with_the_newest() {
        let changes = scene();
        let mut follower = changes.follow(None);
        for at in 0..=KEPT as u64 {
            lock(&changes, LockStanding::Theirs { token: at, alive: true });
        }
        assert!(!follower.is_whole());
        assert_eq!(follower.next().await, Err(Missed));
        lock(&changes, LockStanding::Ours(HolderState::Held));
        assert_eq!(follower.next().await.unwrap().sequence, KEPT as u64 + 2);
    }
}
