//! The lock item as it is stored and as it is read.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::key::LockKey;

/// The names of the attributes, as DynamoDB and older tools know them.
#[allow(missing_docs, reason = "each is the attribute of that name in the lock design's table")]
pub mod attribute {
    pub const LOCK_ID: &str = "LockID";
    pub const TENANT_ID: &str = "TenantID";
    pub const STACK_NAME: &str = "StackName";
    pub const ENVIRONMENT: &str = "Environment";
    pub const LOCKED_BY: &str = "LockedBy";
    pub const LOCKED_AT: &str = "LockedAt";
    pub const LOCK_EXPIRY: &str = "LockExpiry";
    pub const HEARTBEAT: &str = "Heartbeat";
    pub const VERSION: &str = "Version";
    pub const TTL: &str = "TTL";
    pub const FENCING_TOKEN: &str = "FencingToken";
    pub const HB_SEQ: &str = "HbSeq";
    pub const LEASE_MS: &str = "LeaseMs";
    pub const SESSION_ID: &str = "SessionID";
    pub const ATTEMPT_ID: &str = "AttemptID";
    pub const LOCK_STATE: &str = "LockState";
    pub const HOST: &str = "Host";
    pub const PID: &str = "Pid";
    pub const RUN_ID: &str = "RunID";
    pub const OPERATION: &str = "Operation";
    pub const LAST_SESSION: &str = "LastSession";
    pub const RELEASED_AT: &str = "ReleasedAt";
    pub const UNLOCKED_BY: &str = "UnlockedBy";
    pub const UNLOCK_REASON: &str = "UnlockReason";
    pub const UNLOCKED_AT: &str = "UnlockedAt";
    pub const EVEN_IF_ALIVE: &str = "EvenIfAlive";
}

use attribute as a;

/// The value of one attribute: DynamoDB's `S` or `N`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    /// A text.
    Text(String),
    /// A number in its decimal spelling, as DynamoDB normalises it.
    Number(String),
}

impl Attribute {
    /// Makes a text.
    pub fn text(value: impl std::fmt::Display) -> Self {
        Self::Text(value.to_string())
    }

    /// Makes a whole number.
    pub fn number(value: impl Into<i128>) -> Self {
        Self::Number(value.into().to_string())
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) => None,
        }
    }

    /// The whole part of the number, if it is one; older tools may have written it as a text or with a fraction.
    pub fn as_whole(&self) -> Option<i128> {
        let (Self::Text(text) | Self::Number(text)) = self;
        text.parse().ok().or_else(|| {
            let float: f64 = text.parse().ok()?;
            // Beyond 2^53 a float names no particular whole number.
            (float.abs() < 9.0e15).then_some(float.trunc() as i128)
        })
    }

    fn as_u64(&self) -> Option<u64> {
        u64::try_from(self.as_whole()?).ok()
    }

    fn as_i64(&self) -> Option<i64> {
        i64::try_from(self.as_whole()?).ok()
    }
}

/// A stored item: attributes by name. Attributes that are neither texts nor numbers are left out.
pub type Attributes = BTreeMap<String, Attribute>;

/// Whether an item of ours says that the lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockState {
    /// Somebody holds it.
    Held,
    /// Nobody does; the item stays so that the token's counter survives.
    Released,
}

impl LockState {
    /// The state as the item spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Held => "HELD",
            Self::Released => "RELEASED",
        }
    }
}

/// One lock item as it was read. Whatever is missing or makes no sense reads as absent, never as an error: the item
/// may be another tool's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockItem {
    /// Which lock it is.
    pub key: LockKey,
    attributes: Attributes,
}

impl LockItem {
    /// Takes an item as it is stored.
    pub fn new(key: LockKey, mut attributes: Attributes) -> Self {
        attributes.insert(a::LOCK_ID.to_owned(), Attribute::text(&key));
        Self { key, attributes }
    }

