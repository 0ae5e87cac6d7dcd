use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::expression::Outputs;
use crate::manifest::{Given, Manifest, SourceFile};
use crate::name::RunId;
use crate::source::{InputHashes, SourceEntry};
use crate::state::{Action, ComponentStatus, Intent, Output};

fn id(text: &str) -> ComponentId {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    "2024-01-15T11:00:00Z".parse().unwrap()
}

fn key() -> SensitiveKey {
    SensitiveKey::new([7; 32])
}

fn manifest(components: &str) -> Manifest {
    let text = format!(
        "apiVersion: deployer/v1\nkind: Stack\nname: shop\nvariables:\n  V: {{default: '1'}}\n  PW: {{default: hunter2, sensitive: true}}\n\
         environments: {{dev: {{region: eu-central-1}}}}\nservices:\n{components}"
    );
    Manifest::read(&SourceFile { name: "stack.yaml".to_owned(), text }, &[])
        .unwrap_or_else(|e| panic!("{:?}", e.problems))
}

/// A world in which plans are made and carried out, without any engine.
struct World {
    state: StateDocument,
    inputs: InputHashes,
    options: PlanOptions,
    given: Vec<(&'static str, &'static str)>,
    /// What components tell when they are applied.
    outputs: BTreeMap<&'static str, &'static str>,
    failing: Vec<&'static str>,
}

impl World {
    fn new() -> Self {
        let empty = StateDocument::empty("acme-team".parse().unwrap(), "shop".parse().unwrap(), "dev".parse().unwrap());
        Self {
            state: empty,
            inputs: InputHashes::default(),
            options: PlanOptions::default(),
            given: Vec::new(),
            outputs: BTreeMap::new(),
            failing: Vec::new(),
        }
    }

    fn given(&self) -> Given {
        self.given.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect()
    }

    fn input<'a>(&'a self, values: Values, key: &'a SensitiveKey) -> PlanInput<'a> {
        PlanInput {
            tenant: &self.state.tenant,
            environment: &self.state.environment,
            default_region: None,
            values,
            state: &self.state,
            inputs: &self.inputs,
            source: Some(SourceHash([1; 32])),
            key,
            options: self.options.clone(),
        }
    }

    fn try_plan(&self, manifest: &Manifest) -> crate::error::Result<Plan> {
        let values = Values::resolve(manifest, &self.state.environment, &[&self.given()])?;
        plan_apply(manifest, self.input(values, &key()))
    }

    fn plan(&self, manifest: &Manifest) -> Plan {
        self.try_plan(manifest).unwrap_or_else(|error| panic!("{error} {:?}", error.problems))
    }

    fn plan_destroy(&self) -> crate::error::Result<Plan> {
        plan_destroy(self.input(Values::of_state(&self.state, &self.given()), &key()))
    }

    /// Carries a plan out, one step after the other; answers with what ran.
    fn run(&mut self, mut plan: Plan) -> String {
        let mut progress = Progress::new(&plan.steps);
        let mut ran = Vec::new();
        while let Some(at) = progress.start_next() {
            let step = plan.steps[at].clone();
            match self.step(&step, &plan.resolver, &mut ran) {
                true => {
                    if let Some(state) = self.state.components.get(&step.component) {
                        plan.resolver.learn(step.component.clone(), Outputs::Known(state.outputs.clone()));
                    }
                    progress.done(at);
                }
                false => drop(progress.failed(at)),
            }
        }
        assert!(progress.is_over());
        plan.record(&mut self.state);
        ran.join(" ")
    }

    fn step(&mut self, step: &Step, resolver: &Resolver, ran: &mut Vec<String>) -> bool {
        let name = step.component.to_string();
        if step.action == Action::None {
            step.record(&mut self.state);
            return true;
        }
        if matches!(step.action, Action::Delete | Action::Replace) {
            step.begin(&mut self.state, intent(step), None);
            ran.push(format!("-{name}"));
            if self.failing.contains(&name.as_str()) {
                step.stopped(&mut self.state, ComponentStatus::Failed, "no".to_owned(), now());
                return false;
            }
            if step.action == Action::Delete {
                step.deleted(&mut self.state);
                return true;
            }
            step.removed(&mut self.state);
        }
        let prepared = step.prepare(resolver, &key()).unwrap();
        if prepared.unchanged {
            step.record(&mut self.state);
            ran.push(format!("={name}"));
            return true;
        }
        step.begin(&mut self.state, intent(step), Some(&prepared));
        ran.push(format!("+{name}"));
        if self.failing.contains(&name.as_str()) {
            step.stopped(&mut self.state, ComponentStatus::Failed, "no".to_owned(), now());
            return false;
        }
        let outputs = self.outputs.get(name.as_str()).map(|text| ("out".to_owned(), Output::Value((*text).to_owned())));
        step.applied(
            &mut self.state,
            &prepared,
            Outcome { outputs: outputs.into_iter().collect(), ..Outcome::default() },
            now(),
        );
        true
    }

