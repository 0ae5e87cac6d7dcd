//! What a holder writes, heartbeats and the release, and what the answers mean.

use std::time::Duration;

use jiff::Timestamp;

use crate::key::LockKey;
use crate::lock::{LockChange, LockCondition, LockItem, LockState, LockWrite, Term};

use super::timing::millis;

/// A lock as its holder knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenure {
    /// The lock.
    pub key: LockKey,
    /// Who holds it, by which call, under which token.
    pub term: Term,
}

impl Tenure {
    /// Builds a heartbeat. `seq` is above that of every earlier one, `at` is server time.
    pub fn beat(&self, seq: u64, lease: Duration, at: Timestamp) -> LockWrite {
        LockWrite {
            key: self.key.clone(),
            condition: LockCondition::Beat { term: self.term, seq },
            change: LockChange::Beat { seq, lease_ms: millis(lease), at },
        }
    }

    /// Builds the release. No heartbeat is under way any more; `at` is server time.
    pub fn release(&self, at: Timestamp) -> LockWrite {
        LockWrite {
            key: self.key.clone(),
            condition: LockCondition::Release { term: self.term },
            change: LockChange::Release { session: self.term.session, at },
        }
    }
}

/// What a refused heartbeat means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeatAnswer {
    /// An earlier attempt had landed, with this number.
    Landed(u64),
    /// The lock is another's, was released, or is gone: terminal.
    Lost,
}

/// Judges a heartbeat that was refused by what was in the way.
pub fn judge_beat(term: &Term, seq: u64, in_the_way: Option<&LockItem>) -> BeatAnswer {
    let ours = in_the_way.filter(|item| term.is(item));
    match ours.and_then(LockItem::hb_seq) {
        Some(landed) if landed >= seq => BeatAnswer::Landed(landed),
        _ => BeatAnswer::Lost,
    }
}

/// What a refused release means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseAnswer {
    /// An earlier attempt had landed.
    Released,
    /// There was nothing of ours to release.
    WasLost,
}

/// Judges a release that was refused by what was in the way.
pub fn judge_release(term: &Term, in_the_way: Option<&LockItem>) -> ReleaseAnswer {
    let released = in_the_way.is_some_and(|item| {
        item.state() == Some(LockState::Released)
            && item.token() == Some(term.token)
            && item.last_session() == Some(term.session.to_string().as_str())
    });
    if released { ReleaseAnswer::Released } else { ReleaseAnswer::WasLost }
}
