//! Applying: the graph in order and at once, what a failure stops, what is recorded, and who may not.

use harness::scenes::{Platform, team, teams};
use serde_json::Value;

/// The components of a run's events, in the order in which they began.
fn begun(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["componentStarted"]["component"].as_str()).collect()
}

fn finished(events: &[Value]) -> &Value {
    &events.last().expect("a last event")["finished"]
}

fn apply_json(team: &Platform, stack: &str) -> Vec<Value> {
    team.world.run(["apply", "--stack", stack, "--yes", "-o", "json"]).json_lines()
}

#[test]
fn the_main_job_holds_on_both_backends() {
    for team in teams() {
        team.write_stack(
            "shop",
            &[
                "web: { type: command, apply: 'echo web at $DB', environment: { DB: '${s.db.host}' } }",
                "db: { type: command, apply: 'echo \"{\\\"host\\\": \\\"db.internal\\\"}\" > $DEPLOYER_OUTPUTS' }",
            ],
        );
        let events = apply_json(&team, "shop");
        assert_eq!(begun(&events), ["s.db", "s.web"]);
        let output = events.iter().find_map(|event| event["componentOutput"]["line"].as_str());
        assert_eq!(output, Some("web at db.internal"));
        assert_eq!(finished(&events)["status"], "RUN_STATUS_SUCCEEDED");
        assert_eq!(finished(&events)["historyNumber"], 1);

        team.apply("shop").succeeds().says("No changes");
        team.world.run(["outputs", "--stack", "shop"]).succeeds().says("db.internal");
        let history = team.world.run(["history", "--stack", "shop", "-o", "json"]).succeeds().json();
        let row = &history["rows"][0];
        assert_eq!((row["number"].as_u64(), row["result"].as_str()), (Some(1), Some("succeeded")));
        assert_eq!((row["actor"].as_str(), row["counts"]["create"].as_u64()), (Some("tester"), Some(2)));

        team.write_stack("shop", &["db: { type: command, apply: 'echo other' }"]);
        let events = apply_json(&team, "shop");
        let mut names = begun(&events);
        names.sort_unstable();
        assert_eq!(names, ["s.db", "s.web"]);
        let counts = &finished(&events)["counts"];
        assert_eq!((counts["update"].as_u64(), counts["delete"].as_u64()), (Some(1), Some(1)), "{counts}");
        assert_eq!(team.world.run(["lock", "list", "-o", "json"]).succeeds().json()["locks"], serde_json::json!([]));
    }
}

#[test]
fn what_does_not_depend_on_each_other_runs_at_once() {
    let team = team();
    // Each waits for what the other does: one after the other they would never end.
    let meet = |mine: &str, other: &str| {
        format!("{mine}: {{ type: command, apply: 'touch {mine}; until [ -e {other} ]; do sleep 0.02; done' }}")
    };
    team.write_stack("shop", &[&meet("a", "b"), &meet("b", "c"), &meet("c", "a")]);
    team.apply("shop").succeeds();
}

#[test]
fn no_more_run_at_once_than_was_asked_for() {
    let mut team = team();
    team.world = team.world.with("DEPLOYER_PARALLELISM", "1");
    let alone = "if mkdir busy; then sleep 0.05; rmdir busy; else exit 9; fi";
    let components: Vec<String> = (0..5).map(|n| format!("c{n}: {{ type: command, apply: '{alone}' }}")).collect();
    team.write_stack("shop", &components.iter().map(String::as_str).collect::<Vec<_>>());
    team.apply("shop").succeeds();
}

#[test]
fn a_failure_stops_what_depends_on_it_and_the_next_apply_does_the_rest() {
    for team in teams() {
        team.write_stack(
            "shop",
            &[
                "bad: { type: command, apply: 'test -e mended || { echo why it failed >&2; exit 7; }' }",
                "after: { type: command, apply: 'true', dependsOn: [s.bad] }",
                "other: { type: command, apply: 'sleep 0.3; echo done > other' }",
            ],
        );
        let output = team.apply("shop").exits(1).complains("exit code 7: why it failed");
        assert!(output.stderr.contains("s.after"), "{output}");
        assert!(team.world.work().join("shop/other").exists(), "what ran was not let finish");
        let status = team.world.run(["status", "--stack", "shop", "-o", "json"]).exits(1).json();
        let bad = status["components"].as_array().unwrap().iter().find(|c| c["component"] == "s.bad").unwrap().clone();
        assert_eq!(bad["health"], "Degraded");
        team.world.write("shop/mended", "");
        let events = apply_json(&team, "shop");
        assert_eq!(begun(&events), ["s.bad", "s.after"]);
        assert_eq!(finished(&events)["counts"]["unchanged"], 1);
    }
}

#[test]
fn of_two_applies_at_once_one_is_refused_with_who_holds_the_lock_and_one_that_waits_gets_it() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'touch began; until [ -e go ]; do sleep 0.02; done' }"]);
        let first = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
        harness::wait::until("the first is at work", || team.world.work().join("shop/began").exists());
        let refused = team.apply("shop").exits(5).complains("shop/development is locked");
        for part in ["Held by: tester on ", "(apply)", "Last heartbeat: ", "(alive)", "deployer run attach"] {
            assert!(refused.stderr.contains(part), "no {part:?} in {refused}");
        }
        let waiting = team.world.command(["apply", "--stack", "shop", "--yes", "--wait", "1m"]).spawn();
        team.world.write("shop/go", "");
        first.wait().succeeds();
        waiting.wait().succeeds();
    }
}

