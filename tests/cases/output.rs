//! stdout carries answers, stderr everything else; three shapes of one answer.

use harness::World;

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
    for later in ["rollback", "drift", "approvals", "doctor", "usage"] {
        assert!(!help.stdout.lines().any(|line| line.starts_with(&format!("  {later}"))), "{later}: {help}");
    }
}
