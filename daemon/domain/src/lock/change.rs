//! How lock items change, as values.

use jiff::Timestamp;
use ulid::Ulid;

use crate::name::RunId;

use super::item::attribute as a;
use super::{Attribute, LockState};

/// `LockExpiry` lies this many seconds after `Heartbeat`, and `TTL` as many after `LockExpiry`.
const EXPIRY_SECONDS: i64 = 3600;
/// A released item is kept for this long, so that its token's counter survives.
const TOMBSTONE_SECONDS: i64 = 30 * 24 * 3600;
/// Texts of people are cut to this many bytes, so that an item stays under 1 KB.
const TEXT_BYTES: usize = 120;

/// Who takes a lock; for people, but for the session.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holder {
    /// This daemon incarnation.
    pub session: Ulid,
    /// The actor.
    pub actor: String,
    /// The host.
    pub host: String,
    /// The daemon's process id.
    pub pid: u32,
    /// The run, if it is one.
    pub run: Option<RunId>,
    /// What is done under the lock: `apply`, `destroy`, `lock run` …
    pub operation: String,
    /// The program's version.
    pub version: String,
}

/// All that an acquisition writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hold {
    /// Who takes it.
    pub holder: Holder,
    /// The acquire call.
    pub attempt: Ulid,
    /// The new token.
    pub token: u64,
    /// The first heartbeat number: 0, but more where our own lock gets a new token.
    pub hb_seq: u64,
    /// The lease, in milliseconds.
    pub lease_ms: u64,
    /// Now, in server time.
    pub at: Timestamp,
}

/// How a lock item changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LockChange {
    /// It is taken.
    Acquire(Box<Hold>),
    /// Its holder shows that it lives.
    Beat {
        /// The number of this beat.
        seq: u64,
        /// The lease from now on, in milliseconds.
        lease_ms: u64,
        /// Now, in server time.
        at: Timestamp,
    },
    /// Its holder gives it back.
    Release {
        /// The holder.
        session: Ulid,
        /// Now, in server time.
        at: Timestamp,
    },
    /// Somebody unlocks it by force.
    ForceRelease {
        /// The new token.
        token: u64,
        /// The session that held it.
        last_session: Option<String>,
        /// Who does it.
        by: String,
        /// Why.
        reason: String,
        /// Now, in server time.
        at: Timestamp,
    },
}

/// Attributes with their new values.
pub(super) type Assignments = Vec<(&'static str, Attribute)>;

impl LockChange {
    /// The attributes that are set.
    pub fn set(&self) -> Assignments {
        match self {
            Self::Acquire(hold) => acquired(hold),
            Self::Beat { seq, lease_ms, at } => beaten(*seq, *lease_ms, *at),
            Self::Release { session, at } => {
                let mut set = tombstone(*at);
                set.push((a::LAST_SESSION, Attribute::text(session)));
                set.push((a::RELEASED_AT, Attribute::text(in_milliseconds(*at))));
                set
            }
            Self::ForceRelease { token, last_session, by, reason, at } => {
                let mut set = tombstone(*at);
                set.push((a::FENCING_TOKEN, Attribute::number(*token)));
                if let Some(session) = last_session {
                    set.push((a::LAST_SESSION, Attribute::text(session)));
                }
                set.push((a::UNLOCKED_BY, clipped(by)));
                set.push((a::UNLOCK_REASON, clipped(reason)));
                set.push((a::UNLOCKED_AT, Attribute::text(in_milliseconds(*at))));
                set
            }
        }
    }

    /// The attributes that are removed.
    pub fn removed(&self) -> Vec<&'static str> {
        match self {
            Self::Acquire(hold) => {
                let mut gone = vec![a::LAST_SESSION, a::RELEASED_AT, a::UNLOCKED_BY, a::UNLOCK_REASON, a::UNLOCKED_AT];
                gone.extend(hold.holder.run.is_none().then_some(a::RUN_ID));
                gone
            }
            Self::Beat { .. } => Vec::new(),
            Self::Release { .. } => vec![a::ATTEMPT_ID],
            Self::ForceRelease { .. } => vec![a::ATTEMPT_ID, a::RELEASED_AT],
        }
    }
}

fn acquired(hold: &Hold) -> Assignments {
    let Hold { holder, attempt, token, hb_seq, lease_ms, at } = hold;
    let mut set = beaten(*hb_seq, *lease_ms, *at);
    set.extend([
        (a::LOCKED_BY, clipped(&holder.actor)),
        (a::LOCKED_AT, Attribute::text(in_seconds(*at))),
        (a::VERSION, clipped(&holder.version)),
        (a::FENCING_TOKEN, Attribute::number(*token)),
        (a::SESSION_ID, Attribute::text(holder.session)),
        (a::ATTEMPT_ID, Attribute::text(attempt)),
        (a::LOCK_STATE, Attribute::text(LockState::Held.as_str())),
        (a::HOST, clipped(&holder.host)),
        (a::PID, Attribute::number(holder.pid)),
        (a::OPERATION, clipped(&holder.operation)),
    ]);
    set.extend(holder.run.map(|run| (a::RUN_ID, Attribute::text(run))));
    set
}

fn beaten(seq: u64, lease_ms: u64, at: Timestamp) -> Assignments {
    let beat = at.as_second();
    vec![
        (a::HEARTBEAT, Attribute::number(beat)),
        (a::LOCK_EXPIRY, Attribute::number(beat + EXPIRY_SECONDS)),
        (a::TTL, Attribute::number(beat + 2 * EXPIRY_SECONDS)),
        (a::HB_SEQ, Attribute::number(seq)),
        (a::LEASE_MS, Attribute::number(lease_ms)),
    ]
}

fn tombstone(at: Timestamp) -> Assignments {
    vec![
        (a::LOCK_STATE, Attribute::text(LockState::Released.as_str())),
        (a::LOCKED_BY, Attribute::text("")),
        (a::LOCK_EXPIRY, Attribute::number(0)),
        (a::TTL, Attribute::number(at.as_second() + TOMBSTONE_SECONDS)),
    ]
}

/// Older readers expect whole seconds, as in `2024-01-15T14:30:00Z`.
fn in_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn in_milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

fn clipped(text: &str) -> Attribute {
    let end = (0..=text.len().min(TEXT_BYTES)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    Attribute::text(&text[..end])
}
