//! What to try next after looking at a lock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ulid::Ulid;

use crate::clock::LeaseInstant;
use crate::key::LockKey;
use crate::lock::{Hold, Holder, LockChange, LockCondition, LockItem, LockState, LockWrite, Over, Own, Term};

use super::{LeaseTiming, Observation};

/// For how long a caller waits for a lock that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Not at all.
    Refuse,
    /// For a time, counted from a reading.
    Wait {
        /// When the caller asked.
        since: LeaseInstant,
        /// How long it waits.
        at_most: Duration,
    },
}

impl Patience {
    /// How long the caller still waits.
    pub fn left(&self, now: LeaseInstant) -> Duration {
        match self {
            Self::Refuse => Duration::ZERO,
            Self::Wait { since, at_most } => at_most.saturating_sub(now.surely_since(*since)),
        }
    }
}

/// The lock as a crashed incarnation of this daemon held it, from a journal whose owner is proven dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreviousHold {
    /// That incarnation.
    pub session: Ulid,
    /// Its token.
    pub token: u64,
}

/// One acquire call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquisition {
    /// The lock.
    pub key: LockKey,
    /// Who takes it.
    pub holder: Holder,
    /// This call.
    pub attempt: Ulid,
    /// For how long it waits.
    pub patience: Patience,
    /// Whether the delay after a forced unlock is skipped.
    pub no_delay: bool,
    /// The lock's earlier holder, when this daemon goes on after a crash.
    pub crashed: Option<PreviousHold>,
    /// The fence in the state, as far as it is known.
    pub fence: Option<u64>,
}

/// Why a caller waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// Somebody holds the lock.
    Held(LockItem),
    /// It was unlocked by force a moment ago; what its holder started may still be ending.
    Unlocked(LockItem),
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Write this; the token is ours if it is applied.
    Try {
        /// The write.
        write: Box<LockWrite>,
        /// How a landed earlier attempt of it looks.
        own: Own,
    },
    /// Read the fence of the state first: the item does not tell the floor of the tokens.
    ReadFence,
    /// Look again, after this time at the latest.
    Wait {
        /// When waiting turns into something else by itself.
        at_most: Duration,
        /// Why.
        why: Waiting,
    },
    /// Somebody holds it, and the caller does not wait (any longer).
    Refuse(LockItem),
}

/// The moment at which a step is decided.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The clocks of this machine.
    pub now: LeaseInstant,
    /// The server's wall clock.
    pub server: Timestamp,
}

impl Acquisition {
    /// Decides what to do about the item that was read last. `seen` includes that read.
    pub fn step(
        &self,
        item: Option<&LockItem>,
        seen: Option<&Observation>,
        moment: Moment,
        timing: &LeaseTiming,
    ) -> Step {
        let Some(item) = item else {
            return self.take(Over::Absent, None, moment, timing);
        };
        if let Some(token) = item.token().filter(|_| item.is_free()) {
            let delay = self.delay_left(item, moment, timing);
            if !delay.is_zero() {
                return Step::Wait { at_most: delay, why: Waiting::Unlocked(item.clone()) };
            }
            return self.take(Over::Free { token }, Some(token), moment, timing);
        }
        if let Some(crashed) = self.crashed.filter(|crashed| is_held_by(item, crashed)) {
            let over = Over::Crashed { session: crashed.session, token: crashed.token };
            return self.take(over, Some(crashed.token), moment, timing);
        }
        let left = seen.map_or(timing.longest_lease, |seen| seen.left(moment.now));
        let moved = seen.is_some_and(Observation::has_moved);
        let expired = self.patience == Patience::Refuse && !moved && is_long_expired(item, moment.server, timing);
        // A wall clock that jumped makes a living holder look dead: one that lives would have beaten twice by then.
        let unproven = timing.unlock_look.saturating_sub(seen.map_or(Duration::ZERO, |seen| seen.watched(moment.now)));
        if left.is_zero() || (expired && unproven.is_zero()) {
            return self.take(Over::Unchanged(Box::new(item.mark())), item.token(), moment, timing);
        }
        if expired {
            return Step::Wait { at_most: left.min(unproven), why: Waiting::Held(item.clone()) };
        }
        let patience = self.patience.left(moment.now);
        if patience.is_zero() {
            return Step::Refuse(item.clone());
        }
        Step::Wait { at_most: left.min(patience), why: Waiting::Held(item.clone()) }
    }

    /// The tenure that this call won with a token.
    pub fn term(&self, token: u64) -> Term {
        Term { session: self.holder.session, attempt: self.attempt, token }
    }

    /// Builds the write that raises the token of our own lock above a fence found in the state. `below_seq` is a number
    /// that no beat of ours has used.
    pub fn raise(
        &self,
        held: Term,
        fence: u64,
        below_seq: u64,
        moment: Moment,
        timing: &LeaseTiming,
    ) -> (LockWrite, Own) {
        let over = Over::Mine { term: held, below_seq };
        self.write(over, held.token.max(fence) + 1, below_seq, moment, timing)
    }

    fn take(&self, over: Over, token: Option<u64>, moment: Moment, timing: &LeaseTiming) -> Step {
        // Where the item's counter is gone, the state's fence is the floor; elsewhere the seal would notice.
        let floor = match (token, self.fence) {
            (None, None) => return Step::ReadFence,
            (token, fence) => token.unwrap_or(0).max(fence.unwrap_or(0)),
        };
        let (write, own) = self.write(over, floor + 1, 0, moment, timing);
        Step::Try { write: Box::new(write), own }
    }

    fn write(&self, over: Over, token: u64, hb_seq: u64, moment: Moment, timing: &LeaseTiming) -> (LockWrite, Own) {
        let own = Own { attempt: self.attempt, token, hb_seq };
        let hold = Hold {
            holder: self.holder.clone(),
            attempt: self.attempt,
            token,
            hb_seq,
            lease_ms: timing.lease_ms(),
            at: moment.server,
        };
        let write = LockWrite {
            key: self.key.clone(),
            condition: LockCondition::Acquire { over, own: own.clone() },
            change: LockChange::Acquire(Box::new(hold)),
        };
        (write, own)
    }

    fn delay_left(&self, item: &LockItem, moment: Moment, timing: &LeaseTiming) -> Duration {
        let Some(at) = item.unlocked_at().filter(|_| !self.no_delay) else {
            return Duration::ZERO;
        };
        // A moment in the future is another clock's error: the delay is then counted as if it began now.
        let passed = Duration::try_from(moment.server.duration_since(at)).unwrap_or_default();
        timing.unlock_delay.saturating_sub(passed)
    }
}

fn is_held_by(item: &LockItem, crashed: &PreviousHold) -> bool {
    item.state() == Some(LockState::Held)
        && item.token() == Some(crashed.token)
        && item.session() == Some(crashed.session.to_string().as_str())
}

fn is_long_expired(item: &LockItem, server_now: Timestamp, timing: &LeaseTiming) -> bool {
    let grace = SignedDuration::try_from(timing.expiry_grace).unwrap_or(SignedDuration::MAX);
    item.lock_expiry().is_some_and(|expiry| server_now.duration_since(expiry) > grace)
}

/// How long a waiter lets pass before it looks again: the longer it has waited, the rarer. `random` is in 0 to 1.
pub fn poll_after(waited: Duration, random: f64, timing: &LeaseTiming) -> Duration {
    let longest = (timing.poll_min + waited / 2).min(timing.poll_max);
    timing.poll_min + longest.saturating_sub(timing.poll_min).mul_f64(random.clamp(0.0, 1.0))
}
