//! What plans show and store, what stands for exactly one of them, and plans in files.

use super::*;
use crate::plan::digest::CanonicalPlan;

#[test]
fn no_sensitive_value_is_shown_or_stored() {
    let text = "  a:\n    components:\n\
        \x20     x: {type: command, apply: x, destroy: y, environment: {URL: 'pg://me:${var.PW}@host', PLAIN: '${region}'}}\n";
    let (mut world, manifest) = (World::new(), manifest(text));
    let plan = world.plan(&manifest);
    let prepared = plan.steps[0].prepare(&plan.resolver, &key()).unwrap();
    let Work::Command(work) = &prepared.work else { panic!("no command") };
    assert_eq!(work.environment["URL"].expose(), Some("pg://me:hunter2@host"));
    assert_eq!(work.environment["PLAIN"].expose(), Some("eu-central-1"));
    let everything = format!("{plan:?} {prepared:?} {}", shown(&plan));
    assert!(!everything.contains("hunter2"), "{everything}");
    world.run(plan);
    let state = serde_json::to_string(&world.state).unwrap();
    assert!(!state.contains("hunter2") && !state.contains(&hex::encode(sha2_of("hunter2"))[..32]), "{state}");
    assert!(state.contains("pg://me:${var.PW}@host"));

    let error = world.plan_destroy().unwrap_err();
    assert_eq!(error.message, "a.x: environment.URL has no value");
    assert!(error.hints[0].contains("--var PW=VALUE"), "{:?}", error.hints);
    world.given = vec![("PW", "again")];
    let plan = world.plan_destroy().unwrap();
    let removal = plan.steps[0].removal(&plan.resolver).unwrap().unwrap();
    assert!(!format!("{plan:?} {removal:?}").contains("again"));
    assert_eq!(command_of(removal).environment["URL"].expose(), Some("pg://me:again@host"));
}

fn sha2_of(text: &str) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(text.as_bytes()).to_vec()
}

#[test]
fn an_output_that_nobody_told_is_named_with_its_place() {
    let mut world = World::new();
    world.outputs.insert("a.db", "host");
    world.apply(&manifest(CHAIN));
    let error = world.try_plan(&manifest(&CHAIN.replace("a.db.out", "a.db.uot"))).unwrap_err();
    assert_eq!(
        error.problems[0].to_string(),
        "stack.yaml:11:7: a.web: environment.DB has no value: `${a.db.uot}`: `a.db` has no output `uot`; did you mean `out`?"
    );
}

#[test]
fn a_changed_input_file_is_a_change() {
    let text = "  a:\n    components:\n      x: {type: command, apply: x, inputs: ['m/**', run.sh]}\n";
    let entry = |content: u8| SourceEntry { path: "m/1.sql".to_owned(), executable: false, sha256: [content; 32] };
    let mut world = World::new();
    world.inputs = InputHashes::new([("m/**".to_owned(), vec![&entry(1)])]);
    world.apply(&manifest(text));
    assert!(!world.plan(&manifest(text)).has_changes());
    world.inputs = InputHashes::new([("m/**".to_owned(), vec![&entry(2)])]);
    assert_eq!(shown(&world.plan(&manifest(text))), "update a.x: inputs m/** changed");
}

#[test]
fn a_digest_stands_for_exactly_one_plan() {
    let (mut world, whole) = (World::new(), manifest(CHAIN));
    let digest = |world: &World| world.plan(&whole).digest;
    let first = digest(&world);
    assert_eq!(first, digest(&world));
    let mut seen = vec![first];
    let mut differs = |world: &World, what: &str| {
        let digest = digest(world);
        assert!(!seen.contains(&digest), "{what} does not count");
        seen.push(digest);
    };
    world.given = vec![("V", "2")];
    differs(&world, "a variable");
    world.given = vec![("PW", "2")];
    differs(&world, "a sensitive variable");
    world.given.clear();
    world.state.serial = 1;
    differs(&world, "the serial");
    world.options.selection.components.insert(id("a.db"));
    differs(&world, "the selection");
    world.options.selection = Selection::default();
    let other = manifest(&CHAIN.replace("a.db.out", "a.db.other"));
    assert_ne!(world.plan(&other).digest, world.plan(&whole).digest, "an expression that is not known yet counts");
}

