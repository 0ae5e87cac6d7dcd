//! A command of the user's own under the lock: guarded like any other, and the lock outlives all that it started.

use harness::scenes::{team, teams};
use harness::wait;

#[test]
fn a_command_runs_under_the_lock_and_its_exit_code_comes_back() {
    for team in teams() {
        let run = |command: &[&str]| {
            let arguments = ["lock", "run", "--stack", "shop", "--"].iter().chain(command);
            team.world.run(arguments.copied())
        };
        run(&["sh", "-c", "echo token $DEPLOYER_FENCE in $(pwd)"]).succeeds().says("token 1");
        run(&["sh", "-c", "echo token $DEPLOYER_FENCE; exit 42"]).exits(42).says("token 2");
        run(&["no-such-program"]).exits(64).complains("no-such-program");
        assert_eq!(team.world.run(["lock", "list", "-o", "json"]).succeeds().json()["locks"], serde_json::json!([]));
    }
}

#[test]
fn nobody_else_gets_the_lock_while_the_command_runs() {
    let team = team();
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    let command = "touch began; until [ -e go ]; do sleep 0.02; done";
    let running = team.world.command(["lock", "run", "--stack", "shop", "--", "sh", "-c", command]).spawn();
    wait::until("the command runs", || team.world.work().join("began").exists());
    team.apply("shop").exits(5).complains("(lock run)");
    team.world.write("go", "");
    running.wait().succeeds();
    team.apply("shop").succeeds();
}

#[test]
fn the_lock_is_released_only_when_everything_that_the_command_started_is_gone() {
    let team = team();
    let command = "sh -c 'echo $$ > left; exec sleep 1000' & (setsid sh -c 'echo $$ > escaped; exec sleep 1000' &); \
        until [ -s left ] && [ -s escaped ]; do sleep 0.02; done";
    team.world.run(["lock", "run", "--stack", "shop", "--", "sh", "-c", command]).succeeds();
    for name in ["left", "escaped"] {
        let pid = std::fs::read_to_string(team.world.work().join(name)).unwrap();
        assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists(), "{name} still runs");
    }
}

#[test]
fn a_command_under_the_lock_may_ask_for_what_is_so_already_and_nothing_else() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
        team.apply("shop").succeeds();
        let under = |command: &str| team.world.run(["lock", "run", "--stack", "shop", "--", "sh", "-c", command]);
        let apply = format!("{} apply --stack shop --yes", harness::programs::deployer().display());
        under(&apply).succeeds().says("No changes.");
        // Only what the holder runs is its own.
        under(&format!("DEPLOYER_FENCE=1 {apply}")).exits(5).complains("shop/development is locked");
        under(&format!("env -u DEPLOYER_RUN_ID {apply}")).exits(5).complains("shop/development is locked");
        team.write_stack("shop", &["a: { type: command, apply: 'echo' }"]);
        under(&apply).exits(5).complains("shop/development is locked");
    }
}
