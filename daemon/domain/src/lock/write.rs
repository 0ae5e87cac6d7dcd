//! Conditional writes of lock items, as values.

use jiff::Timestamp;
use ulid::Ulid;

use crate::key::LockKey;
use crate::name::RunId;

use super::item::attribute as a;
use super::{Attribute, Attributes, LockItem, LockMark, LockState};

/// `LockExpiry` lies this many seconds after `Heartbeat`, and `TTL` as many after `LockExpiry`.
pub(crate) const EXPIRY_SECONDS: i64 = 3600;
/// A released item is kept for this long, so that its token's counter survives.
const TOMBSTONE_SECONDS: i64 = 30 * 24 * 3600;
/// Texts of people are cut to this many bytes, so that an item stays under 1 KB.
const TEXT_BYTES: usize = 120;

/// One comparison with a stored attribute. For a missing item every attribute is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clause {
    /// The attribute has this value; `None`: it does not exist.
    Is(&'static str, Option<Attribute>),
    /// The attribute exists and is a number below this one.
    Below(&'static str, u64),
}

impl Clause {
    fn text(name: &'static str, value: impl std::fmt::Display) -> Self {
        Self::Is(name, Some(Attribute::text(value)))
    }

    fn number(name: &'static str, value: u64) -> Self {
        Self::Is(name, Some(Attribute::number(value)))
    }

    fn holds(&self, item: &Attributes) -> bool {
        match self {
            Self::Is(name, expected) => item.get(*name) == expected.as_ref(),
            Self::Below(name, limit) => match item.get(*name) {
                Some(value @ Attribute::Number(_)) => value.as_whole().is_some_and(|n| n < i128::from(*limit)),
                _ => false,
            },
        }
    }
}

/// Recognises what this very acquisition wrote: no heartbeat has followed, nobody else has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    /// The acquire call.
    pub attempt: Ulid,
    /// The token it tried; one call may try two, so the attempt alone would not do.
    pub token: u64,
    /// The heartbeat number it set.
    pub hb_seq: u64,
}

impl Own {
    fn clauses(&self) -> Vec<Clause> {
        vec![
            Clause::text(a::ATTEMPT_ID, self.attempt),
            Clause::number(a::FENCING_TOKEN, self.token),
            Clause::number(a::HB_SEQ, self.hb_seq),
            Clause::text(a::LOCK_STATE, LockState::Held.as_str()),
        ]
    }

    /// Whether the item is what this acquisition wrote.
    pub fn is(&self, item: &LockItem) -> bool {
        self.clauses().iter().all(|clause| clause.holds(item.attributes()))
    }
}

/// What an acquisition replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// There is no item.
    Absent,
    /// A released item with this token.
    Free {
        /// The token that was read.
        token: u64,
    },
    /// A dead holder's item, an older tool's one included: it must still be as it was seen all the time.
    Unchanged(Box<LockMark>),
    /// The lock that an earlier incarnation of this daemon held when it crashed.
    Crashed {
        /// That incarnation.
        session: Ulid,
        /// Its token.
        token: u64,
    },
    /// Our own lock, to raise its token above a fence found in the state.
    Mine {
        /// This incarnation.
        session: Ulid,
        /// The present token.
        token: u64,
        /// A heartbeat number that none of our beats has reached.
        below_seq: u64,
    },
}

impl Over {
    fn clauses(&self) -> Vec<Clause> {
        let held = Clause::text(a::LOCK_STATE, LockState::Held.as_str());
        match self {
            Self::Absent => vec![Clause::Is(a::LOCK_ID, None)],
            Self::Free { token } => vec![
                Clause::text(a::LOCK_STATE, LockState::Released.as_str()),
                Clause::number(a::FENCING_TOKEN, *token),
            ],
            Self::Unchanged(mark) => mark.seen().iter().map(|(name, value)| Clause::Is(name, value.clone())).collect(),
            Self::Crashed { session, token } => {
                vec![Clause::text(a::SESSION_ID, session), Clause::number(a::FENCING_TOKEN, *token), held]
            }
            Self::Mine { session, token, below_seq } => vec![
                Clause::text(a::SESSION_ID, session),
                Clause::number(a::FENCING_TOKEN, *token),
                held,
                Clause::Below(a::HB_SEQ, *below_seq),
            ],
        }
    }
}

/// Under which condition a lock item may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LockCondition {
    /// What is replaced is still there, or we have replaced it already.
    Acquire {
        /// What is replaced.
        over: Over,
        /// How we recognise our own earlier attempt.
        own: Own,
    },
    /// We hold it, and no later beat of ours has landed.
    Beat {
        /// This incarnation.
        session: Ulid,
        /// Our token.
        token: u64,
        /// The number of this beat.
        seq: u64,
    },
    /// We hold it.
    Release {
        /// This incarnation.
        session: Ulid,
        /// Our token.
        token: u64,
    },
    /// It is still as it was seen; with `even_if_alive`, its holder may have beaten since.
    ForceRelease {
        /// What was seen.
        mark: LockMark,
        /// Whether the heartbeat may have moved.
        even_if_alive: bool,
    },
}

