//! What changed, for guests that watch instead of asking again and again.
//!
//! Changes are numbered and the newest are kept, so that a guest that was away goes on where it was. What is no news is
//! not told: a look at a backend finds mostly what was known.

use std::collections::{BTreeSet, HashMap, VecDeque};

use jiff::Timestamp;

use crate::approval::Standing;
use crate::backend::BackendAddress;
use crate::context::ContextName;
use crate::key::LockKey;
use crate::lease::HolderState;
use crate::name::{EnvironmentName, RunId, StackName, TenantId};
use crate::run::RunSummary;
use crate::session::Mode;

/// How many changes are kept for guests that were away.
pub const KEPT: usize = 1_000;

/// A tenant of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// The backend.
    pub backend: BackendAddress,
    /// The tenant.
    pub tenant: TenantId,
}

/// What became of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextStanding {
    /// Somebody signed in.
    SignedIn,
    /// Its session ended, or was ended.
    SignedOut,
    /// It is forgotten.
    Removed,
}

/// Who holds a lock, as far as a watcher needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockStanding {
    /// Nobody.
    Free,
    /// This daemon.
    Ours(HolderState),
    /// Somebody else.
    Theirs {
        /// The fencing token of the hold.
        token: u64,
        /// Whether a heartbeat came within the lease.
        alive: bool,
    },
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A context of this computer.
    Context(ContextName, ContextStanding),
    /// Which context is the current one of a mode.
    Current(Mode, Option<ContextName>),
    /// A run of this daemon.
    Run(Owner, RunSummary),
    /// A lock.
    Lock(Owner, LockPlace, LockStanding),
    /// A request for approval.
    Approval(Owner, RunId, Standing),
}

/// The environment that a lock guards.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LockPlace {
    /// The stack.
    pub stack: StackName,
    /// Its environment.
    pub environment: EnvironmentName,
}

impl From<&LockKey> for LockPlace {
    fn from(key: &LockKey) -> Self {
        Self { stack: key.stack.clone(), environment: key.environment.clone() }
    }
}

/// What can change.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Context(ContextName),
    Current(Mode),
    Run(RunId),
    Lock(Owner, LockPlace),
    Approval(RunId),
}

impl What {
    /// Whose it is; nothing for what belongs to the user of this computer.
    pub fn owner(&self) -> Option<&Owner> {
        match self {
            Self::Context(..) | Self::Current(..) => None,
            Self::Run(owner, _) | Self::Lock(owner, ..) | Self::Approval(owner, ..) => Some(owner),
        }
    }

    fn subject(&self) -> Subject {
        match self {
            Self::Context(name, _) => Subject::Context(name.clone()),
            Self::Current(mode, _) => Subject::Current(*mode),
            Self::Run(_, run) => Subject::Run(run.id),
            Self::Lock(owner, place, _) => Subject::Lock(owner.clone(), place.clone()),
            Self::Approval(_, run, _) => Subject::Approval(*run),
        }
    }

    /// Whether nothing is expected to follow.
    fn is_at_rest(&self) -> bool {
        match self {
            Self::Context(_, standing) => *standing == ContextStanding::Removed,
            Self::Current(..) => false,
            Self::Run(_, run) => run.status.is_over(),
            Self::Lock(_, _, standing) => *standing == LockStanding::Free,
            Self::Approval(_, _, standing) => *standing != Standing::Pending,
        }
    }
}

/// A numbered change.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Counted from 1 without gaps.
    pub sequence: u64,
    /// When it was noticed.
    pub time: Timestamp,
    /// What changed.
    pub what: What,
}

/// What a look at a tenant's storage found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Look {
    /// The locks that are held by others.
    pub locks: Vec<(LockPlace, LockStanding)>,
    /// The requests for approval, and where they stand.
    pub approvals: Vec<(RunId, Standing)>,
}

/// The newest changes, and what was told last of everything that goes on.
#[derive(Debug, Default)]
pub struct ChangeLog {
    last: u64,
    kept: VecDeque<Change>,
    known: HashMap<Subject, What>,
}

impl ChangeLog {
    /// The number of the newest change; 0 where there is none.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Notes a change; answers whether it was news.
    pub fn note(&mut self, time: Timestamp, what: What) -> bool {
        let subject = what.subject();
        if self.known.get(&subject) == Some(&what) {
            return false;
        }
        if what.is_at_rest() {
            self.known.remove(&subject);
        } else {
            self.known.insert(subject, what.clone());
        }
        self.last += 1;
        self.kept.push_back(Change { sequence: self.last, time, what });
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        true
    }

    /// Notes what a look found. What is at rest is news only where it was told of as going on.
    pub fn note_look(&mut self, time: Timestamp, owner: &Owner, look: Look) -> bool {
        let held: BTreeSet<_> =
            look.locks.iter().map(|(place, _)| (place.stack.clone(), place.environment.clone())).collect();
        let theirs = |what: &What| match what {
            What::Lock(of, place, LockStanding::Theirs { .. }) if of == owner => Some(place.clone()),
            _ => None,
        };
        let gone = self.known.values().filter_map(theirs);
        let gone = gone.filter(|place| !held.contains(&(place.stack.clone(), place.environment.clone())));
        let gone = gone.map(|place| What::Lock(owner.clone(), place, LockStanding::Free));
        let locks = look.locks.into_iter().map(|(place, standing)| What::Lock(owner.clone(), place, standing));
        let approvals = look.approvals.into_iter().map(|(run, standing)| What::Approval(owner.clone(), run, standing));
        let found: Vec<What> = gone.collect::<Vec<_>>().into_iter().chain(locks).chain(approvals).collect();
        let mut news = false;
        for what in found {
            if !what.is_at_rest() || self.known.contains_key(&what.subject()) {
                news |= self.note(time, what);
            }
        }
        news
    }

    /// The first change after a number; `Err` where it is not kept any more, or where there never was that number.
    pub fn after(&self, sequence: u64) -> Result<Option<&Change>, Missed> {
        if sequence > self.last {
            return Err(Missed);
        }
        let Some(first) = self.kept.front() else { return Ok(None) };
        let position = (sequence + 1).checked_sub(first.sequence).ok_or(Missed)?;
        Ok(usize::try_from(position).ok().and_then(|position| self.kept.get(position)))
    }
}

/// Changes were missed: everything must be asked anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed;

#[cfg(test)]
mod tests;
