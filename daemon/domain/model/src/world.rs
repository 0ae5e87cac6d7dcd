//! One state of everything: the table, the document, the server that executes change sets, the messages that are late,
//! the daemons and the people.

use crate::law::{Broken, Event};
use crate::rules::{DocId, ItemId, Term, WriteId};

/// One state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    pub table: Table,
    /// `state.json`; its version is its content's.
    pub state: Option<DocId>,
    pub cloud: Cloud,
    /// Requests that nobody waits for any more, and may yet arrive; sorted.
    pub late: Vec<Message>,
    pub machines: Vec<Machine>,
    pub people: Vec<Person>,
    pub left: Left,
    /// The tokens that have sealed the state.
    pub sealed: Bits,
    /// The largest token whose engine has started.
    pub engine: u64,
    pub broken: Broken,
    /// What the last action was, if it was remarkable.
    pub event: Option<Event>,
}

/// A set of small numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Bits(u32);

impl Bits {
    pub fn add(&mut self, n: u64) {
        self.0 |= 1 << n;
    }

    pub fn remove(&mut self, n: u64) {
        self.0 &= !(1 << n);
    }

    pub fn remove_below(&mut self, n: u64) {
        self.0 &= !((1 << n) - 1);
    }

    pub const fn has(self, n: u64) -> bool {
        self.0 & (1 << n) != 0
    }
}

/// The table of locks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Table {
    pub item: Option<ItemId>,
    /// How long ago it was unlocked by force, in ticks.
    pub unlocked: u8,
    /// The unlocks that have an audit item.
    pub audits: Bits,
    /// The unlocks that took effect.
    pub forced: Bits,
}

/// CloudFormation, with one stack.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Cloud {
    /// The change sets that are there, by the token that made them.
    pub sets: Bits,
    /// The change sets that were executed.
    pub executed: Bits,
    /// The one that is being executed.
    pub running: Option<u64>,
}

/// A request, without who waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Message {
    Lock(WriteId),
    Unlock { person: u8, write: WriteId },
    Put(Put),
    Execute(u64),
}

/// A write of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Put {
    pub document: DocId,
    /// The version it replaces, and was made from.
    pub over: Option<DocId>,
}

/// What may still go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Left {
    pub faults: u8,
    pub crashes: u8,
    pub deletions: u8,
}

/// One daemon that wants the lock, over its incarnations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Machine {
    pub incarnation: u8,
    /// The incarnation and the token that the journal tells of.
    pub journal: Option<(u8, u64)>,
    /// Ids handed out so far.
    pub attempts: u8,
    pub puts: u8,
    /// How often it has wanted the lock.
    pub rounds: u8,
    /// What it saw of the lock while another held it.
    pub seen: Option<Seen>,
    pub phase: Phase,
}

/// An item as a waiter saw it, and for how many ticks it is unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seen {
    pub item: ItemId,
    pub age: u8,
}

/// What a daemon is at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Phase {
    Idle,
    Down,
    Acquiring(Pursuit),
    Holding(Holding),
    Over,
}

/// One acquire call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pursuit {
    /// The first id that it had; it takes a new one where the item is gone after it has tried.
    pub first: u8,
    pub attempt: u8,
    pub crashed: Option<(u8, u64)>,
    pub fence: Option<u64>,
    pub look: Look,
    pub sent: Option<Sent>,
    /// Whether something was sent under the present id.
    pub tried: bool,
}

/// The last read of the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Look {
    None,
    /// It was asked for so long ago.
    Asked(u8),
    Item(Option<ItemId>),
}

/// A write of the item that its sender waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sent {
    pub kind: Kind,
    pub write: WriteId,
    /// Since its first sending, in ticks.
    pub age: u8,
    /// No answer will come.
    pub silent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Acquire,
    Beat { seq: u64 },
    Raise,
    Release,
}

/// A lock that is held.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Holding {
    pub term: Term,
    /// The number of the last beat that was sent.
    pub seq: u64,
    /// Since the sending of the last beat that landed, in ticks.
    pub age: u8,
    pub lost: bool,
    /// The write of the item that is under way.
    pub keeper: Option<Sent>,
    pub work: Work,
}

/// What is done under the lock.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Work {
    /// The state is being sealed.
    Opening { refused: bool, put: Option<Put>, first_id: u8 },
    /// It is sealed; no engine has started. `resolved`: what older holders had begun was dealt with.
    Sealed { document: Option<DocId>, resolved: bool },
    /// A command runs.
    Running { document: Option<DocId> },
    /// The state is being written.
    Writing { document: Option<DocId>, put: Option<Put>, first_id: u8, stage: Stage },
    /// The intent is written; the change set may be made.
    Intended { document: Option<DocId> },
    /// The change set may be executed.
    Prepared { document: Option<DocId> },
    /// It was asked for.
    Executing { document: Option<DocId>, silent: bool },
    /// It is being executed.
    Polling { document: Option<DocId> },
    /// All is written.
    Closed,
}

/// What is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    Intent,
    Result,
}

/// Somebody who unlocks by force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Person {
    Idle,
    Looked { item: ItemId, age: u8 },
    Sent { write: WriteId, silent: bool },
    Done,
}

impl World {
    /// Adds a request that nobody waits for.
    pub fn delay(&mut self, message: Message) {
        let at = self.late.partition_point(|other| *other < message);
        self.late.insert(at, message);
    }
}

impl Holding {
    /// Whether it is the keeper's turn to send something.
    pub const fn is_quiet(&self) -> bool {
        self.keeper.is_none() && !self.lost
    }
}
