//! Takes a lock away by force: two looks, then one transaction that also writes the audit item.

use deployer_domain::caller::Caller;
use deployer_domain::change::LockStanding;
use deployer_domain::entropy::ulid;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::LockKey;
use deployer_domain::lease::{self, Unlock, UnlockStep};
use deployer_domain::lock::{LockItem, Written};
use deployer_domain::port_error::Attempted;

use super::record::{AuditOf, Recorder};
use super::show_lock::LockView;
use super::target::Target;
use super::view::View;
use super::{Ports, Steps};

/// What is to be unlocked, and why.
#[derive(Debug, Clone)]
pub struct UnlockWanted {
    /// The environment of the stack.
    pub target: Target,
    /// Why.
    pub reason: String,
    /// Whether a living holder is put out too, without looking twice.
    pub even_if_alive: bool,
}

/// A lock that was taken away.
#[derive(Debug, Clone)]
pub struct Unlocked {
    /// The lock as it is now.
    pub lock: LockView,
    /// Who held it.
    pub was_held_by: String,
    /// Whether that holder gave it back by itself in the meantime.
    pub given_back: bool,
}

/// Unlocks by force. Fails with `LOCK_HELD` when the holder is alive, and with `NOT_FOUND` when nobody held the lock.
pub async fn unlock(ports: &Ports, caller: &Caller, wanted: UnlockWanted, steps: Steps<'_>) -> Result<Unlocked> {
    let reason = wanted.reason.trim();
    if reason.is_empty() {
        return Err(Error::new(Reason::InvalidRequest, "why is it to be unlocked?").hint("say it with --reason"));
    }
    let view = View::of(ports, caller, wanted.target.tenant.as_ref()).await?;
    let place = wanted.target.place(&view, caller).await?;
    let key = view.stack(&place.stack, &place.environment).lock().clone();
    let unlock = Unlock {
        key: key.clone(),
        by: caller.actor.to_string(),
        reason: reason.to_owned(),
        even_if_alive: wanted.even_if_alive,
        audit: ulid(&*ports.entropy, ports.clock.now()),
    };
    let subject = format!("{}/{}: {reason}", key.stack, key.environment);
    let of = AuditOf::Tenant(view.space.clone());
    let recorder = Recorder::new(&view.backend, caller, of, "lock.unlock", &subject).await;
    let work = Unlocking { ports, view: &view, unlock, recorder, steps };
    let (was_held_by, given_back) = work.run().await?;
    let item = work.look().await?;
    if item.as_ref().is_none_or(LockItem::is_free) {
        ports.changes.tell_lock(view.address(), &key, LockStanding::Free);
    }
    Ok(Unlocked { lock: LockView::new(ports, key, item, view.backend.locks.server_now()), was_held_by, given_back })
}

struct Unlocking<'a> {
    ports: &'a Ports,
    view: &'a View,
    unlock: Unlock,
    recorder: Recorder,
    steps: Steps<'a>,
}

impl Unlocking<'_> {
    fn key(&self) -> &LockKey {
        &self.unlock.key
    }

    async fn look(&self) -> Result<Option<LockItem>> {
        let what = format!("read the lock of {}/{}", self.key().stack, self.key().environment);
        self.ports.leases.look(&self.view.backend, self.key()).await.attempted(what, self.view.address())
    }

    /// Answers who held the lock, and whether it was given back meanwhile.
    async fn run(&self) -> Result<(String, bool)> {
        let locks = &self.view.backend.locks;
        let first = self.look().await?;
        let mut step = self.unlock.first_look(first.as_ref(), locks.server_now(), self.ports.leases.timing());
        let Some(first) = first.filter(|_| step != UnlockStep::NotLocked) else {
            return Err(self.not_locked());
        };
        (self.steps)("Looking at the lock");
        if let UnlockStep::LookAgain(after) = step {
            tokio::time::sleep(after).await;
            let second = self.look().await?;
            step = self.unlock.second_look(&first, second.as_ref(), locks.server_now());
            (self.steps)("Watching its holder");
        }
        if let UnlockStep::Release { .. } = step {
            let intent = self.recorder.intent(self.ports).await?;
            let released = self.release(step).await;
            self.recorder.result(self.ports, intent, &released).await;
            return released.map(|given_back| (spell(&first), given_back));
        }
        let settled = self.settle(step);
        self.recorder.note(self.ports, &settled).await;
        settled.map(|given_back| (spell(&first), given_back))
    }

    async fn release(&self, step: UnlockStep) -> Result<bool> {
        let UnlockStep::Release { write, audit } = step else {
            return self.settle(step);
        };
        let what = format!("unlock {}/{}", self.key().stack, self.key().environment);
        let written = self.ports.leases.take_away(&self.view.backend, &write, &audit).await;
        match written.attempted(what, self.view.address())? {
            Written::Applied => {
                (self.steps)("Taking the lock away");
                Ok(false)
            }
            Written::Refused(item) => self.settle(self.unlock.refused(item.as_ref())),
        }
    }

    /// What to say when nothing was to be released: a holder that gave the lock back meanwhile is as good.
    fn settle(&self, step: UnlockStep) -> Result<bool> {
        match step {
            UnlockStep::Alive(item) => {
                Err(lease::alive(&item, self.view.backend.locks.server_now(), self.ports.leases.timing()))
            }
            _ => Ok(true),
        }
    }

    fn not_locked(&self) -> Error {
        let LockKey { stack, environment, .. } = self.key();
        Error::new(Reason::NotFound, format!("{stack}/{environment} is not locked"))
            .hint("`deployer lock list` shows what is")
    }
}

fn spell(item: &LockItem) -> String {
    let who = if item.locked_by().is_empty() { "an unknown holder" } else { item.locked_by() };
    item.host().map_or_else(|| who.to_owned(), |host| format!("{who} on {host}"))
}
