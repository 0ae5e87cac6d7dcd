//! `stack graph`: what depends on what, as a tree, a flow chart, Graphviz's language and a picture; and what follows from
//! it for a run.

use harness::World;
use harness::scenes::{Platform, team};
use serde_json::Value;

const CHAIN: [&str; 4] = [
    "db: { type: command, apply: 'true', destroy: 'echo db >> ../gone' }",
    "queue: { type: command, apply: 'true', destroy: 'echo queue >> ../gone' }",
    "api: { type: command, dependsOn: [s.db, s.queue], apply: 'true', destroy: 'echo api >> ../gone' }",
    "dns: { type: command, dependsOn: [s.api], apply: 'true', destroy: 'echo dns >> ../gone' }",
];

fn chain(world: &World) {
    let components: String = CHAIN.iter().map(|component| format!("      {component}\n")).collect();
    let head = "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: { development: {} }\n";
    world.write("shop/stack.yaml", &format!("{head}services:\n  s:\n    components:\n{components}"));
}

#[test]
fn a_stack_is_drawn_in_every_format_without_a_session() {
    let world = World::new();
    chain(&world);
    let draw = |arguments: &[&str]| {
        let all = ["stack", "graph", "--stack", "shop"].into_iter().chain(arguments.iter().copied());
        world.run(all).succeeds().stdout
    };
    assert_eq!(
        draw(&[]),
        "shop\n└── s.dns (command)\n    └── s.api (command)\n        ├── s.db (command)\n        └── s.queue (command)\n"
    );
    assert!(draw(&["--format", "mermaid"]).starts_with("flowchart LR\n"));
    assert!(draw(&["--format", "dot"]).contains("\"s.db\" -> \"s.api\";"));
    let svg = draw(&["--format", "svg"]);
    assert!(svg.starts_with("<?xml") && svg.trim_end().ends_with("</svg>") && svg.contains("s.queue"), "{svg}");
    assert_eq!(draw(&["--component", "s.db"]), "shop\n└── s.db (command)\n");
    let json: Value = serde_json::from_str(&draw(&["--format", "dot", "-o", "json"])).unwrap();
    assert_eq!((&json["format"], &json["stack"]), (&"dot".into(), &"shop".into()));
    world.run(["stack", "graph", "--stack", "shop", "--component", "s.nothing"]).exits(8);
    world.run(["stack", "graph", "--stack", "shop", "--format", "png"]).exits(64).complains("svg");
}

fn gone(team: &Platform) -> Vec<String> {
    let path = team.world.work().join("gone");
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let _ = std::fs::remove_file(path);
    text.lines().map(str::to_owned).collect()
}

/// A stack whose destroys tell their order in one file, wherever they run.
fn deployed(team: &Platform) -> Vec<String> {
    let gone = team.world.work().join("gone").display().to_string();
    let components: Vec<String> = CHAIN.iter().map(|component| component.replace("../gone", &gone)).collect();
    team.write_stack("shop", &components.iter().map(String::as_str).collect::<Vec<_>>());
    team.apply("shop").succeeds();
    components
}

fn actions(team: &Platform, arguments: &[&str]) -> Vec<String> {
    let all = ["plan", "--stack", "shop", "-o", "json"].into_iter().chain(arguments.iter().copied());
    let plan = team.world.run(all).succeeds().json();
    let steps = plan["steps"].as_array().unwrap().iter();
    steps
        .map(|step| format!("{} {}", step["component"], step["action"]).replace('"', "").replace("ACTION_", ""))
        .collect()
}

#[test]
fn removed_components_are_destroyed_after_those_that_used_them() {
    let team = team();
    let components = deployed(&team);
    team.write_stack("shop", &[components[0].as_str()]);
    team.apply("shop").succeeds();
    assert_eq!(gone(&team), ["dns", "api", "queue"]);
}

