use std::collections::HashMap;
use std::time::Instant;

use deployer_model::check::Protocol;
use deployer_model::law::Law;
use deployer_model::mutant::Mutant;
use deployer_model::roles::Action;
use deployer_model::scene::{Engine, Scene};
use stateright::{Checker, HasDiscoveries, Model};

/// Explores all of a scene: every law holds in every state, and all that must happen sometimes does.
pub fn holds(name: &str, scene: Scene) {
    let scene = bounded(scene);
    let found = explore(name, scene, None, HasDiscoveries::AnyFailures);
    let broken = Law::ALL.iter().find(|law| found.contains_key(law.name()));
    if let Some(law) = broken {
        panic!("{} is broken by {:?}", law.name(), found[law.name()]);
    }
    for event in scene.sometimes {
        assert!(found.contains_key(event.name()), "it never happens that {}", event.name());
    }
}

/// Explores a scene of a protocol that is broken in one way, until these laws are found to be broken.
pub fn is_caught(mutant: Mutant, scene: Scene, laws: &[Law]) {
    let wanted = laws.iter().map(|law| law.name()).collect();
    let found = explore(&format!("{mutant:?}"), scene, Some(mutant), HasDiscoveries::AllOf(wanted));
    for law in laws {
        let path = found.get(law.name());
        let path = path.unwrap_or_else(|| panic!("{mutant:?} does not break {:?}", law.name()));
        println!("{mutant:?} breaks {:?} in {} steps: {path:?}", law.name(), path.len());
    }
}

fn bounded(scene: Scene) -> Scene {
    match std::env::var("DEPLOYER_MODEL_BOUND").as_deref() {
        // What a fault does on top of a deletion by hand is known: see docs/model.md.
        Ok("large") => {
            let by_hand = scene.deletions > 0 && scene.engine == Engine::Nothing;
            Scene { faults: scene.faults + u8::from(!by_hand), ..scene }
        }
        Ok("small") | Err(_) => scene,
        Ok(other) => panic!("DEPLOYER_MODEL_BOUND is {other:?}; it may be small or large"),
    }
}

fn explore(
    name: &str,
    scene: Scene,
    mutant: Option<Mutant>,
    until: HasDiscoveries,
) -> HashMap<&'static str, Vec<Action>> {
    let begun = Instant::now();
    let checker = Protocol::new(scene, mutant).checker().finish_when(until).spawn_bfs().join();
    let (states, steps, depth) = (checker.unique_state_count(), checker.state_count(), checker.max_depth());
    println!("{name}: {states} states, {steps} steps, {depth} deep, in {:.1?}", begun.elapsed());
    checker.discoveries().into_iter().map(|(name, path)| (name, path.into_actions())).collect()
}
