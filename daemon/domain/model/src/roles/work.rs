//! What is done under the lock: the seal, the engine, the writes of the state.

use deployer_domain::lease::HolderState;
use deployer_domain::seal::SealStep;

use super::{Deed, Port, Turn};
use crate::law::{Event, Law};
use crate::mutant::Mutant;
use crate::rules::{Author, DocId, Verdict};
use crate::scene::Engine;
use crate::world::{Holding, Kind, Message, Phase, Put, Stage, Work};

impl Turn<'_> {
    pub fn work(&mut self, who: usize, mut holding: Holding, deed: Deed) -> Option<Holding> {
        let stands = self.standing(&holding);
        let (held, token) = (stands == HolderState::Held, holding.term.1);
        match (deed, holding.work.clone()) {
            (Deed::Find, Work::Opening { put: None, .. }) if !holding.lost => self.find(who, &mut holding)?,
            (Deed::Request(Port::Storage, fate), _) => {
                let put = holding.put()?;
                let answer = self.meet_other(fate, Message::Put(put))?;
                self.stored(who, &mut holding, put, answer);
            }
            (Deed::Resolve, Work::Sealed { document, resolved: false }) if !holding.lost => {
                self.rules.in_flight(document)?;
                if !self.rules.is(Mutant::NoCleanup) {
                    self.world.cloud.sets.remove_below(token);
                }
                self.world.event = self.world.cloud.running.map(|_| Event::Adoption);
                holding.work = Work::Sealed { document, resolved: true };
            }
            (Deed::StartEngine, Work::Sealed { document, resolved }) if held => {
                let unresolved = !resolved && self.rules.in_flight(document).is_some();
                if unresolved || self.world.cloud.running.is_some() {
                    return None;
                }
                self.start_engine(who, token);
                holding.work = match self.scene.engine {
                    Engine::Nothing => self.to_write(who, document, Stage::Result),
                    Engine::Command => Work::Running { document },
                    Engine::CloudFormation => self.to_write(who, document, Stage::Intent),
                };
            }
            (Deed::FinishCommand, Work::Running { document }) if self.is_active(&holding) => {
                holding.work = self.to_write(who, document, Stage::Result);
            }
            (Deed::Prepare, Work::Intended { document }) if held => {
                self.world.cloud.sets.add(token);
                holding.work = Work::Prepared { document };
            }
            (Deed::Execute, Work::Prepared { document }) if held => {
                holding.work = Work::Executing { document, silent: false };
            }
            (Deed::Request(Port::Cloud, fate), Work::Executing { document, silent: false }) => {
                holding.work = match self.meet_other(fate, Message::Execute(token))? {
                    Some(true) => Work::Polling { document },
                    Some(false) => Work::Closed,
                    None => Work::Executing { document, silent: true },
                };
            }
            (Deed::Repeat, Work::Executing { document, silent: true }) if held => {
                holding.work = Work::Executing { document, silent: false };
            }
            (Deed::Poll, Work::Polling { document } | Work::Executing { document, silent: true }) if !holding.lost => {
                if self.world.cloud.running == Some(token) || !self.world.cloud.executed.has(token) {
                    return None;
                }
                holding.work = self.to_write(who, document, Stage::Result);
            }
            (Deed::Write, Work::Writing { document, put: None, first_id, stage }) if !holding.lost => {
                let put = self.rules.written(document, self.author(who, &holding, first_id), stage);
                self.world.machines[who].puts += 1;
                holding.work = Work::Writing { document, put: Some(put), first_id, stage };
            }
            _ => return None,
        }
        Some(holding)
    }

    fn standing(&self, holding: &Holding) -> HolderState {
        self.rules.standing(holding.age, holding.lost)
    }

    fn author(&self, who: usize, holding: &Holding, first_id: u8) -> Author {
        let tried = (first_id, self.world.machines[who].puts);
        Author { holder: self.identity(who), token: holding.term.1, tried }
    }

    fn to_write(&self, who: usize, document: Option<DocId>, stage: Stage) -> Work {
        Work::Writing { document, put: None, first_id: self.world.machines[who].puts, stage }
    }

    /// Whether a command runs: it was started, and its guard has not stopped it.
    fn is_active(&self, holding: &Holding) -> bool {
        matches!(holding.work, Work::Running { .. })
            && matches!(self.standing(holding), HolderState::Held | HolderState::Suspect)
    }

    fn start_engine(&mut self, who: usize, token: u64) {
        self.world.broken.note(Law::EngineAfterSeal, !self.world.sealed.has(token));
        let commands = self.scene.engine == Engine::Command;
        let beside = self.world.machines.iter().enumerate().any(|(other, machine)| match &machine.phase {
            Phase::Holding(holding) => other != who && self.is_active(holding),
            _ => false,
        });
        // A command acts from its start on. CloudFormation acts only when a change set is executed.
        let late = commands && (beside || self.world.engine > token);
        self.world.broken.note(Law::NothingAfterTheSuccessor, late);
        self.world.engine = self.world.engine.max(token);
    }

    /// Reads the state in order to seal it.
    fn find(&mut self, who: usize, holding: &mut Holding) -> Option<()> {
        let Work::Opening { refused, first_id, .. } = holding.work else { return None };
        if holding.keeper.is_some_and(|sent| sent.kind == Kind::Raise) {
            return None;
        }
        let (read, author) = (self.world.state, self.author(who, holding, first_id));
        if self.rules.is(Mutant::NoSeal) {
            self.opened(who, holding, read);
            return Some(());
        }
        match self.rules.seal_step(read, author) {
            SealStep::Sealed => self.opened(who, holding, read),
            SealStep::Raise(fence) => self.raise(who, holding, fence)?,
            SealStep::Put => {
                if self.standing(holding) != HolderState::Held {
                    return None;
                }
                let put = self.rules.sealed(read, author);
                self.world.machines[who].puts += 1;
                holding.work = Work::Opening { refused, put: Some(put), first_id };
            }
        }
        Some(())
    }

    fn raise(&mut self, who: usize, holding: &mut Holding, fence: u64) -> Option<()> {
        if holding.keeper.is_some() || holding.term.1.max(fence) + 1 > self.scene.tokens {
            return None;
        }
        let attempt = self.attempt(who);
        let write = self.rules.raise(self.identity(who), attempt, (holding.term, holding.seq), fence);
        holding.seq += 1;
        holding.send(Kind::Raise, write);
        Some(())
    }

    /// The state is sealed, and the journal tells of it.
    fn opened(&mut self, who: usize, holding: &mut Holding, document: Option<DocId>) {
        if matches!(holding.work, Work::Opening { refused: true, .. }) {
            self.world.event = Some(Event::SealedAfterRefusal);
        }
        let machine = &mut self.world.machines[who];
        machine.journal = Some((machine.incarnation, holding.term.1));
        holding.work = Work::Sealed { document, resolved: false };
    }

    /// A write of the state was answered, or will not be.
    fn stored(&mut self, who: usize, holding: &mut Holding, put: Put, answer: Option<bool>) {
        match holding.work {
            Work::Opening { .. } if answer == Some(true) => self.opened(who, holding, Some(put.document)),
            Work::Opening { refused, first_id, .. } => {
                let refused = refused || answer == Some(false);
                holding.work = Work::Opening { refused, put: None, first_id };
            }
            Work::Writing { document, first_id, stage, .. } => {
                holding.work = Work::Writing { document, put: None, first_id, stage };
                match answer {
                    Some(true) => Self::landed(holding, Some(put.document), stage),
                    Some(false) => self.explain(who, holding, put, (first_id, stage)),
                    None => {}
                }
            }
            _ => {}
        }
    }

    fn explain(&mut self, who: usize, holding: &mut Holding, put: Put, (first_id, stage): (u8, Stage)) {
        let now = self.world.state;
        match self.rules.refused(put, now, self.author(who, holding, first_id)) {
            Verdict::Again => {}
            Verdict::Landed => Self::landed(holding, now, stage),
            Verdict::Lost => {
                holding.lost = true;
                self.world.event = Some(Event::LostByState);
            }
            Verdict::Meddled => self.world.broken.note(Law::NobodyMeddles, true),
        }
    }

    fn landed(holding: &mut Holding, document: Option<DocId>, stage: Stage) {
        holding.work = match stage {
            Stage::Intent => Work::Intended { document },
            Stage::Result => Work::Closed,
        };
    }
}