    fn apply(&mut self, manifest: &Manifest) -> String {
        let plan = self.plan(manifest);
        self.run(plan)
    }
}

fn command_of(removal: Removal) -> CommandRun {
    match removal {
        Removal::Command(run) => run,
        other => panic!("{other:?} is no command"),
    }
}

fn intent(step: &Step) -> Intent {
    Intent {
        action: step.action,
        run: RunId::new(ulid::Ulid::nil()),
        fence: 1,
        since: now(),
        component_type: step.component_type.clone(),
        handle: BTreeMap::new(),
        inputs_hash: String::new(),
        inputs: BTreeMap::new(),
    }
}

/// A plan as lines: the action, the component, the reasons.
fn shown(plan: &Plan) -> String {
    let line = |step: &Step| {
        let reasons: Vec<String> = step.reasons.iter().map(ToString::to_string).collect();
        format!("{:?} {}: {}", step.action, step.component, reasons.join(", ")).to_lowercase()
    };
    plan.steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

const CHAIN: &str = "  a:\n    components:\n\
    \x20     web: {type: command, apply: w, environment: {DB: 'x${a.db.out}', V: '${var.V}'}}\n\
    \x20     db: {type: command, apply: d, destroy: dd}\n\
    \x20     free: {type: command, apply: f, dependsOn: [a.db], environment: {PW: '${var.PW}'}}\n";

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
fn a_destroy_goes_in_reverse_and_needs_no_file() {
    let mut world = World::new();
    world.outputs.insert("a.db", "host");
    world.apply(&manifest(CHAIN));
    let plan = world.plan_destroy().unwrap();
    assert_eq!(shown(&plan), "delete a.web: destroy\ndelete a.free: destroy\ndelete a.db: destroy");
    assert_eq!(plan.steps[2].after, [id("a.free"), id("a.web")]);
    assert_eq!(world.run(plan), "-a.web -a.free -a.db");
    assert!(world.state.is_empty() && world.state.source.is_none());
    assert!(!world.plan_destroy().unwrap().has_changes());
}

#[test]
fn a_destroy_of_a_selection_takes_what_needs_it_along() {
    let mut world = World::new();
    world.outputs.insert("a.db", "host");
    world.apply(&manifest(CHAIN));
    world.options.selection.components.insert(id("a.web"));
    assert_eq!(shown(&world.plan_destroy().unwrap()), "delete a.web: destroy");
    world.options.selection.components = [id("a.db")].into();
    assert_eq!(world.plan_destroy().unwrap().counts.delete, 3);
}

#[test]
fn data_and_what_it_needs_are_kept_unless_asked() {
    let text = "  a:\n    components:\n\
        \x20     net: {type: command, apply: n}\n\
        \x20     data: {type: command, apply: d, dependsOn: [a.net], onDestroy: retain}\n\
        \x20     app: {type: command, apply: a, dependsOn: [a.data]}\n";
    let mut world = World::new();
    world.apply(&manifest(text));
    let plan = world.plan_destroy().unwrap();
    assert_eq!(
        shown(&plan),
        "delete a.app: destroy\nnone a.data: kept (ondestroy: retain)\nnone a.net: kept: a.data, which is kept, depends on it"
    );
    assert!(plan.warnings[0].contains("a.data, a.net"), "{:?}", plan.warnings);
    world.options.delete_data = true;
    assert_eq!(world.plan_destroy().unwrap().counts.delete, 3);
}

#[test]
fn keeping_or_not_keeping_is_recorded_without_running_anything() {
    let text = "  a:\n    components:\n      x: {type: command, apply: x}\n      y: {type: command, apply: y}\n";
    let mut world = World::new();
    world.apply(&manifest(text));
    let kept =
        manifest(&text.replace("apply: x", "apply: x, onDestroy: retain").replace("apply: y", "apply: y, timeout: 5s"));
    let plan = world.plan(&kept);
    assert_eq!((plan.has_changes(), plan.has_records()), (false, true));
    assert!(shown(&plan).starts_with("none a.x: only ondestroy changed: nothing runs"), "{}", shown(&plan));
    assert_eq!(world.run(plan), "");
    assert!(world.state.components[&id("a.x")].retain);
    assert_eq!(world.state.components[&id("a.y")].definition["timeoutMs"], json!(5000));
    assert!(!world.plan(&kept).has_records());
}

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
    assert!(!state.contains("hunter2") && !state.contains(&crate::source::hex(&sha2_of("hunter2"))[..32]), "{state}");
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
    let start = std::time::Instant::now();
    let plan = world.plan(&manifest);
    let took = start.elapsed();
    assert_eq!(plan.counts.update, 500);
    assert!(took < std::time::Duration::from_millis(400), "{took:?}");
    println!("500 components planned in {took:?}");
}