#[test]
fn what_is_removed_from_the_file_is_destroyed_with_the_files_it_was_made_of() {
    let team = team();
    let component = "a: { type: command, inputs: [undo.sh], apply: 'true', destroy: 'sh undo.sh' }";
    team.write_stack("shop", &[component, "b: { type: command, apply: 'true' }"]);
    let undone = team.world.work().join("undone");
    team.world.write("shop/undo.sh", &format!("echo $DEPLOYER_COMPONENT > {}", undone.display()));
    team.apply("shop").succeeds();
    std::fs::remove_file(team.world.work().join("shop/undo.sh")).unwrap();
    team.write_stack("shop", &["b: { type: command, apply: 'true' }"]);
    team.apply("shop").succeeds();
    assert_eq!(std::fs::read_to_string(undone).unwrap().trim(), "a");
}

#[test]
fn growth_beyond_the_limits_is_refused_before_anything_is_locked() {
    let platform = Platform::local();
    let output = platform.world.run(["tenant", "init", "web-team", "--max-stacks", "1", "--max-services", "1", "-q"]);
    platform.sign_in("web-team", output.succeeds().stdout.trim());
    let team = platform.in_development();
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    team.write_stack("other", &["a: { type: command, apply: 'touch ran' }"]);
    team.apply("shop").succeeds();
    team.apply("other").exits(7).complains("1 / 1 stacks");
    assert!(!team.world.work().join("other/ran").exists());
}

#[test]
fn the_environment_of_commands_is_the_callers_without_our_secrets() {
    let mut team = team();
    team.world = team
        .world
        .with("MY_OWN", "mine")
        .with("DEPLOYER_SECRET", "never-shown-secret")
        .with("DEPLOYER_ADMIN_PASSWORD", "never-shown-password");
    team.write_stack("shop", &["a: { type: command, environment: { X: 'of ${tenant}' }, apply: 'env > seen; pwd' }"]);
    team.apply("shop").succeeds().says("");
    let seen = std::fs::read_to_string(team.world.work().join("shop/seen")).unwrap();
    let has = |line: &str| seen.lines().any(|seen| seen.starts_with(line));
    for line in [
        "MY_OWN=mine",
        "X=of web-team",
        "DEPLOYER_TENANT=web-team",
        "DEPLOYER_STACK=shop",
        "DEPLOYER_ENVIRONMENT=development",
        "DEPLOYER_SERVICE=s",
        "DEPLOYER_COMPONENT=a",
        "DEPLOYER_RUN_ID=0",
        "DEPLOYER_FENCE=1",
        "DEPLOYER_OUTPUTS=/",
    ] {
        assert!(has(line), "no {line} in\n{seen}");
    }
    assert!(!seen.contains("never-shown"), "{seen}");
}

#[test]
fn outputs_that_cannot_be_used_fail_their_component_with_the_reason() {
    let team = team();
    let write = |text: &str| {
        format!(
            "a: {{ type: command, apply: 'printf %s \"$TEXT\" > $DEPLOYER_OUTPUTS', environment: {{ TEXT: '{text}' }} }}"
        )
    };
    for (text, why) in [("{\"a\": {}}", "`a`"), ("[1]", "object"), ("{\"a\": 1", "line 1"), ("{\"a b\": 1}", "a b")] {
        team.write_stack("shop", &[&write(text)]);
        team.apply("shop").exits(1).complains(why);
    }
    team.write_stack("shop", &[&write("{\"port\": 8080}")]);
    team.apply("shop").succeeds().says("8080");
}

#[test]
fn sensitive_values_reach_the_command_and_nothing_else() {
    let team = team();
    team.world.write(
        "shop/stack.yaml",
        "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: { development: {} }\n\
         variables: { PW: { sensitive: true } }\n\
         services:\n  s:\n    components:\n      a:\n        type: command\n        environment: { PW: '${var.PW}' }\n        \
         apply: 'echo said $PW aloud; echo $PW >&2; printf %s $PW | sha256sum > seen'\n",
    );
    team.world.write("secret.yaml", "PW: correct-horse-battery\n");
    let arguments = ["apply", "--stack", "shop", "--var-file", "secret.yaml", "--yes"];
    let output = team.world.run(arguments).succeeds();
    assert!(format!("{output}").contains("said (sensitive) aloud"), "{output}");
    assert!(team.world.work().join("shop/seen").exists());
    let mut looked = 0;
    let mut directories = vec![team.world.directory().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in directory.read_dir().unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.is_file() && !path.ends_with("secret.yaml") {
                looked += 1;
                let bytes = std::fs::read(&path).unwrap();
                let found = bytes.windows(21).any(|part| part == b"correct-horse-battery");
                assert!(!found, "the value lies in {}", path.display());
            }
        }
    }
    assert!(looked > 5);
    // The same value is no change, another one is.
    team.world.run(arguments).succeeds().says("No changes");
    team.world.write("secret.yaml", "PW: another-horse-battery\n");
    team.world.run(["plan", "--stack", "shop", "--var-file", "secret.yaml", "--detailed-exitcode"]).exits(2);
}

#[test]
fn the_commit_and_branch_are_recorded() {
    let team = team();
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    let commit = "0123456789abcdef0123456789abcdef01234567";
    team.world.write(".git/HEAD", "ref: refs/heads/main\n");
    team.world.write(".git/refs/heads/main", commit);
    team.apply("shop").succeeds();
    let history = team.world.run(["history", "--stack", "shop", "-o", "json"]).succeeds().json();
    assert_eq!(history["rows"][0]["gitCommit"], commit);
    assert_eq!(history["rows"][0]["gitBranch"], "main");
}