impl LockCondition {
    /// The condition in parts: it holds when all clauses of any one of these lists hold.
    pub fn any_of(&self) -> Vec<Vec<Clause>> {
        match self {
            Self::Acquire { over, own } => vec![over.clauses(), own.clauses()],
            Self::Beat { session, token, seq } => {
                vec![Over::Mine { session: *session, token: *token, below_seq: *seq }.clauses()]
            }
            Self::Release { session, token } => {
                vec![Over::Crashed { session: *session, token: *token }.clauses()]
            }
            Self::ForceRelease { mark, even_if_alive } => {
                let moving = [a::HB_SEQ, a::HEARTBEAT, a::LOCK_EXPIRY];
                let seen = mark.seen().iter().filter(|(name, _)| !(*even_if_alive && moving.contains(name)));
                vec![seen.map(|(name, value)| Clause::Is(name, value.clone())).collect()]
            }
        }
    }

    /// Whether the condition holds for what is stored.
    pub fn holds(&self, item: Option<&LockItem>) -> bool {
        let nothing = Attributes::new();
        let stored = item.map_or(&nothing, LockItem::attributes);
        self.any_of().iter().any(|clauses| clauses.iter().all(|clause| clause.holds(stored)))
    }
}

/// Who takes a lock; for people, but for the session.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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

type Assignments = Vec<(&'static str, Attribute)>;

impl LockChange {
    /// The attributes that are set.
    pub fn set(&self) -> Assignments {
        match self {
            Self::Acquire(hold) => acquired(hold),
            Self::Beat { seq, lease_ms, at } => beaten(*seq, *lease_ms, *at),
            Self::Release { session, at } => {
                let mut set = tombstone(*at);
                set.push((a::LAST_SESSION, Attribute::text(session)));
                set.push((a::RELEASED_AT, Attribute::text(at)));
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
                set.push((a::UNLOCKED_AT, Attribute::text(at)));
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

fn clipped(text: &str) -> Attribute {
    let end = (0..=text.len().min(TEXT_BYTES)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    Attribute::text(&text[..end])
}

/// One conditional write of one lock item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockWrite {
    /// Which lock.
    pub key: LockKey,
    /// When it may change.
    pub condition: LockCondition,
    /// How it changes.
    pub change: LockChange,
}

impl LockWrite {
    /// The attributes that are set, with those that follow from the key where an acquisition may create the item.
    pub fn set(&self) -> Assignments {
        let mut set = self.change.set();
        // A forced release repeats them for items of older tools that lack them, so that listings find the tombstone.
        if matches!(self.change, LockChange::Acquire(_) | LockChange::ForceRelease { .. }) {
            set.extend([
                (a::TENANT_ID, Attribute::text(&self.key.tenant)),
                (a::STACK_NAME, Attribute::text(&self.key.stack)),
                (a::ENVIRONMENT, Attribute::text(&self.key.environment)),
            ]);
        }
        set
    }

    /// The item after the write. Says nothing about whether the write may happen.
    pub fn apply(&self, item: Option<&LockItem>) -> LockItem {
        let mut attributes = item.map(|item| item.attributes().clone()).unwrap_or_default();
        for name in self.change.removed() {
            attributes.remove(name);
        }
        attributes.extend(self.set().into_iter().map(|(name, value)| (name.to_owned(), value)));
        LockItem::new(self.key.clone(), attributes)
    }
}

/// The audit item of a forced unlock, written in the same transaction. It lies within the tenant's key prefix and has
/// no `TenantID`, so that the index does not show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlockAudit {
    /// Its own id; repeating an unlock with the same id changes nothing.
    pub id: Ulid,
    /// The lock.
    pub key: LockKey,
    /// What it says.
    pub attributes: Attributes,
}

impl UnlockAudit {
    /// Records who unlocks what, and why.
    pub fn new(id: Ulid, write: &LockWrite, before: &LockItem, even_if_alive: bool) -> Self {
        let copied = [a::LOCKED_BY, a::SESSION_ID, a::FENCING_TOKEN, a::HB_SEQ, a::HOST, a::RUN_ID, a::OPERATION];
        let mut attributes: Attributes =
            copied.iter().filter_map(|name| Some(((*name).to_owned(), before.attribute(name)?.clone()))).collect();
        let said = [a::UNLOCKED_BY, a::UNLOCK_REASON, a::UNLOCKED_AT];
        let set = write.change.set().into_iter().filter(|(name, _)| said.contains(name));
        attributes.extend(set.map(|(name, value)| (name.to_owned(), value)));
        attributes.insert(a::EVEN_IF_ALIVE.to_owned(), Attribute::text(even_if_alive));
        Self { id, key: write.key.clone(), attributes }
    }

    /// The key of the audit item.
    pub fn lock_id(&self) -> String {
        self.key.unlock_audit(self.id)
    }
}
