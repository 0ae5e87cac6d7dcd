//! stdout carries answers, stderr everything else; three shapes of one answer.

use harness::{World, scenes};

#[test]
fn json_is_one_document_with_its_defaults() {
    let world = World::new();
    world.run(["daemon", "start"]);
    let status: serde_json::Value =
        serde_json::from_str(&world.run(["daemon", "status", "-o", "json"]).stdout).unwrap();
    assert_eq!(status["activeRuns"], serde_json::json!([]));
    assert!(status["pid"].is_u64() && status["idleExitSeconds"].is_u64(), "{status}");
    let contexts = world.run(["context", "list", "-o", "json"]);
    assert_eq!(contexts.stdout, "{\n  \"contexts\": []\n}\n", "{contexts}");
    assert_eq!(contexts.stderr, "");
}

#[test]
fn an_error_as_json_is_a_line_with_its_reason() {
    let world = World::new();
    let output = world.run(["daemon", "status", "-o", "json"]);
    assert_eq!(output.code, Some(3), "{output}");
    assert_eq!(output.stdout, "");
    let error: serde_json::Value = serde_json::from_str(&output.stderr).unwrap();
    assert_eq!(error["reason"], "DAEMON_UNREACHABLE");
    assert!(error["hints"].is_array(), "{error}");
}

#[test]
fn quiet_prints_only_the_value() {
    let world = World::new();
    assert_eq!(world.run(["version", "-q"]).stdout, concat!(env!("CARGO_PKG_VERSION"), "\n"));
    let started = world.run(["daemon", "start", "-q"]);
    assert_eq!(started.stdout.trim().parse().ok(), world.daemon(), "{started}");
    assert_eq!(world.run(["context", "list", "-q"]).stdout, "");
}

#[test]
fn completions_are_made_for_every_shell() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = world.run(["completion", shell]);
        assert_eq!(output.code, Some(0), "{output}");
        assert!(output.stdout.contains("bootstrap"), "{output}");
    }
    let script = world.run(["completion", "bash"]).stdout;
    let checked = world.program("bash").args(["-n"]).stdin(script).run();
    assert_eq!(checked.code, Some(0), "{checked}");
}

#[test]
fn help_lists_what_can_be_done_and_nothing_else() {
    let world = World::new();
    let help = world.run(["help"]);
    assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""), "{help}");
    for later in ["usage", "reference"] {
        assert!(!help.stdout.lines().any(|line| line.starts_with(&format!("  {later}"))), "{later}: {help}");
    }
}

#[test]
fn a_run_as_json_is_lines_from_a_version_to_a_summary() {
    let team = scenes::team();
    team.write_stack("web", &["a: { type: command, apply: echo hello }"]);
    let lines = team.world.run(["apply", "--stack", "web", "--yes", "-o", "json"]).succeeds().json_lines();
    assert_eq!(lines[0]["started"]["formatVersion"], 1);
    assert!(lines[0]["started"]["version"].is_string());
    assert!(lines.iter().any(|line| line["componentOutput"]["line"] == "hello"), "{lines:?}");
    let numbers: Vec<_> = lines.iter().map(|line| line["sequence"].as_u64()).collect();
    assert_eq!(numbers, (1..=lines.len() as u64).map(Some).collect::<Vec<_>>());
    assert_eq!(lines.last().unwrap()["finished"]["status"], "RUN_STATUS_SUCCEEDED");
}

#[test]
fn an_apply_without_changes_as_json_has_the_same_records() {
    let team = scenes::team();
    team.write_stack("web", &["a: { type: command, apply: 'true' }"]);
    team.world.run(["apply", "--stack", "web", "--yes"]).succeeds();
    let lines = team.world.run(["apply", "--stack", "web", "-o", "json"]).succeeds().json_lines();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["started"]["formatVersion"], 1);
    assert_eq!(lines[1]["plan"]["changes"], false);
    assert_eq!(lines[2]["finished"]["status"], "RUN_STATUS_SUCCEEDED");
}

#[test]
fn a_failed_run_as_json_explains_itself_in_its_last_line() {
    let team = scenes::team();
    team.write_stack("web", &["a: { type: command, apply: exit 7 }"]);
    let output = team.world.run(["apply", "--stack", "web", "--yes", "-o", "json"]).exits(1);
    assert_eq!(output.stderr, "");
    assert_eq!(output.json_lines().last().unwrap()["finished"]["error"]["reason"], "ENGINE_FAILED");
}

#[test]
fn answers_go_to_stdout_and_everything_else_to_stderr() {
    let team = scenes::team();
    team.write_stack("web", &["a: { type: command, apply: echo from the command }"]);
    let output = team.world.run(["apply", "--stack", "web", "--yes"]).succeeds();
    assert!(
        output.stderr.contains("s.a | from the command\n") && output.stderr.contains("s.a... ✓ created"),
        "{output}"
    );
    assert!(output.stdout.contains("✓ Applied web/development\n"), "{output}");
    assert!(!output.stdout.contains("from the command"), "{output}");
    let id = team.world.run(["run", "list", "-q"]).succeeds().stdout;
    let logs = team.world.run(["run", "logs", id.trim()]).succeeds();
    assert_eq!((logs.stdout.as_str(), logs.stderr.as_str()), ("s.a | from the command\n", ""));
}

#[test]
fn a_list_of_tenants_looks_as_in_the_reference() {
    let team = scenes::team();
    let rule = "─".repeat(64);
    assert_eq!(
        team.world.run(["tenant", "list"]).succeeds().stdout,
        format!(
            "Tenants\n{rule}\n\
             ID        NAME      STATUS  STACKS  COST\n{rule}\n\
             web-team  Web Team  active  0       -\n{rule}\n\
             Total: 1 tenant, 0 stacks\n"
        )
    );
}

#[test]
fn quiet_runs_say_nothing_but_the_essential() {
    let team = scenes::team();
    team.write_stack("web", &["a: { type: command, apply: echo hello }"]);
    let output = team.world.run(["apply", "--stack", "web", "--yes", "-q"]).succeeds();
    assert_eq!(output.stderr, "");
    let id = output.stdout.trim();
    team.world.run(["run", "show", id, "-q"]).succeeds().says("succeeded");
    assert_eq!(team.world.run(["status", "--stack", "web", "-q"]).stdout, "unhealthy\n");
}