    /// The item as it is stored.
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }

    /// One attribute as it is stored.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.get(name)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.attribute(name)?.as_text().filter(|text| !text.is_empty())
    }

    fn seconds(&self, name: &str) -> Option<Timestamp> {
        Timestamp::from_second(self.attribute(name)?.as_i64()?).ok()
    }

    fn moment(&self, name: &str) -> Option<Timestamp> {
        self.text(name)?.parse().ok()
    }

    /// Whether the item is HELD or RELEASED; `None` for an item of an older tool.
    pub fn state(&self) -> Option<LockState> {
        match self.text(a::LOCK_STATE)? {
            "RELEASED" => Some(LockState::Released),
            _ => Some(LockState::Held),
        }
    }

    /// Whether an older tool wrote it: there is no token to fence by.
    pub fn is_legacy(&self) -> bool {
        !self.attributes.contains_key(a::FENCING_TOKEN)
    }

    /// Whether it may be taken at once: released, with a token to go on from.
    pub fn is_free(&self) -> bool {
        self.state() == Some(LockState::Released) && !self.is_legacy()
    }

    /// The fencing token.
    pub fn token(&self) -> Option<u64> {
        self.attribute(a::FENCING_TOKEN)?.as_u64()
    }

    /// The number of the last heartbeat.
    pub fn hb_seq(&self) -> Option<u64> {
        self.attribute(a::HB_SEQ)?.as_u64()
    }

    /// For how long a waiter must see the item unchanged, in milliseconds.
    pub fn lease_ms(&self) -> Option<u64> {
        self.attribute(a::LEASE_MS)?.as_u64()
    }

    /// The daemon incarnation that holds it.
    pub fn session(&self) -> Option<&str> {
        self.text(a::SESSION_ID)
    }

    /// The acquire call that took it.
    pub fn attempt(&self) -> Option<&str> {
        self.text(a::ATTEMPT_ID)
    }

    /// The incarnation that held it last, after a release.
    pub fn last_session(&self) -> Option<&str> {
        self.text(a::LAST_SESSION)
    }

    /// Who holds it; empty for nobody or unknown.
    pub fn locked_by(&self) -> &str {
        self.text(a::LOCKED_BY).unwrap_or_default()
    }

    /// The holder's host.
    pub fn host(&self) -> Option<&str> {
        self.text(a::HOST)
    }

    /// The holder's process id.
    pub fn pid(&self) -> Option<u64> {
        self.attribute(a::PID)?.as_u64()
    }

    /// The holder's run.
    pub fn run(&self) -> Option<&str> {
        self.text(a::RUN_ID)
    }

    /// What the holder does: apply, destroy, lock run …
    pub fn operation(&self) -> Option<&str> {
        self.text(a::OPERATION)
    }

    /// The holder's program version.
    pub fn version(&self) -> Option<&str> {
        self.text(a::VERSION)
    }

    /// When it was taken, in server time; not necessarily before the last heartbeat.
    pub fn locked_at(&self) -> Option<Timestamp> {
        self.moment(a::LOCKED_AT).or_else(|| self.seconds(a::LOCKED_AT))
    }

    /// The last heartbeat, in server time.
    pub fn heartbeat(&self) -> Option<Timestamp> {
        self.seconds(a::HEARTBEAT)
    }

    /// When it expires for callers that refuse to wait, in server time.
    pub fn lock_expiry(&self) -> Option<Timestamp> {
        self.seconds(a::LOCK_EXPIRY)
    }

    /// When somebody unlocked it by force, in server time.
    pub fn unlocked_at(&self) -> Option<Timestamp> {
        self.moment(a::UNLOCKED_AT)
    }

    /// Who unlocked it by force.
    pub fn unlocked_by(&self) -> Option<&str> {
        self.text(a::UNLOCKED_BY)
    }

    /// Why it was unlocked by force.
    pub fn unlock_reason(&self) -> Option<&str> {
        self.text(a::UNLOCK_REASON)
    }

    /// The mark by which a waiter sees whether the item changed: state, session, attempt, token and heartbeat number;
    /// for an item of an older tool its holder, heartbeat and expiry.
    ///
    /// The attempt tells two tenures of one session apart that have one token: a token that never sealed the state may
    /// be given again once its item was deleted.
    pub fn mark(&self) -> LockMark {
        let names: &[&'static str] = if self.is_legacy() {
            &[a::LOCK_ID, a::FENCING_TOKEN, a::LOCKED_BY, a::HEARTBEAT, a::LOCK_EXPIRY]
        } else {
            &[a::LOCK_ID, a::LOCK_STATE, a::SESSION_ID, a::ATTEMPT_ID, a::FENCING_TOKEN, a::HB_SEQ]
        };
        LockMark { seen: names.iter().map(|name| (*name, self.attribute(name).cloned())).collect() }
    }
}

/// Tells two states of one lock apart: as long as the protocol is kept it never repeats after a change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockMark {
    seen: Vec<(&'static str, Option<Attribute>)>,
}

impl LockMark {
    /// The attributes that make the mark, absent ones included; `LockID` is among them, so that no missing item has it.
    pub fn seen(&self) -> &[(&'static str, Option<Attribute>)] {
        &self.seen
    }
}
