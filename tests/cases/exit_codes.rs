//! The exit codes that need no backend; the whole table is tested where it is written.

use harness::scenes;
use harness::{World, wait};

#[test]
fn usage_is_64() {
    let world = World::new();
    let cases: [&[&str]; 8] = [
        &[],
        &["frob"],
        &["tenant", "show"],
        &["apply", "--wait", "soon"],
        &["apply", "--var", "novalue"],
        &["lock", "run", "--stack", "x"],
        &["completion", "tcsh"],
        &["-o", "yaml", "version"],
    ];
    for arguments in cases {
        let output = world.run(arguments.iter().copied());
        assert_eq!(output.code, Some(64), "{output}");
        assert_eq!(output.stdout, "", "{output}");
        assert!(!output.stderr.is_empty(), "{output}");
    }
    assert_eq!(world.daemon(), None);
}

#[test]
fn asking_for_help_is_no_failure() {
    let world = World::new();
    for arguments in [&["--help"][..], &["help", "apply"], &["apply", "-h"], &["--version"], &["version"]] {
        let output = world.run(arguments.iter().copied());
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output}");
    }
}

#[test]
fn an_unreachable_daemon_is_3() {
    let world = World::new();
    let output = world.run(["daemon", "status"]);
    assert_eq!(output.code, Some(3), "{output}");
    assert!(output.stderr.contains("deployer daemon start"), "{output}");
    let long = format!("/tmp/{}", "x".repeat(120));
    for socket in ["relative.sock", long.as_str()] {
        let output = World::new().with("DEPLOYER_SOCKET", socket).run(["context", "list"]);
        assert_eq!(output.code, Some(3), "{output}");
        assert!(output.stderr.contains("absolute") || output.stderr.contains("DEPLOYER_SOCKET"), "{output}");
    }
}

#[test]
fn what_is_not_there_is_8() {
    let world = World::new();
    let output = world.run(["daemon", "logs"]);
    assert_eq!(output.code, Some(8), "{output}");
}

#[test]
fn nobody_signed_in_is_4() {
    let world = World::new();
    for arguments in [&["tenant", "details"][..], &["tenant", "list"], &["stack", "list"], &["lock", "list"]] {
        let output = world.run(arguments.iter().copied());
        assert_eq!(output.code, Some(4), "{output}");
        assert!(output.stderr.contains("Hint: sign in with `deployer"), "{output}");
    }
}

#[test]
fn an_invalid_stack_file_is_64() {
    let world = World::new();
    world.write("stack.yaml", "apiVersion: deployer/v1\nkind: Stack\nname: web\nservices: 7\n");
    let output = world.run(["stack", "validate"]);
    assert_eq!(output.code, Some(64), "{output}");
    assert!(output.stdout.contains("stack.yaml:4"), "{output}");
}

#[test]
fn a_failed_deploy_and_an_unhealthy_stack_are_1() {
    let team = scenes::team();
    team.write_stack("web", &["a: { type: command, apply: exit 7 }"]);
    team.world.run(["apply", "--stack", "web", "--yes"]).exits(1).complains("exit code 7");
    team.world.run(["status", "--stack", "web"]).exits(1);
}

#[test]
fn changes_are_2_only_where_that_was_asked_for() {
    let team = scenes::team();
    team.write_stack("web", &["a: { type: command, apply: 'true', check: 'true' }"]);
    team.world.run(["plan", "--stack", "web"]).succeeds();
    team.world.run(["plan", "--stack", "web", "--detailed-exitcode"]).exits(2);
    team.world.run(["apply", "--stack", "web", "--yes"]).succeeds();
    team.world.run(["plan", "--stack", "web", "--detailed-exitcode"]).succeeds().says("No changes.");
    team.world.run(["status", "--stack", "web"]).succeeds().says("All resources healthy");
}

#[test]
fn a_wrong_secret_and_an_unknown_tenant_are_4_and_look_alike() {
    let team = scenes::team();
    let refused = |tenant: &str| {
        let arguments = ["login", "--tenant", tenant, "--backend", &team.address, "--secret-stdin"];
        team.world.command(arguments).stdin("wrong").run().exits(4).stderr
    };
    assert_eq!(refused("web-team"), refused("nobody"));
    assert!(refused("nobody").contains("✗ Authentication failed: Invalid credentials"));
}

#[test]
fn a_lock_that_somebody_holds_is_5() {
    let team = scenes::team();
    team.write_stack("web", &["a: { type: command, apply: touch begun; exec sleep 600 }"]);
    let id = team.world.run(["apply", "--stack", "web", "--yes", "--detach", "-q"]).succeeds().stdout;
    wait::until("the run holds its lock", || team.world.work().join("web/begun").exists());
    let output = team.world.run(["apply", "--stack", "web", "--yes"]).exits(5);
    assert!(output.stderr.contains("web/development is locked") && output.stderr.contains("Held by:"), "{output}");
    team.world.run(["run", "cancel", id.trim()]).succeeds();
    team.world.run(["run", "attach", id.trim()]).exits(130);
}

#[test]
fn what_exists_already_is_6() {
    let team = scenes::team();
    team.world.run(["tenant", "init", "web-team"]).exits(6);
    team.write_stack("web", &["a: { type: command, apply: 'true' }"]);
    team.world.run(["stack", "init", "web"]).exits(6);
}

#[test]
fn what_a_policy_forbids_is_7() {
    let team = scenes::team();
    team.write_stack("web", &["a: { type: command, apply: 'true' }"]);
    for arguments in [&["--yes"][..], &["--yes", "--detach"]] {
        let command = ["apply", "--stack", "web", "--environment", "production"];
        let output = team.world.run(command.iter().chain(arguments).copied()).exits(7);
        assert!(output.stderr.contains("approval"), "{output}");
    }
}

#[test]
fn what_nobody_has_heard_of_is_8() {
    let team = scenes::team();
    team.write_stack("web", &["a: { type: command, apply: 'true' }"]);
    let cases: [&[&str]; 5] = [
        &["tenant", "show", "nobody"],
        &["run", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        &["history", "--stack", "web"],
        &["outputs", "--stack", "web"],
        &["context", "use", "nobody@local:/nowhere.db"],
    ];
    for arguments in cases {
        team.world.run(arguments.iter().copied()).exits(8);
    }
}

#[test]
fn a_run_without_a_confirmation_is_64_where_nobody_can_be_asked() {
    let team = scenes::team();
    team.write_stack("web", &["a: { type: command, apply: 'true', destroy: 'true' }"]);
    team.world.run(["apply", "--stack", "web"]).exits(64).complains("--yes");
    team.world.run(["apply", "--stack", "web", "--yes"]).succeeds();
    team.world.run(["destroy", "--stack", "web"]).exits(64).complains("--yes");
}

#[test]
fn a_command_under_a_lock_ends_with_its_own_code() {
    let team = scenes::team();
    team.write_stack("web", &["a: { type: command, apply: 'true' }"]);
    let run = |script: &str| team.world.run(["lock", "run", "--stack", "web", "--", "sh", "-c", script]);
    let output = run("echo out; echo err >&2; exit 42").exits(42);
    assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
    run("true").succeeds();
}
