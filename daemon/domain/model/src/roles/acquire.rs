//! One acquire call: look, decide, try, wait.

use super::{Deed, Port, Turn};
use crate::law::Law;
use crate::mutant::Mutant;
use crate::rules::{Decision, ItemId, Question};
use crate::world::{Holding, Kind, Look, Phase, Pursuit, Sent, Work};

impl Turn<'_> {
    /// A daemon begins to want the lock, or is started again and goes on from its journal.
    pub fn start(&mut self, who: usize, phase: &Phase) -> Option<Phase> {
        let rounds = self.scene.rounds;
        let machine = &mut self.world.machines[who];
        let mut crashed = None;
        if *phase == Phase::Down {
            machine.incarnation += 1;
            crashed = machine.journal;
        } else if machine.rounds == rounds {
            return None;
        } else {
            machine.rounds += 1;
        }
        let attempt = self.attempt(who);
        Some(Phase::Acquiring(Pursuit {
            first: attempt,
            attempt,
            crashed,
            fence: None,
            look: Look::None,
            sent: None,
            tried: false,
        }))
    }

    /// A new id of an acquire call, or of its next try.
    pub fn attempt(&mut self, who: usize) -> u8 {
        let machine = &mut self.world.machines[who];
        machine.attempts += 1;
        machine.attempts - 1
    }

    pub fn acquire(&mut self, who: usize, mut pursuit: Pursuit, deed: Deed) -> Option<Phase> {
        match (deed, pursuit.sent) {
            (Deed::Look, None) if self.scene.slow_reads && !matches!(pursuit.look, Look::Asked(_)) => {
                pursuit.look = Look::Asked(0);
            }
            (Deed::Look, None) if !self.scene.slow_reads => self.looked(who, &mut pursuit, self.world.table.item, 0),
            (Deed::Receive, None) => {
                let Look::Asked(age) = pursuit.look else { return None };
                self.looked(who, &mut pursuit, self.world.table.item, age);
            }
            (Deed::Decide, None) => self.decide(who, &mut pursuit)?,
            (Deed::Request(Port::Table, fate), Some(mut sent)) => {
                let answer = self.meet(&mut sent, fate)?;
                pursuit.sent = Some(sent);
                let Some(judged) = answer else { return Some(Phase::Acquiring(pursuit)) };
                let item = self.world.table.item;
                if judged.applied.is_some() || self.rules.is_own(sent.write, item) {
                    return Some(self.won(who, sent));
                }
                pursuit.sent = None;
                self.looked(who, &mut pursuit, item, 0);
            }
            (Deed::Repeat, Some(sent)) if sent.silent => pursuit.sent = Some(Sent { silent: false, ..sent }),
            // The call ends as one whose outcome is unknown, unless a last look finds what it wrote.
            (Deed::Abandon, Some(sent)) if sent.silent => {
                let own = self.rules.is_own(sent.write, self.world.table.item);
                return Some(if own { self.won(who, sent) } else { Phase::Over });
            }
            _ => return None,
        }
        Some(Phase::Acquiring(pursuit))
    }

    fn looked(&mut self, who: usize, pursuit: &mut Pursuit, item: Option<ItemId>, asked: u8) {
        pursuit.look = Look::Item(item);
        let rules = self.rules;
        let machine = &mut self.world.machines[who];
        machine.seen = item.filter(|item| !rules.facts(*item).free).map(|item| rules.note(machine.seen, item, asked));
    }

    fn decide(&mut self, who: usize, pursuit: &mut Pursuit) -> Option<()> {
        let Look::Item(item) = pursuit.look else { return None };
        let gone = item.is_none() && std::mem::take(&mut pursuit.tried);
        if gone && !self.rules.is(Mutant::SameAttempt) {
            pursuit.attempt = self.attempt(who);
        }
        let question = Question {
            holder: self.identity(who),
            first: pursuit.first,
            attempt: pursuit.attempt,
            crashed: pursuit.crashed,
            fence: pursuit.fence,
            item,
            seen: self.world.machines[who].seen,
            // A look may be old: what it saw unlocked a while ago may not be what is there now.
            unlocked: if item == self.world.table.item { self.world.table.unlocked } else { 0 },
        };
        match self.rules.step(question) {
            Decision::Try(write) if self.rules.gains(write).0.1 <= self.scene.tokens => {
                pursuit.sent = Some(Sent { kind: Kind::Acquire, write, age: 0, silent: false });
                pursuit.tried = true;
            }
            Decision::Try(_) => return None,
            Decision::ReadFence => pursuit.fence = Some(self.rules.fence(self.world.state)),
            Decision::Wait { own: false } => return None,
            Decision::Wait { own: true } => self.world.broken.note(Law::OwnIsNoConflict, true),
        }
        Some(())
    }

    fn won(&mut self, who: usize, sent: Sent) -> Phase {
        let (term, seq) = self.rules.gains(sent.write);
        let machine = &mut self.world.machines[who];
        machine.seen = None;
        Phase::Holding(Holding {
            term,
            seq,
            age: sent.age,
            lost: false,
            keeper: None,
            work: Work::Opening { refused: false, put: None, first_id: machine.puts },
        })
    }
}