#[test]
fn what_a_digest_covers_is_spelled_with_sorted_keys() {
    let mut world = World::new();
    world.outputs.insert("a.db", "host");
    world.apply(&manifest(CHAIN));
    world.given = vec![("V", "2"), ("PW", "2")];
    world.options.replace.insert(id("a.db"));
    let plan = world.plan(&manifest(CHAIN));
    let canonical = CanonicalPlan::of(&plan);
    // Objects of this type are sorted by their keys.
    let sorted = serde_json::to_value(&canonical).unwrap().to_string();
    assert_eq!(serde_json::to_string(&canonical).unwrap(), sorted);
    for part in ["\"deployed\":{", "\"unknown\":{", "\"timeoutMs\":", "\"sensitive\":"] {
        assert!(sorted.contains(part), "{part} is not in {sorted}");
    }
    // Plan files and approvals of earlier releases hold digests.
    assert_eq!(plan.digest.0, "acd654baac76dabda261fe9d2fa316e336ca4434cfdc8ad739aa9e1b3ee98a0f");
    assert_eq!(plan.digest.0, hex::encode(sha2_of(&sorted)));
}

#[test]
fn a_saved_plan_is_refused_once_anything_moved_on() {
    let (mut world, manifest) = (World::new(), manifest(CHAIN));
    let plan = world.plan(&manifest);
    let proposed = Approved([(id("a.db"), "1".to_owned())].into());
    let saving = Saving {
        options: &world.options,
        proposals: proposed.clone(),
        backend: "local:/x.db".to_owned(),
        file: Some("/s/stack.yaml".to_owned()),
        now: now(),
    };
    let saved = SavedPlan::of(&plan, saving);
    let bytes = saved.to_bytes();
    assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"));
    assert_eq!(SavedPlan::parse(&bytes).unwrap(), saved);
    saved.check(&world.plan(&manifest), &proposed).unwrap();
    let proposes = |digest: &str| Approved([(id("a.db"), digest.to_owned())].into());
    let other = saved.check(&world.plan(&manifest), &proposes("2")).unwrap_err().to_string();
    assert_eq!(other, "the plan for shop/dev is stale: the provider would do something else to a.db now");
    assert!(saved.check(&world.plan(&manifest), &Approved::default()).is_err());
    let stale = |world: &World| saved.check(&world.plan(&manifest), &proposed).unwrap_err().to_string();
    world.given = vec![("V", "2")];
    assert_eq!(stale(&world), "the plan for shop/dev is stale: variables have other values");
    world.given = vec![("PW", "2")];
    let sensitive = "a sensitive variable has another value, or something else would be done now";
    assert_eq!(stale(&world), format!("the plan for shop/dev is stale: {sensitive}"));
    world.state.serial = 4;
    assert_eq!(stale(&world), "the plan for shop/dev is stale: the state moved on from serial 0 to 4");
}

#[test]
fn a_plan_file_that_is_damaged_newer_or_none_is_refused() {
    let (world, manifest) = (World::new(), manifest(CHAIN));
    let saving = Saving {
        options: &world.options,
        proposals: Approved::default(),
        backend: "local:/x.db".to_owned(),
        file: None,
        now: now(),
    };
    let text = String::from_utf8(SavedPlan::of(&world.plan(&manifest), saving).to_bytes()).unwrap();
    let newer = text.replace("\"formatVersion\": 1", "\"formatVersion\": 2");
    assert_eq!(SavedPlan::parse(newer.as_bytes()).unwrap_err().hints, ["upgrade deployer: a newer one wrote it"]);
    let edited = text.replace("\"deleteData\": false", "\"deleteData\": true");
    assert_ne!(edited, text);
    assert!(SavedPlan::parse(edited.as_bytes()).unwrap_err().to_string().contains("damaged"));
    for cut in [1, text.len() / 2, text.len() - 3] {
        assert!(SavedPlan::parse(&text.as_bytes()[..cut]).is_err(), "{cut}");
    }
    for bytes in [&b"{}"[..], b"", b"\xff", b"[]", b"{\"formatVersion\":1}"] {
        assert!(SavedPlan::parse(bytes).is_err());
        assert!(!SavedPlan::is_one(bytes));
    }
    assert!(SavedPlan::is_one(newer.as_bytes()) && SavedPlan::is_one(edited.as_bytes()));
}
