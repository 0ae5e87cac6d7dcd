//! Plans of an apply: what is made, changed, taken away, done again, or not done at all.

use super::*;
use crate::effort::Effort;

#[test]
fn the_first_plan_creates_everything_in_order_and_the_second_changes_nothing() {
    let (mut world, manifest) = (World::new(), manifest(CHAIN));
    world.outputs.insert("a.db", "host");
    let plan = world.plan(&manifest);
    assert_eq!(
        shown(&plan),
        "create a.db: not deployed yet\ncreate a.web: not deployed yet\ncreate a.free: not deployed yet"
    );
    assert_eq!(plan.counts.create, 3);
    assert_eq!(world.run(plan), "+a.db +a.web +a.free");
    let again = world.plan(&manifest);
    assert_eq!(
        (again.counts.unchanged, again.has_changes(), again.has_records()),
        (3, false, false),
        "{}",
        shown(&again)
    );
    assert_eq!(world.state.components[&id("a.web")].definition["environment"]["DB"], json!({"value": "xhost"}));
    assert_eq!((world.state.serial, again.serial), (1, 1));
}

#[test]
fn a_plan_says_which_part_changed_and_from_what_to_what() {
    let mut world = World::new();
    world.outputs.insert("a.db", "host");
    world.apply(&manifest(CHAIN));
    world.given = vec![("V", "2"), ("PW", "other")];
    let changed = manifest(&CHAIN.replace("apply: f", "apply: ff, check: c"));
    assert_eq!(
        shown(&world.plan(&changed)),
        "none a.db: \n\
         update a.web: environment.v: \"1\" -> \"2\"\n\
         update a.free: apply changed, check changed, environment.pw changed"
    );
    let less = manifest(&CHAIN.replace(", V: '${var.V}'", ""));
    world.given.clear();
    assert_eq!(shown(&world.plan(&less)), "none a.db: \nupdate a.web: environment.v removed\nnone a.free: ");
}

