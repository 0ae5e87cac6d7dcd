//! The model as the checker sees it.

use stateright::{Model, Property};

use crate::law::{Event, Law};
use crate::mutant::Mutant;
use crate::roles::{Action, Deed, Port, Turn, deeds, request};
use crate::rules::Rules;
use crate::scene::{Engine, Scene};
use crate::world::{Cloud, Left, Machine, Person, Phase, Table, World};

/// The protocol in one scene.
pub struct Protocol {
    scene: Scene,
    rules: Rules,
}

impl Protocol {
    /// The protocol as it is, or broken in one way.
    pub fn new(scene: Scene, mutant: Option<Mutant>) -> Self {
        Self { scene, rules: Rules::new(mutant) }
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let machine =
            Machine { incarnation: 0, journal: None, attempts: 0, puts: 0, rounds: 0, seen: None, phase: Phase::Idle };
        let Scene { faults, crashes, deletions, .. } = self.scene;
        vec![World {
            table: Table::default(),
            state: None,
            cloud: Cloud::default(),
            late: Vec::new(),
            machines: vec![machine; usize::from(self.scene.contenders)],
            people: vec![Person::Idle; self.scene.unlockers.len()],
            left: Left { faults, crashes, deletions },
            sealed: Default::default(),
            engine: 0,
            broken: Default::default(),
            event: None,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if !world.broken.is_empty() {
            return;
        }
        actions.push(Action::Tick);
        if world.left.deletions > 0 {
            actions.push(Action::Delete);
        }
        if self.scene.engine == Engine::CloudFormation && world.cloud.running.is_some() {
            actions.push(Action::CloudDone);
        }
        let fresh = |at: &usize| *at == 0 || world.late[*at] != world.late[at - 1];
        actions.extend((0..world.late.len()).filter(fresh).map(Action::Late));
        for (who, machine) in world.machines.iter().enumerate() {
            let crash = |deed: &Deed| *deed != Deed::Crash || world.left.crashes > 0;
            let deeds = deeds(machine, world.left.faults).into_iter().filter(crash);
            actions.extend(deeds.map(|deed| Action::Machine(who, deed)));
        }
        for (who, person) in world.people.iter().enumerate() {
            let mut deeds = Vec::new();
            match person {
                Person::Idle => deeds.push(Deed::Start),
                Person::Looked { .. } => deeds.push(Deed::Look),
                Person::Sent { silent, .. } => request(&mut deeds, Port::Table, Some(*silent), world.left.faults),
                Person::Done => {}
            }
            actions.extend(deeds.into_iter().map(|deed| Action::Person(who, deed)));
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        Turn { rules: &self.rules, scene: &self.scene, world: world.clone() }.take(action)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let always = Law::ALL.into_iter().map(always);
        always.chain(self.scene.sometimes.iter().map(|event| sometimes(*event))).collect()
    }
}

fn keeps<const LAW: usize>(_: &Protocol, world: &World) -> bool {
    !world.broken.has(Law::ALL[LAW])
}

fn always(law: Law) -> Property<Protocol> {
    let kept: [fn(&Protocol, &World) -> bool; 12] = [
        keeps::<0>,
        keeps::<1>,
        keeps::<2>,
        keeps::<3>,
        keeps::<4>,
        keeps::<5>,
        keeps::<6>,
        keeps::<7>,
        keeps::<8>,
        keeps::<9>,
        keeps::<10>,
        keeps::<11>,
    ];
    Property::always(law.name(), kept[law as usize - 1])
}

fn sometimes(event: Event) -> Property<Protocol> {
    let happened: fn(&Protocol, &World) -> bool = match event {
        Event::Takeover => |_, world| world.event == Some(Event::Takeover),
        Event::FencedToHeld => |_, world| world.event == Some(Event::FencedToHeld),
        Event::SealedAfterRefusal => |_, world| world.event == Some(Event::SealedAfterRefusal),
        Event::OwnRetry => |_, world| world.event == Some(Event::OwnRetry),
        Event::Adoption => |_, world| world.event == Some(Event::Adoption),
        Event::Reacquired => |_, world| world.event == Some(Event::Reacquired),
        Event::Raised => |_, world| world.event == Some(Event::Raised),
        Event::ForcedUnlock => |_, world| world.event == Some(Event::ForcedUnlock),
        Event::LostByState => |_, world| world.event == Some(Event::LostByState),
        Event::OlderSetRefused => |_, world| world.event == Some(Event::OlderSetRefused),
    };
    Property::sometimes(event.name(), happened)
}