#[test]
fn a_renamed_component_is_a_new_one_and_the_old_one_goes_and_the_plan_says_so() {
    let team = team();
    let components = deployed(&team);
    let renamed: Vec<String> = components
        .iter()
        .map(|component| component.replace("api:", "backend:").replace("s.api", "s.backend"))
        .collect();
    team.write_stack("shop", &renamed.iter().map(String::as_str).collect::<Vec<_>>());
    let plan = team.world.run(["plan", "--stack", "shop"]).succeeds();
    let plan = plan.says("+ s.backend").says("- s.api").says("s.backend").says("looks like s.api renamed");
    plan.says("is made anew under its new name");
    team.apply("shop").succeeds();
    assert_eq!(gone(&team), ["api"]);
}

#[test]
fn what_is_to_be_retained_is_kept_when_it_leaves_the_file_and_when_all_is_destroyed() {
    let team = team();
    let gone_file = team.world.work().join("gone").display().to_string();
    let db = format!("db: {{ type: command, onDestroy: retain, apply: 'true', destroy: 'echo db >> {gone_file}' }}");
    let api = format!("api: {{ type: command, dependsOn: [s.db], apply: 'true', destroy: 'echo api >> {gone_file}' }}");
    team.write_stack("shop", &[&db, &api]);
    team.apply("shop").succeeds();
    team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
    assert_eq!(gone(&team), ["api"]);
    team.write_stack("shop", &[&api.replace("dependsOn: [s.db], ", "")]);
    assert_eq!(actions(&team, &[]), ["s.api CREATE", "s.db NONE"]);
    team.world.run(["destroy", "--stack", "shop", "--yes", "--delete-data"]).succeeds();
    assert_eq!(gone(&team), ["db"]);
}

#[test]
fn a_selection_takes_what_it_needs_along_and_for_a_destroy_what_needs_it() {
    let team = team();
    let gone = team.world.work().join("gone").display().to_string();
    let components: Vec<String> = CHAIN.iter().map(|component| component.replace("../gone", &gone)).collect();
    team.write_stack("shop", &components.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(actions(&team, &["--component", "s.api"]), ["s.db CREATE", "s.queue CREATE", "s.api CREATE"]);
    assert_eq!(actions(&team, &["--service", "s"]).len(), 4);
    team.world.run(["apply", "--stack", "shop", "--yes", "--component", "s.queue"]).succeeds();
    assert_eq!(actions(&team, &[]).iter().filter(|action| action.ends_with("CREATE")).count(), 3);
    team.apply("shop").succeeds();
    team.world.run(["destroy", "--stack", "shop", "--yes", "--component", "s.api"]).succeeds();
    let destroyed = std::fs::read_to_string(team.world.work().join("gone")).unwrap();
    assert_eq!(destroyed.lines().collect::<Vec<_>>(), ["dns", "api"]);
}

#[test]
fn a_failure_stops_what_depends_on_it_and_nothing_else() {
    let team = team();
    let a = "a: { type: command, apply: 'exit 4' }";
    let b = "b: { type: command, dependsOn: [s.a], apply: 'touch b' }";
    let c = "c: { type: command, dependsOn: [s.b], apply: 'touch c' }";
    let d = "d: { type: command, apply: 'touch d' }";
    let e = "e: { type: command, dependsOn: [s.d], apply: 'touch e' }";
    team.write_stack("shop", &[a, b, c, d, e]);
    let failed = team.apply("shop").exits(1).complains("s.a failed");
    failed.complains("s.b, s.c");
    let made = |name: &str| team.world.work().join("shop").join(name).exists();
    assert_eq!(["b", "c", "d", "e"].map(made), [false, false, true, true]);
    team.write_stack("shop", &[&a.replace("exit 4", "true"), b, c, d, e]);
    assert_eq!(actions(&team, &[]), ["s.a CREATE", "s.b CREATE", "s.c CREATE", "s.d NONE", "s.e NONE"]);
}
