//! The table: whether a write may happen, what it makes of the item, and which laws that breaks.

use deployer_domain::lease::{BeatAnswer, ReleaseAnswer, judge_beat, judge_release};
use deployer_domain::lock::{
    Attribute, Attributes, Clause, LockChange, LockCondition, LockItem, LockState, LockWrite, Over, Own, attribute,
};

use super::{ItemId, Rules, Term, WriteId, number};
use crate::law::{Broken, Event, Law};
use crate::mutant::Mutant;

/// What became of a write of the item.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// The item afterwards; `None` when the write was refused.
    pub applied: Option<ItemId>,
    pub broken: Broken,
    pub event: Option<Event>,
}

/// What an item says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// It may be taken at once.
    pub free: bool,
    /// It was unlocked by force.
    pub unlocked: bool,
}

impl Rules {
    /// Judges a write by what is stored.
    pub fn judge(&self, write: WriteId, stored: Option<ItemId>) -> Judged {
        self.judged.recall((write, stored), || {
            let (write, item) = (self.writes.value(write.0), stored.map(|item| self.items.value(item.0)));
            let before = item.as_deref();
            if !self.holds(&write.condition, before) {
                return Judged { applied: None, broken: Broken::default(), event: None };
            }
            let after = self.apply(&write, before);
            let (broken, event) = (laws(&write, before, &after), event(&write, before));
            Judged { applied: Some(ItemId(self.items.name(after))), broken, event }
        })
    }

    fn holds(&self, condition: &LockCondition, item: Option<&LockItem>) -> bool {
        if self.mutant.is_none() {
            return condition.holds(item);
        }
        let nothing = Attributes::new();
        let stored = item.map_or(&nothing, LockItem::attributes);
        self.clauses(condition).iter().any(|clauses| clauses.iter().all(|clause| clause.holds(stored)))
    }

    /// The condition's clauses, as a mutant has them.
    fn clauses(&self, condition: &LockCondition) -> Vec<Vec<Clause>> {
        use attribute as a;
        let mut lists = condition.any_of();
        let mut drop = |list: usize, names: &[&str]| lists[list].retain(|clause| !names.contains(&name(clause)));
        match (self.mutant, condition) {
            (Some(Mutant::OwnWithoutSeq), LockCondition::Acquire { .. }) => drop(1, &[a::HB_SEQ]),
            (Some(Mutant::OwnWithoutToken), LockCondition::Acquire { .. }) => drop(1, &[a::FENCING_TOKEN]),
            (Some(Mutant::OwnUnrecognised), LockCondition::Acquire { .. }) => {
                lists[1] = vec![Clause::Is(a::ATTEMPT_ID, Some(Attribute::text("nobody's")))];
            }
            (Some(Mutant::FreeWithoutToken), LockCondition::Acquire { over: Over::Free { .. }, .. }) => {
                drop(0, &[a::FENCING_TOKEN]);
            }
            (Some(Mutant::BeatWithoutSeq), LockCondition::Beat { .. }) => drop(0, &[a::HB_SEQ]),
            (Some(Mutant::BeatForAnybody), LockCondition::Beat { .. }) => {
                drop(0, &[a::SESSION_ID, a::ATTEMPT_ID, a::FENCING_TOKEN]);
            }
            (Some(Mutant::BeatOfAnyAttempt), LockCondition::Beat { .. }) => drop(0, &[a::ATTEMPT_ID]),
            (Some(Mutant::BeatOnVersion), LockCondition::Beat { seq, .. }) => {
                drop(0, &[a::HB_SEQ]);
                lists[0].push(Clause::Is(a::HB_SEQ, Some(Attribute::number(seq - 1))));
            }
            (Some(Mutant::UnconditionalUnlock), LockCondition::ForceRelease { .. }) => lists = vec![Vec::new()],
            _ => {}
        }
        lists
    }

    fn apply(&self, write: &LockWrite, item: Option<&LockItem>) -> LockItem {
        let after = write.apply(item);
        if !(self.is(Mutant::AddOne) && matches!(write.change, LockChange::Acquire(_))) {
            return after;
        }
        let token = item.and_then(LockItem::token).unwrap_or(0) + 1;
        let mut attributes = after.attributes().clone();
        attributes.insert(attribute::FENCING_TOKEN.to_owned(), Attribute::number(token));
        LockItem::new(after.key.clone(), attributes)
    }

