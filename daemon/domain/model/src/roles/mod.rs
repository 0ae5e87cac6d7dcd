//! The actors: what each of them may do in a state, and what comes of it.

mod acquire;
mod backend;
mod keep;
mod surroundings;
mod unlock;
mod work;

use crate::law::Law;
use crate::rules::Rules;
use crate::scene::Scene;
use crate::world::{Holding, Kind, Machine, Phase, Work, World};

/// One thing that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Time passes.
    Tick,
    /// The item is deleted.
    Delete,
    /// A request arrives that nobody waits for any more.
    Late(usize),
    /// The server has done what it executed.
    CloudDone,
    /// A daemon does something.
    Machine(usize, Deed),
    /// Somebody who unlocks by force does something.
    Person(usize, Deed),
}

/// What an actor does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    Start,
    Look,
    Receive,
    Decide,
    Beat,
    Find,
    Resolve,
    StartEngine,
    Prepare,
    Execute,
    Poll,
    FinishCommand,
    Write,
    Release,
    Leave,
    Crash,
    /// Sends a request again whose answer did not come.
    Repeat,
    /// Stops waiting for an answer.
    Abandon,
    /// A request that is under way meets its fate.
    Request(Port, Fate),
}

/// Where a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    Table,
    Storage,
    Cloud,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Answered,
    /// It is answered, and arrives once more at some time.
    Twice,
    /// It has its effect, and the answer is lost.
    AnswerLost,
    /// The sender gives it up, and it arrives at some time, or never.
    Delayed,
}

const FATES: [Fate; 4] = [Fate::Answered, Fate::Twice, Fate::AnswerLost, Fate::Delayed];

/// One state while an action changes it.
pub struct Turn<'a> {
    pub rules: &'a Rules,
    pub scene: &'a Scene,
    pub world: World,
}

impl Turn<'_> {
    /// Lets something happen; `None` when it cannot, or changes nothing.
    pub fn take(mut self, action: Action) -> Option<World> {
        self.world.event = None;
        match action {
            Action::Tick => self.tick()?,
            Action::Delete => self.delete()?,
            Action::Late(at) => self.late(at),
            Action::CloudDone => self.world.cloud.running = None,
            Action::Machine(who, deed) => self.machine(who, deed)?,
            Action::Person(who, deed) => self.person(who, deed)?,
        }
        self.check();
        self.forget();
        Some(self.world)
    }

    fn machine(&mut self, who: usize, deed: Deed) -> Option<()> {
        if deed == Deed::Crash {
            return self.crash(who);
        }
        let phase = std::mem::replace(&mut self.world.machines[who].phase, Phase::Over);
        let phase = match phase {
            Phase::Idle | Phase::Over | Phase::Down => self.start(who, &phase)?,
            Phase::Acquiring(pursuit) => self.acquire(who, pursuit, deed)?,
            Phase::Holding(holding) => self.hold(who, holding, deed)?,
        };
        self.world.machines[who].phase = phase;
        Some(())
    }

    fn hold(&mut self, who: usize, holding: Holding, deed: Deed) -> Option<Phase> {
        match deed {
            Deed::Beat | Deed::Release | Deed::Request(Port::Table, _) => self.keep(who, holding, deed),
            Deed::Repeat | Deed::Abandon if holding.keeper.is_some_and(|sent| sent.silent) => {
                self.keep(who, holding, deed)
            }
            Deed::Leave => {
                self.world.machines[who].journal = None;
                Some(Phase::Over)
            }
            _ => self.work(who, holding, deed).map(Phase::Holding),
        }
    }

    /// A daemon with its present incarnation.
    fn identity(&self, who: usize) -> (u8, u8) {
        (u8::try_from(who).unwrap_or(u8::MAX), self.world.machines[who].incarnation)
    }

    fn fault(&mut self) -> Option<()> {
        self.world.left.faults = self.world.left.faults.checked_sub(1)?;
        Some(())
    }

    /// Forgets what nothing will depend on any more, so that states which differ in nothing else are one.
    fn forget(&mut self) {
        for machine in &mut self.world.machines {
            match &mut machine.phase {
                Phase::Over if machine.rounds == self.scene.rounds => {
                    (machine.incarnation, machine.attempts, machine.puts) = (0, 0, 0);
                    (machine.journal, machine.seen) = (None, None);
                }
                Phase::Holding(holding) => {
                    if holding.lost || holding.work == Work::Closed {
                        holding.age = self.rules.ages.fenced;
                    }
                    if let Some(sent) = holding.keeper.as_mut().filter(|sent| sent.kind == Kind::Release) {
                        sent.age = 0;
                    }
                }
                _ => {}
            }
        }
    }

    /// The laws about states, other than those about single writes.
    fn check(&mut self) {
        let mut broken = self.world.broken;
        for who in 0..self.world.machines.len() {
            let identity = self.identity(who);
            if let Phase::Holding(Holding { lost: true, term, .. }) = self.world.machines[who].phase {
                broken.note(Law::LostIsLost, self.rules.is_held_by(identity, term, self.world.table.item));
            }
        }
        broken.note(Law::OneAuditPerUnlock, self.world.table.audits != self.world.table.forced);
        self.world.broken = broken;
    }
}

/// What a daemon might do.
pub fn deeds(machine: &Machine, faults: u8) -> Vec<Deed> {
    let mut deeds = Vec::new();
    match &machine.phase {
        Phase::Idle | Phase::Over | Phase::Down => return vec![Deed::Start],
        Phase::Acquiring(pursuit) => {
            deeds.extend([Deed::Look, Deed::Receive, Deed::Decide]);
            request(&mut deeds, Port::Table, pursuit.sent.map(|sent| sent.silent), faults);
        }
        Phase::Holding(holding) => {
            request(&mut deeds, Port::Table, holding.keeper.map(|sent| sent.silent), faults);
            if holding.is_quiet() {
                deeds.push(Deed::Beat);
            }
            if holding.lost && holding.keeper.is_none() && !holding.is_writing() {
                deeds.push(Deed::Leave);
            }
            working(&mut deeds, &holding.work, faults);
        }
    }
    deeds.push(Deed::Crash);
    deeds
}

fn working(deeds: &mut Vec<Deed>, work: &Work, faults: u8) {
    match work {
        Work::Opening { put: None, .. } => deeds.push(Deed::Find),
        Work::Writing { put: None, .. } => deeds.push(Deed::Write),
        Work::Opening { .. } | Work::Writing { .. } => request(deeds, Port::Storage, Some(false), faults),
        Work::Sealed { .. } => deeds.extend([Deed::Resolve, Deed::StartEngine]),
        Work::Running { .. } => deeds.push(Deed::FinishCommand),
        Work::Intended { .. } => deeds.push(Deed::Prepare),
        Work::Prepared { .. } => deeds.push(Deed::Execute),
        Work::Executing { silent, .. } => {
            request(deeds, Port::Cloud, Some(*silent), faults);
            deeds.push(Deed::Poll);
        }
        Work::Polling { .. } => deeds.push(Deed::Poll),
        Work::Closed => deeds.push(Deed::Release),
    }
}

/// What may become of a request that is under way.
pub fn request(deeds: &mut Vec<Deed>, port: Port, silent: Option<bool>, faults: u8) {
    match silent {
        None => {}
        Some(true) => deeds.extend([Deed::Repeat, Deed::Abandon]),
        Some(false) => {
            let fates = if faults == 0 { &FATES[..1] } else { &FATES };
            deeds.extend(fates.iter().map(|fate| Deed::Request(port, *fate)));
        }
    }
}
