//! What the domain decides, asked with and answered by names; and where a mutant decides otherwise.

mod decide;
mod intern;
mod state;
mod table;
mod time;

use deployer_domain::key::{StackSpace, TenantSpace};
use deployer_domain::lease::{HolderState, LeaseTiming, Unlock};
use deployer_domain::lock::{Holder, LockItem, LockWrite};
use deployer_domain::name::StateVersion;
use deployer_domain::seal::SealStep;
use ulid::Ulid;

pub use decide::{Decision, Question, Unlocking};
use intern::{Memory, Pool};
pub use state::{Author, Verdict};
pub use table::Judged;
pub use time::Ages;

use crate::mutant::Mutant;
use crate::world::{Put, Seen};

/// The name of an item's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ItemId(u32);

/// The name of a write of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WriteId(u32);

/// The name of a state document's content, which is its version too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocId(u32);

/// Asks the domain.
pub struct Rules {
    pub mutant: Option<Mutant>,
    pub timing: LeaseTiming,
    pub ages: Ages,
    space: StackSpace,
    items: Pool<LockItem>,
    writes: Pool<LockWrite>,
    documents: Pool<state::Document>,
    judged: Memory<(WriteId, Option<ItemId>), Judged>,
    asked: Memory<Question, Decision>,
    noted: Memory<(Option<Seen>, ItemId, u8), Seen>,
    standings: Memory<(u8, bool), HolderState>,
    sent: Memory<Sending, WriteId>,
    seals: Memory<(Option<DocId>, Author), SealStep>,
    puts: Memory<state::Change, Put>,
    facts: Memory<ItemId, table::Facts>,
}

/// The call that won a lock or raised its token, and the token.
pub type Term = (u8, u64);

/// What a holder sends for its lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Sending {
    holder: (u8, u8),
    term: Term,
    /// The number of a beat; a release has none.
    seq: Option<u64>,
}

impl Rules {
    pub fn new(mutant: Option<Mutant>) -> Self {
        let tenant = TenantSpace::new("acme-team".parse().expect("a good name"), StateVersion::default());
        let space = tenant.stack(&"shop".parse().expect("a good name"), &"dev".parse().expect("a good name"));
        let timing = LeaseTiming::default();
        Self {
            mutant,
            ages: Ages::of(&timing),
            timing,
            space,
            items: Pool::default(),
            writes: Pool::default(),
            documents: Pool::default(),
            judged: Memory::default(),
            asked: Memory::default(),
            noted: Memory::default(),
            standings: Memory::default(),
            sent: Memory::default(),
            seals: Memory::default(),
            puts: Memory::default(),
            facts: Memory::default(),
        }
    }

    /// Whether the protocol is broken in this way.
    pub fn is(&self, mutant: Mutant) -> bool {
        self.mutant == Some(mutant)
    }

    fn holder(&self, machine: u8, incarnation: u8) -> Holder {
        Holder {
            session: session(machine, incarnation),
            actor: format!("user-{machine}"),
            host: format!("host-{machine}"),
            pid: 1,
            run: None,
            operation: "apply".to_owned(),
            version: "v0.0.0".to_owned(),
        }
    }

    fn unlock(&self, person: u8, even_if_alive: bool) -> Unlock {
        Unlock {
            key: self.space.lock().clone(),
            by: "admin".to_owned(),
            reason: "it hangs".to_owned(),
            even_if_alive,
            audit: Ulid::from_parts(4, u128::from(person)),
        }
    }
}

/// The session of a daemon's incarnation.
fn session(machine: u8, incarnation: u8) -> Ulid {
    Ulid::from_parts(1, u128::from(machine) << 8 | u128::from(incarnation))
}

/// The id of an acquire call or a raise.
fn attempt(machine: u8, number: u8) -> Ulid {
    Ulid::from_parts(2, u128::from(machine) << 8 | u128::from(number))
}

/// The number of an acquire call or a raise.
fn number(attempt: Ulid) -> u8 {
    u8::try_from(attempt.random() & 0xff).unwrap_or(u8::MAX)
}

/// The id of a write of the state.
fn write_id(machine: u8, number: u8) -> Ulid {
    Ulid::from_parts(3, u128::from(machine) << 8 | u128::from(number))
}