#[test]
fn an_output_that_is_not_known_yet_makes_a_step_that_may_turn_out_to_do_nothing() {
    let mut world = World::new();
    world.outputs.insert("a.db", "host");
    world.apply(&manifest(CHAIN));
    let changed = manifest(&CHAIN.replace("apply: d,", "apply: d2,"));
    let plan = world.plan(&changed);
    assert_eq!(
        shown(&plan),
        "update a.db: apply changed\nupdate a.web: environment.db: \"xhost\" -> (known after apply)\nnone a.free: "
    );
    assert_eq!(plan.steps.iter().map(Step::conditional).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(world.run(plan), "+a.db =a.web");
    world.outputs.insert("a.db", "other");
    let changed = manifest(&CHAIN.replace("apply: d,", "apply: d3,"));
    assert_eq!(world.apply(&changed), "+a.db +a.web");
    assert!(!world.plan(&changed).has_changes());
}

#[test]
fn what_turns_out_unchanged_hands_its_outputs_on() {
    let text = format!("{CHAIN}\x20     last: {{type: command, apply: l, environment: {{W: '${{a.web.out}}'}}}}\n");
    let mut world = World::new();
    world.outputs.extend([("a.db", "host"), ("a.web", "url")]);
    world.apply(&manifest(&text));
    assert_eq!(world.apply(&manifest(&text.replace("apply: d,", "apply: d2,"))), "+a.db =a.web =a.last");
}

#[test]
fn removed_components_go_after_those_that_used_them() {
    let mut world = World::new();
    world.outputs.insert("a.db", "host");
    world.apply(&manifest(CHAIN));
    let rest = manifest("  a:\n    components:\n      web: {type: command, apply: w}\n");
    let plan = world.plan(&rest);
    assert_eq!(
        shown(&plan),
        "update a.web: environment.db removed, environment.v removed\n\
         delete a.free: no longer in the stack file\n\
         delete a.db: no longer in the stack file"
    );
    assert_eq!(plan.steps[2].after, [id("a.free"), id("a.web")]);
    world.failing = vec!["a.web"];
    assert_eq!(world.run(plan), "+a.web -a.free", "what is still in use is not deleted");
    world.failing.clear();
    assert_eq!(world.apply(&rest), "+a.web -a.db");
    assert_eq!(world.state.components.len(), 1);
}

#[test]
fn what_failed_or_was_cut_off_is_done_again() {
    let (mut world, manifest) = (World::new(), manifest(CHAIN));
    world.failing = vec!["a.db"];
    assert_eq!(world.apply(&manifest), "+a.db");
    let plan = world.plan(&manifest);
    assert_eq!(plan.steps[0].action, Action::Create);
    assert_eq!(shown(&plan).lines().next(), Some("create a.db: the last run failed here"));
    world.failing.clear();
    world.outputs.insert("a.db", "host");
    world.run(plan);
    world.state.components.get_mut(&id("a.free")).unwrap().status = ComponentStatus::Interrupted;
    world.state.in_flight.insert(id("a.web"), intent(&world.plan(&manifest).steps[1]));
    assert_eq!(
        shown(&world.plan(&manifest)),
        "none a.db: \nupdate a.web: its last operation has not finished\nupdate a.free: its last operation has not finished"
    );
}

#[test]
fn a_crash_in_the_middle_of_a_step_leaves_all_that_a_destroy_needs() {
    let (mut world, manifest) = (World::new(), manifest(CHAIN));
    let plan = world.plan(&manifest);
    let step = &plan.steps[0];
    let prepared = step.prepare(&plan.resolver, &key()).unwrap();
    step.begin(&mut world.state, intent(step), Some(&prepared));
    let destroy = world.plan_destroy().unwrap();
    let removal = destroy.steps[0].removal(&destroy.resolver).unwrap().unwrap();
    assert_eq!(command_of(removal).text.as_deref(), Some("dd"));
}

#[test]
fn a_component_is_made_anew_when_asked_for_or_when_its_type_changed() {
    let (mut world, manifest) = (World::new(), manifest(CHAIN));
    world.outputs.insert("a.db", "host");
    world.apply(&manifest);
    world.options.replace.insert(id("a.db"));
    let plan = world.plan(&manifest);
    assert!(shown(&plan).starts_with("replace a.db: asked for with --replace\nupdate a.web"), "{}", shown(&plan));
    assert_eq!(world.run(plan), "-a.db +a.db =a.web");
    world.options.replace = [id("a.bd")].into();
    let error = world.try_plan(&manifest).unwrap_err();
    assert_eq!(
        (error.message.as_str(), error.hints[0].as_str()),
        ("the stack has no component `a.bd`", "did you mean `a.db`?")
    );
    world.options.replace.clear();
    world.state.components.get_mut(&id("a.free")).unwrap().component_type = "other".to_owned();
    assert!(shown(&world.plan(&manifest)).ends_with("replace a.free: type changed, it was other"));
}

#[test]
fn a_selection_takes_what_it_needs_along_and_leaves_the_rest() {
    let both = format!("{CHAIN}  b:\n    components:\n      x: {{type: command, apply: x}}\n");
    let (mut world, manifest_of_both) = (World::new(), manifest(&both));
    world.options.selection.components.insert(id("a.web"));
    assert_eq!(shown(&world.plan(&manifest_of_both)), "create a.db: not deployed yet\ncreate a.web: not deployed yet");
    world.options.selection = Selection { services: ["b".parse().unwrap()].into(), components: Default::default() };
    assert_eq!(shown(&world.plan(&manifest_of_both)), "create b.x: not deployed yet");
    world.options.selection = Selection { services: ["c".parse().unwrap()].into(), components: Default::default() };
    assert_eq!(world.try_plan(&manifest_of_both).unwrap_err().hints, ["known: a, b"]);
}

#[test]
fn what_something_outside_the_selection_still_uses_is_kept() {
    let mut world = World::new();
    world.outputs.insert("a.db", "host");
    world.apply(&manifest(CHAIN));
    let rest = manifest(
        "  a:\n    components:\n      free: {type: command, apply: f}\n  b:\n    components:\n      x: {type: command, apply: x}\n",
    );
    world.options.selection.components.insert(id("a.db"));
    let plan = world.plan(&rest);
    assert_eq!(shown(&plan), "none a.db: kept: a.free, which is not selected, still uses it");
    assert!(plan.warnings[0].starts_with("a.db is no longer in the stack file but kept"), "{:?}", plan.warnings);
}

#[test]
fn a_failure_stops_what_depends_on_it_and_nothing_else() {
    let text = "  a:\n    components:\n\
        \x20     x: {type: command, apply: x}\n\
        \x20     y: {type: command, apply: y, dependsOn: [a.x]}\n\
        \x20     z: {type: command, apply: z, dependsOn: [a.y, a.free]}\n\
        \x20     free: {type: command, apply: f}\n";
    let plan = World::new().plan(&manifest(text));
    let at = |name: &str| plan.steps.iter().position(|step| step.component == id(name)).unwrap();
    let mut progress = Progress::new(&plan.steps);
    let started = [progress.start_next().unwrap(), progress.start_next().unwrap()];
    assert_eq!(started, [at("a.x"), at("a.free")]);
    assert_eq!(progress.start_next(), None);
    assert!(!progress.is_over());
    let mut blocked = progress.failed(at("a.x"));
    blocked.sort();
    assert_eq!(blocked, [at("a.y"), at("a.z")]);
    progress.done(at("a.free"));
    assert!(progress.is_over());
    assert_eq!((progress.status(at("a.z")), progress.not_started().len()), (Status::Blocked, 2));

    let mut cancelled = Progress::new(&plan.steps);
    let first = cancelled.start_next().unwrap();
    cancelled.stop();
    assert!(cancelled.start_next().is_none() && !cancelled.is_over());
    cancelled.done(first);
    assert!(cancelled.is_over() && cancelled.not_started().len() == 3);
}

#[test]
fn five_hundred_components_are_planned_quickly() {
    let mut text = "  a:\n    components:\n".to_owned();
    for n in 0..500 {
        let needs = if n % 10 == 0 { String::new() } else { format!(", X: '${{a.c{}.out}}'", n - 1) };
        text.push_str(&format!(
            "      c{n}: {{type: command, apply: x, inputs: ['m/**'], environment: {{V: '${{var.V}}'{needs}}}}}\n"
        ));
    }
    let manifest = manifest(&text);
    let mut world = World::new();
    let names: Vec<String> = (0..500).map(|n| format!("a.c{n}")).collect();
    for name in &names {
        world.outputs.insert(name.clone().leak(), "o");
    }
    world.apply(&manifest);
    world.given = vec![("V", "2")];
    let start = Effort::begin();
    let plan = world.plan(&manifest);
    let took = start.so_far();
    assert_eq!(plan.counts.update, 500);
    assert!(took < std::time::Duration::from_millis(400), "{took:?}");
    println!("500 components planned in {took:?}");
}
