//! Time, deletion and death.

use deployer_domain::lease::HolderState;

use super::Turn;
use crate::rules::Ages;
use crate::scene::Engine;
use crate::world::{Kind, Look, Message, Person, Phase, Sent, Work};

impl Turn<'_> {
    /// Time passes, for everybody.
    pub fn tick(&mut self) -> Option<()> {
        let before = self.world.clone();
        let Ages { fenced, dead, look, delay } = self.rules.ages;
        let table = &mut self.world.table;
        if table.item.is_some_and(|item| self.rules.facts(item).unlocked) {
            older(&mut table.unlocked, delay);
        }
        for machine in &mut self.world.machines {
            if let Some(seen) = &mut machine.seen {
                older(&mut seen.age, dead);
            }
            match &mut machine.phase {
                Phase::Acquiring(pursuit) => {
                    sent(&mut pursuit.sent, fenced);
                    if let Look::Asked(age) = &mut pursuit.look {
                        older(age, dead);
                    }
                }
                Phase::Holding(holding) => {
                    sent(&mut holding.keeper, fenced);
                    older(&mut holding.age, fenced);
                }
                Phase::Idle | Phase::Down | Phase::Over => {}
            }
        }
        for person in &mut self.world.people {
            if let Person::Looked { age, .. } = person {
                older(age, look);
            }
        }
        (before != self.world).then_some(())
    }

    /// The item is deleted. DynamoDB does so hours after the last beat, when no holder believes in its lease any more;
    /// by hand somebody may do so at any time. Nothing then keeps two engines apart, only the state is safe: that is
    /// explored without an engine. No acquisition's request is older than a deletion.
    pub fn delete(&mut self) -> Option<()> {
        let acquires = |sent: &Option<Sent>| {
            sent.is_some_and(|sent| !sent.silent && matches!(sent.kind, Kind::Acquire | Kind::Raise))
        };
        let under_way = self.world.machines.iter().any(|machine| match &machine.phase {
            Phase::Acquiring(pursuit) => acquires(&pursuit.sent),
            Phase::Holding(holding) => acquires(&holding.keeper),
            _ => false,
        });
        let late = self.world.late.iter().any(|message| match message {
            Message::Lock(write) => self.rules.gains(*write).0.1 > 0,
            _ => false,
        });
        if under_way || late || (self.scene.engine != Engine::Nothing && self.believes()) {
            return None;
        }
        self.world.left.deletions = self.world.left.deletions.checked_sub(1)?;
        self.world.table.item.take()?;
        self.world.table.unlocked = 0;
        Some(())
    }

    /// Whether a holder believes in its lease.
    fn believes(&self) -> bool {
        self.world.machines.iter().any(|machine| match &machine.phase {
            Phase::Holding(holding) => {
                let standing = self.rules.standing(holding.age, holding.lost);
                matches!(standing, HolderState::Held | HolderState::Suspect)
            }
            _ => false,
        })
    }

    /// A daemon is killed. What it has sent is under way; what it knew is gone, but for the journal. Its children die:
    /// their guards see the end of the pipe.
    pub fn crash(&mut self, who: usize) -> Option<()> {
        self.world.left.crashes = self.world.left.crashes.checked_sub(1)?;
        let machine = &mut self.world.machines[who];
        machine.seen = None;
        let mut messages = Vec::new();
        match std::mem::replace(&mut machine.phase, Phase::Down) {
            Phase::Acquiring(pursuit) => messages.extend(under_way(pursuit.sent)),
            Phase::Holding(holding) => {
                messages.extend(under_way(holding.keeper));
                match holding.work {
                    Work::Opening { put, .. } | Work::Writing { put, .. } => messages.extend(put.map(Message::Put)),
                    Work::Executing { silent: false, .. } => messages.push(Message::Execute(holding.term.1)),
                    _ => {}
                }
            }
            _ => return None,
        }
        for message in messages {
            self.world.delay(message);
        }
        Some(())
    }
}

fn under_way(sent: Option<Sent>) -> Option<Message> {
    sent.filter(|sent| !sent.silent).map(|sent| Message::Lock(sent.write))
}

fn sent(sent: &mut Option<Sent>, oldest: u8) {
    if let Some(sent) = sent {
        older(&mut sent.age, oldest);
    }
}

fn older(age: &mut u8, oldest: u8) {
    *age = (*age + 1).min(oldest);
}
