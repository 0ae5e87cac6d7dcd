//! The task that keeps one lock: beats, the raise of the token, the release; one after another.

use deployer_domain::lease::{BeatAnswer, HolderState, ReleaseAnswer};

use super::{Deed, Port, Turn};
use crate::law::{Event, Law};
use crate::rules::{Judged, WriteId};
use crate::world::{Holding, Kind, Phase, Put, Sent, Work};

impl Holding {
    pub const fn send(&mut self, kind: Kind, write: WriteId) {
        self.keeper = Some(Sent { kind, write, age: 0, silent: false });
    }

    /// Whether a request of the work is under way.
    pub const fn is_writing(&self) -> bool {
        matches!(
            self.work,
            Work::Opening { put: Some(_), .. }
                | Work::Writing { put: Some(_), .. }
                | Work::Executing { silent: false, .. }
        )
    }

    /// The write of the state that is under way.
    pub const fn put(&self) -> Option<Put> {
        match self.work {
            Work::Opening { put, .. } | Work::Writing { put, .. } => put,
            _ => None,
        }
    }
}

impl Turn<'_> {
    pub fn keep(&mut self, who: usize, mut holding: Holding, deed: Deed) -> Option<Phase> {
        match (deed, holding.keeper) {
            (Deed::Beat, None) if holding.seq < self.scene.beats => {
                holding.seq += 1;
                let (term, seq) = (holding.term, holding.seq);
                holding.send(Kind::Beat { seq }, self.rules.beat(self.identity(who), term, seq));
            }
            (Deed::Release, None) if !holding.lost => {
                holding.send(Kind::Release, self.rules.release(self.identity(who), holding.term));
            }
            (Deed::Request(Port::Table, fate), Some(mut sent)) => {
                let answer = self.meet(&mut sent, fate)?;
                holding.keeper = Some(sent);
                return Some(match answer {
                    Some(judged) => self.answered(who, holding, sent, judged),
                    // A beat is not repeated: the next one does as well.
                    None if matches!(sent.kind, Kind::Beat { .. }) => {
                        Phase::Holding(Holding { keeper: None, ..holding })
                    }
                    None => Phase::Holding(holding),
                });
            }
            (Deed::Repeat, Some(sent)) => holding.keeper = Some(Sent { silent: false, ..sent }),
            (Deed::Abandon, Some(sent)) => return Some(self.abandon(holding, sent)),
            _ => return None,
        }
        Some(Phase::Holding(holding))
    }

    fn answered(&mut self, who: usize, mut holding: Holding, sent: Sent, judged: Judged) -> Phase {
        holding.keeper = None;
        let (applied, item, holder) = (judged.applied.is_some(), self.world.table.item, self.identity(who));
        match sent.kind {
            Kind::Beat { seq } => {
                let landed = || self.rules.beat_refused(holder, holding.term, seq, item) != BeatAnswer::Lost;
                if applied || landed() {
                    self.prove(&mut holding, sent.age);
                } else {
                    holding.lost = true;
                }
            }
            Kind::Raise | Kind::Acquire if applied || self.rules.is_own(sent.write, item) => {
                holding.term = self.rules.gains(sent.write).0;
                self.prove(&mut holding, sent.age);
            }
            Kind::Raise | Kind::Acquire => holding.lost = true,
            Kind::Release => {
                let released = || self.rules.release_refused(holder, holding.term, item) == ReleaseAnswer::Released;
                if applied || released() {
                    self.world.machines[who].journal = None;
                    return Phase::Over;
                }
                holding.lost = true;
            }
        }
        Phase::Holding(holding)
    }

    /// Gives up waiting for the answer to a raise or a release.
    fn abandon(&mut self, mut holding: Holding, sent: Sent) -> Phase {
        if sent.kind == Kind::Release {
            return Phase::Over;
        }
        holding.keeper = None;
        if self.rules.is_own(sent.write, self.world.table.item) {
            holding.term = self.rules.gains(sent.write).0;
            self.prove(&mut holding, sent.age);
        } else {
            // The state is not sealed then, and the lock is given back.
            holding.work = Work::Closed;
        }
        Phase::Holding(holding)
    }

    fn prove(&mut self, holding: &mut Holding, sent: u8) {
        let before = (holding.age, holding.lost);
        let after = (sent, self.rules.is_lost_after(before, sent));
        self.world.broken.note(Law::LostIsLost, before.1 && !after.1);
        let standing = |(age, lost)| self.rules.standing(age, lost);
        if (standing(before), standing(after)) == (HolderState::Fenced, HolderState::Held) {
            self.world.event = Some(Event::FencedToHeld);
        }
        (holding.age, holding.lost) = after;
    }
}
