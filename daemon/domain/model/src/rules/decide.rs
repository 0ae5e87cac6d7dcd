//! What an acquisition, a holder and a forced unlock do next.

use std::time::Duration;

use deployer_domain::lease::{
    Acquisition, HolderState, Moment, Observation, Patience, PreviousHold, Proof, Step, Tenure, Unlock, UnlockStep,
    Waiting,
};
use deployer_domain::lock::{self, LockItem};

use super::time::{ago, server, whole_ticks};
use super::{ItemId, Rules, Sending, Term, WriteId, attempt, session};
use crate::mutant::Mutant;
use crate::world::Seen;

/// All that an acquisition's next step depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Question {
    pub holder: (u8, u8),
    /// The first id of the call, and its present one.
    pub first: u8,
    pub attempt: u8,
    pub crashed: Option<(u8, u64)>,
    pub fence: Option<u64>,
    pub item: Option<ItemId>,
    pub seen: Option<Seen>,
    pub unlocked: u8,
}

/// The next step of an acquisition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Try(WriteId),
    ReadFence,
    /// `own`: it waits for what it wrote itself.
    Wait {
        own: bool,
    },
}

/// The next step of a forced unlock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlocking {
    Nothing,
    LookAgain,
    Release(WriteId),
}

impl Rules {
    /// Decides what an acquisition does next.
    pub fn step(&self, question: Question) -> Decision {
        self.asked.recall(question, || {
            let Question { holder, crashed, fence, item, seen, unlocked, .. } = question;
            let item = item.map(|item| self.items.value(item.0));
            let seen = seen.map(|seen| self.observation(seen));
            let mut acquisition = self.acquisition(holder, question.attempt);
            acquisition.fence = fence;
            acquisition.crashed =
                crashed.map(|(incarnation, token)| PreviousHold { session: session(holder.0, incarnation), token });
            let moment = Moment { now: ago(0), server: server(unlocked) };
            let ids: Vec<String> =
                (question.first..=question.attempt).map(|number| attempt(holder.0, number).to_string()).collect();
            let own = |item: &LockItem| ids.iter().any(|id| item.attempt() == Some(id));
            match acquisition.step(item.as_deref(), seen.as_ref(), moment, &self.timing) {
                Step::Try { write, .. } => Decision::Try(WriteId(self.writes.name(*write))),
                Step::ReadFence => Decision::ReadFence,
                Step::Wait { why: Waiting::Held(item), .. } | Step::Refuse(item) => Decision::Wait { own: own(&item) },
                Step::Wait { why: Waiting::Unlocked(_), .. } => Decision::Wait { own: false },
            }
        })
    }

    /// Builds the write that raises a holder's token above a fence.
    pub fn raise(&self, holder: (u8, u8), number: u8, held: (Term, u64), fence: u64) -> WriteId {
        let (term, seq) = held;
        let term = self.term(holder, term);
        let moment = Moment { now: ago(0), server: server(0) };
        let (write, _) = self.acquisition(holder, number).raise(term, fence, seq + 1, moment, &self.timing);
        WriteId(self.writes.name(write))
    }

    fn acquisition(&self, holder: (u8, u8), number: u8) -> Acquisition {
        Acquisition {
            key: self.space.lock().clone(),
            holder: self.holder(holder.0, holder.1),
            attempt: attempt(holder.0, number),
            patience: Patience::Wait { since: ago(0), at_most: Duration::MAX },
            no_delay: false,
            crashed: None,
            fence: None,
        }
    }

    fn observation(&self, seen: Seen) -> Observation {
        Observation::note(None, &self.items.value(seen.item.0), ago(seen.age), &self.timing)
    }

    /// Notes what a waiter has read; `asked` ticks ago it had asked for it.
    pub fn note(&self, before: Option<Seen>, item: ItemId, asked: u8) -> Seen {
        let received = if self.is(Mutant::TimerAtSend) { asked } else { 0 };
        self.noted.recall((before, item, received), || {
            let before = before.map(|seen| self.observation(seen));
            let now = Observation::note(before.as_ref(), &self.items.value(item.0), ago(received), &self.timing);
            let left = now.left(ago(0));
            if left.is_zero() {
                return Seen { item, age: self.ages.dead };
            }
            let needed = self.observation(Seen { item, age: 0 }).left(ago(0));
            Seen { item, age: whole_ticks(needed - left) }
        })
    }

    /// What a holder may do, so long after the sending of its last good beat.
    pub fn standing(&self, age: u8, lost: bool) -> HolderState {
        self.standings.recall((age, lost), || self.proof(age, lost).standing(ago(0), &self.timing))
    }

    fn proof(&self, age: u8, lost: bool) -> Proof {
        Proof { sent: ago(age), lease: self.timing.lease, lost }
    }

    /// Whether a holder is lost after a beat that landed.
    pub fn is_lost_after(&self, (age, lost): (u8, bool), sent: u8) -> bool {
        self.proof(age, lost).renewed(ago(sent), self.timing.lease).lost
    }

    /// Builds a beat.
    pub fn beat(&self, holder: (u8, u8), term: Term, seq: u64) -> WriteId {
        self.sent.recall(Sending { holder, term, seq: Some(seq) }, || {
            WriteId(self.writes.name(self.tenure(holder, term).beat(seq, self.timing.lease, server(0))))
        })
    }

    /// Builds a release.
    pub fn release(&self, holder: (u8, u8), term: Term) -> WriteId {
        self.sent.recall(Sending { holder, term, seq: None }, || {
            WriteId(self.writes.name(self.tenure(holder, term).release(server(0))))
        })
    }

    fn tenure(&self, holder: (u8, u8), term: Term) -> Tenure {
        Tenure { key: self.space.lock().clone(), term: self.term(holder, term) }
    }

    /// What marks a tenure on the item.
    pub fn term(&self, holder: (u8, u8), (number, token): Term) -> lock::Term {
        self.acquisition(holder, number).term(token)
    }

    /// Decides what a forced unlock does after its first look.
    pub fn first_look(&self, person: u8, even_if_alive: bool, item: Option<ItemId>) -> Unlocking {
        let item = item.map(|item| self.items.value(item.0));
        let unlock = self.unlock(person, even_if_alive);
        self.unlocking(unlock.first_look(item.as_deref(), server(0), &self.timing))
    }

    /// Decides what a forced unlock does after its second look.
    pub fn second_look(&self, person: u8, first: ItemId, second: Option<ItemId>) -> Unlocking {
        let (first, second) = (self.items.value(first.0), second.map(|item| self.items.value(item.0)));
        let unlock: Unlock = self.unlock(person, false);
        self.unlocking(unlock.second_look(&first, second.as_deref(), server(0)))
    }

    fn unlocking(&self, step: UnlockStep) -> Unlocking {
        match step {
            UnlockStep::NotLocked | UnlockStep::Alive(_) => Unlocking::Nothing,
            UnlockStep::LookAgain(_) => Unlocking::LookAgain,
            UnlockStep::Release { write, .. } => Unlocking::Release(WriteId(self.writes.name(*write))),
        }
    }
}
