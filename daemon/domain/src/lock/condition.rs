//! The conditions of lock items, as values.

use ulid::Ulid;

use super::item::attribute as a;
use super::{Attribute, Attributes, LockItem, LockMark, LockState, Written};

/// One comparison with a stored attribute. For a missing item every attribute is absent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

    /// Whether it holds for what is stored.
    pub fn holds(&self, item: &Attributes) -> bool {
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
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

    /// Takes a refusal by what this acquisition itself wrote for the success that it is.
    pub fn recognise(&self, written: Written) -> Written {
        match written {
            Written::Refused(Some(item)) if self.is(&item) => Written::Applied,
            other => other,
        }
    }
}

/// One tenure of a lock. A token that never sealed a state may be given a second time after the item was deleted, also to
/// the same session: the acquire call tells the two apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Term {
    /// The holder's incarnation.
    pub session: Ulid,
    /// The call that acquired it, or raised its token.
    pub attempt: Ulid,
    /// Its token.
    pub token: u64,
}

impl Term {
    fn clauses(&self) -> Vec<Clause> {
        vec![
            Clause::text(a::SESSION_ID, self.session),
            Clause::text(a::ATTEMPT_ID, self.attempt),
            Clause::number(a::FENCING_TOKEN, self.token),
            Clause::text(a::LOCK_STATE, LockState::Held.as_str()),
        ]
    }

    /// Whether the item says that the lock is held in this tenure.
    pub fn is(&self, item: &LockItem) -> bool {
        self.clauses().iter().all(|clause| clause.holds(item.attributes()))
    }
}

/// What an acquisition replaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
        /// The tenure so far.
        term: Term,
        /// A heartbeat number that none of our beats has reached.
        below_seq: u64,
    },
}

impl Over {
    fn clauses(&self) -> Vec<Clause> {
        match self {
            Self::Absent => vec![Clause::Is(a::LOCK_ID, None)],
            Self::Free { token } => vec![
                Clause::text(a::LOCK_STATE, LockState::Released.as_str()),
                Clause::number(a::FENCING_TOKEN, *token),
            ],
            Self::Unchanged(mark) => mark.seen().iter().map(|(name, value)| Clause::Is(name, value.clone())).collect(),
            Self::Crashed { session, token } => {
                let held = Clause::text(a::LOCK_STATE, LockState::Held.as_str());
                vec![Clause::text(a::SESSION_ID, session), Clause::number(a::FENCING_TOKEN, *token), held]
            }
            Self::Mine { term, below_seq } => not_reached(term, *below_seq),
        }
    }
}

fn not_reached(term: &Term, seq: u64) -> Vec<Clause> {
    let mut clauses = term.clauses();
    clauses.push(Clause::Below(a::HB_SEQ, seq));
    clauses
}

/// Under which condition a lock item may change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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
        /// Our tenure.
        term: Term,
        /// The number of this beat.
        seq: u64,
    },
    /// We hold it.
    Release {
        /// Our tenure.
        term: Term,
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
            Self::Beat { term, seq } => vec![not_reached(term, *seq)],
            Self::Release { term } => vec![term.clauses()],
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
