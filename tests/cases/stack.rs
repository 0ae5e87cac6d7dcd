//! The stack file: written, shown, checked, never believed blindly.

use std::time::{Duration, Instant};

use harness::World;
use harness::scenes::{team, teams};

#[test]
fn the_text_of_an_editor_is_checked_in_place_of_the_file() {
    let world = World::new();
    world.run(["stack", "init", "shop"]).succeeds();
    let good = std::fs::read_to_string(world.work().join("shop/stack.yaml")).unwrap();
    let check = ["stack", "validate", "--file", "shop/stack.yaml", "--text-stdin", "-o", "json"];
    let bad = good.replace("type: command", "type: comand");
    assert_ne!(bad, good);
    let problems = world.command(check).stdin(bad).run().exits(64).json()["problems"].clone();
    assert!(problems[0]["line"].as_u64() > Some(1) && problems[0]["column"].as_u64() > Some(1), "{problems}");
    assert!(problems[0]["hint"].as_str().unwrap().contains("`command`"), "{problems}");
    world.command(check).stdin(good).run().succeeds();
    let nameless = world.command(["stack", "validate", "--text-stdin"]).stdin("").run().exits(64);
    nameless.complains("--file");
}

#[test]
fn a_new_stack_is_valid_and_never_overwritten() {
    let world = World::new();
    world.run(["stack", "init", "shop"]).succeeds();
    world.run(["stack", "validate", "--file", "shop/stack.yaml"]).succeeds();
    let shown = world.run(["stack", "show", "--stack", "shop", "-o", "json"]).succeeds().json();
    assert_eq!(shown["name"], "shop");
    assert!(!shown["components"].as_array().unwrap().is_empty());
    let before = std::fs::read(world.work().join("shop/stack.yaml")).unwrap();
    world.run(["stack", "init", "shop"]).exits(6).complains("exists");
    assert_eq!(std::fs::read(world.work().join("shop/stack.yaml")).unwrap(), before);
}

#[test]
fn a_new_stack_brings_the_schema_that_it_names_and_both_are_files_of_the_callers() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let init = |name: &str, umask: &str| {
        let line = format!("umask {umask}; exec {} stack init {name}", harness::programs::deployer().display());
        world.program("sh").args(["-c", &line]).run().succeeds();
    };
    init("shop", "022");
    init("other", "007");
    let mode = |path: &str| std::fs::metadata(world.work().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("shop"), mode("shop/stack.yaml"), mode("shop/stack.schema.json")), (0o755, 0o644, 0o644));
    assert_eq!((mode("other"), mode("other/stack.yaml")), (0o770, 0o660));
    let file = |name: &str| std::fs::read_to_string(world.work().join("shop").join(name)).unwrap();
    assert!(file("stack.yaml").starts_with("# yaml-language-server: $schema=./stack.schema.json\n"));
    assert_eq!(file("stack.schema.json"), world.run(["schema"]).succeeds().stdout);
}

#[test]
fn a_schema_that_is_there_is_left_alone() {
    let world = World::new();
    world.write("shop/stack.schema.json", "mine");
    world.run(["stack", "init", "shop"]).succeeds();
    assert_eq!(std::fs::read_to_string(world.work().join("shop/stack.schema.json")).unwrap(), "mine");
}

#[test]
fn a_new_stack_is_healthy_as_soon_as_it_is_applied() {
    for team in teams() {
        team.world.run(["stack", "init", "hello"]).succeeds();
        team.world.run(["apply", "--stack", "hello", "--yes"]).succeeds();
        team.world.run(["status", "--stack", "hello"]).succeeds().says("All resources healthy");
        team.world.run(["destroy", "--stack", "hello", "--yes"]).succeeds();
    }
}

#[test]
fn names_that_could_leave_their_place_write_nothing() {
    let world = World::new();
    let long = "x".repeat(300);
    for name in ["../x", "A b", "a/b", &long] {
        world.run(["stack", "init", name]).exits(64);
    }
    assert_eq!(world.work().read_dir().unwrap().count(), 0);
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    let world = World::new();
    world.write(
        "stack.yaml",
        "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: { development: {} }\nservices:\n  web:\n    \
         components:\n      api: { type: comand, apply: 'true' }\n      db:\n        type: command\n        \
         aply: 'true'\n        environment: { X: '${web.nothing.url}' }\n        inputs: ['a[', '../b']\n",
    );
    let output = world.run(["stack", "validate"]).exits(64);
    let text = format!("{}{}", output.stdout, output.stderr);
    for part in [
        "stack.yaml:8:",
        "comand",
        "command",
        "stack.yaml:11:",
        "aply",
        "stack.yaml:12:",
        "web.nothing",
        "stack.yaml:13:18",
        "no pattern",
        "stack.yaml:13:24",
    ] {
        assert!(text.contains(part), "no {part:?} in {output}");
    }
    let problems = world.run(["stack", "validate", "-o", "json"]).exits(64).json();
    assert!(problems["problems"].as_array().unwrap().len() >= 5, "{problems}");
}

#[test]
fn hostile_files_are_refused_quickly() {
    let world = World::new();
    let mut anchors = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = format!("*a{}, ", level - 1).repeat(10);
        anchors.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    let head = "apiVersion: deployer/v1\nkind: Stack\nname: shop\n";
    let hostile = [
        anchors,
        "[".repeat(200_000),
        "x".repeat(20 << 20),
        format!("{head}name: again\n"),
        "\u{0}\u{1}\u{feff}---\n...\n%YAML 9.9\n".to_owned(),
        "!!binary |\n  AAAA\n".to_owned(),
    ];
    for text in hostile {
        world.write("stack.yaml", &text);
        let begun = Instant::now();
        let output = world.run(["stack", "validate"]).exits(64);
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert!(!output.stderr.contains("panicked"), "{output}");
    }
}

#[test]
fn a_file_that_is_no_file_or_leads_elsewhere_is_refused() {
    let world = World::new();
    std::fs::create_dir_all(world.work().join("outside")).unwrap();
    std::fs::write(world.work().join("outside/stack.yaml"), "name: x\n").unwrap();
    std::fs::create_dir_all(world.work().join("inside")).unwrap();
    std::os::unix::fs::symlink("../outside/stack.yaml", world.work().join("inside/stack.yaml")).unwrap();
    world.run(["stack", "validate", "--file", "inside/stack.yaml"]).exits(64).complains("symbolic link");
    world.run(["stack", "validate", "--file", "nothing/stack.yaml"]).exits(8);
    world.run(["stack", "validate", "--file", "/dev/zero"]).exits(64);
}

#[test]
fn the_schema_is_json_and_knows_the_types() {
    let world = World::new();
    let schema = world.run(["schema"]).succeeds();
    assert!(schema.json()["$schema"].as_str().is_some_and(|url| url.contains("json-schema.org")));
    schema.says("command");
}

#[test]
fn stacks_are_listed_with_what_became_of_them() {
    let team = team();
    assert_eq!(team.world.run(["stack", "list", "-o", "json"]).succeeds().json()["stacks"], serde_json::json!([]));
    team.write_stack("shop", &["a: { type: command, apply: 'true' }", "b: { type: command, apply: 'exit 3' }"]);
    team.apply("shop").exits(1);
    let rows = team.world.run(["stack", "list", "-o", "json"]).succeeds().json();
    let row = &rows["stacks"][0];
    assert_eq!((row["stack"].as_str(), row["environment"].as_str()), (Some("shop"), Some("development")));
    assert_eq!((row["status"].as_str(), row["historyNumber"].as_u64()), (Some("failed"), Some(1)));
}