    /// Whether an item is what an acquisition wrote.
    pub fn is_own(&self, write: WriteId, item: Option<ItemId>) -> bool {
        let Some(own) = self.own(write) else { return false };
        let Some(item) = item.map(|item| self.items.value(item.0)) else { return false };
        if self.mutant.is_none() {
            return own.is(&item);
        }
        let lists = self.clauses(&LockCondition::Acquire { over: Over::Absent, own });
        lists[1].iter().all(|clause| clause.holds(item.attributes()))
    }

    /// The tenure and the heartbeat number that an acquisition sets.
    pub fn gains(&self, write: WriteId) -> (Term, u64) {
        self.own(write).map_or(((0, 0), 0), |own| ((number(own.attempt), own.token), own.hb_seq))
    }

    fn own(&self, write: WriteId) -> Option<Own> {
        match &self.writes.value(write.0).condition {
            LockCondition::Acquire { own, .. } => Some(own.clone()),
            _ => None,
        }
    }

    /// What a refused beat means.
    pub fn beat_refused(&self, holder: (u8, u8), term: Term, seq: u64, item: Option<ItemId>) -> BeatAnswer {
        let item = item.map(|item| self.items.value(item.0));
        judge_beat(&self.term(holder, term), seq, item.as_deref())
    }

    /// What a refused release means.
    pub fn release_refused(&self, holder: (u8, u8), term: Term, item: Option<ItemId>) -> ReleaseAnswer {
        let item = item.map(|item| self.items.value(item.0));
        judge_release(&self.term(holder, term), item.as_deref())
    }

    /// Whether the item says that an incarnation holds the lock with a token.
    pub fn is_held_by(&self, holder: (u8, u8), term: Term, item: Option<ItemId>) -> bool {
        let Some(item) = item.map(|item| self.items.value(item.0)) else { return false };
        self.term(holder, term).is(&item)
    }

    /// What an item says of itself.
    pub fn facts(&self, item: ItemId) -> Facts {
        self.facts.recall(item, || {
            let item = self.items.value(item.0);
            Facts { free: item.is_free(), unlocked: item.unlocked_at().is_some() }
        })
    }
}

fn name(clause: &Clause) -> &'static str {
    match clause {
        Clause::Is(name, _) | Clause::Below(name, _) => name,
    }
}

/// The laws about one change of the item.
fn laws(write: &LockWrite, before: Option<&LockItem>, after: &LockItem) -> Broken {
    let mut broken = Broken::default();
    let pair = |item: &LockItem| (item.token().unwrap_or(0), item.hb_seq().unwrap_or(0));
    let state = |item: Option<&LockItem>| item.and_then(LockItem::state);
    let (old, new) = (before.map(pair), pair(after));
    let acquires = matches!(write.change, LockChange::Acquire(_));
    if let Some(old) = old {
        broken.note(Law::TokensRise, new.0 < old.0);
        broken.note(Law::PairsNeverRepeat, new < old);
    }
    let takes = matches!(write.change, LockChange::ForceRelease { .. }) || (acquires && Some(after) != before);
    broken.note(Law::TokensRise, takes && old.is_some_and(|old| new.0 <= old.0));
    if let Some(before) = before.filter(|before| before.state() == after.state() && acquires) {
        let who = |item: &LockItem| (item.session().map(str::to_owned), item.attempt().map(str::to_owned));
        let same = (pair(before).0 == new.0, who(before) == who(after));
        broken.note(Law::OneHolderPerToken, same.0 != same.1);
    }
    if let LockCondition::Beat { term, .. } | LockCondition::Release { term } = &write.condition {
        broken.note(Law::HoldersTouchOnlyTheirOwn, !before.is_some_and(|item| term.is(item)));
    }
    let rises = state(before) == Some(LockState::Released) && after.state() == Some(LockState::Held);
    broken.note(Law::ReleasedStaysReleased, rises && !(acquires && old.is_some_and(|old| new.0 > old.0)));
    broken
}

/// What is remarkable about a write that is applied.
fn event(write: &LockWrite, before: Option<&LockItem>) -> Option<Event> {
    match &write.condition {
        LockCondition::Acquire { own, .. } if before.is_some_and(|item| own.is(item)) => Some(Event::OwnRetry),
        LockCondition::Acquire { over: Over::Unchanged(_), .. } => Some(Event::Takeover),
        LockCondition::Acquire { over: Over::Crashed { .. }, .. } => Some(Event::Reacquired),
        LockCondition::Acquire { over: Over::Mine { .. }, .. } => Some(Event::Raised),
        LockCondition::ForceRelease { .. } => Some(Event::ForcedUnlock),
        _ => None,
    }
}
