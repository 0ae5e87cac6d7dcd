//! Runs: the daemon's, not the terminal's; watched by anybody, from the first event; cancelled at every moment.

use harness::scenes::{Platform, team, teams};
use harness::{Process, World, wait};
use rustix::process::Signal;
use serde_json::Value;

/// A component that begins, and goes on when it is told to.
const GATED: &str =
    "a: { type: command, apply: 'echo first; touch began; until [ -e go ]; do sleep 0.02; done; echo last' }";

fn runs(world: &World) -> Vec<Value> {
    world.run(["run", "list", "-o", "json"]).succeeds().json()["runs"].as_array().unwrap().clone()
}

fn start(team: &Platform) -> (Process, String) {
    team.write_stack("shop", &[GATED]);
    let process = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    wait::until("the command runs", || team.world.work().join("shop/began").exists());
    (process, runs(&team.world)[0]["id"].as_str().unwrap().to_owned())
}

fn lines(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["componentOutput"]["line"].as_str()).collect()
}

#[test]
fn a_run_outlives_its_terminal_and_another_one_sees_all_of_it() {
    for team in teams() {
        let (mut terminal, id) = start(&team);
        terminal.kill();
        let other = team.world.command(["run", "attach", &id, "-o", "json"]).spawn();
        team.world.write("shop/go", "");
        let events = other.wait().succeeds().json_lines();
        assert_eq!(lines(&events), ["first", "last"]);
        let sequences: Vec<u64> = events.iter().filter_map(|event| event["sequence"].as_u64()).collect();
        assert_eq!(sequences, (1..=sequences.len() as u64).collect::<Vec<_>>());
        let late = team.world.run(["run", "attach", &id, "-o", "json"]).succeeds().json_lines();
        assert_eq!(lines(&late), ["first", "last"]);
        assert_eq!(runs(&team.world)[0]["status"], "RUN_STATUS_SUCCEEDED");
    }
}

#[test]
fn a_colleague_on_another_machine_sees_the_run_and_its_events() {
    {
        let platform = Platform::local();
        let secret = platform.create_tenant("web-team");
        platform.sign_in("web-team", &secret);
        let team = platform.in_development();
        let (terminal, id) = start(&team);
        let colleague = team.colleague("web-team", &secret);
        team.world.write("shop/go", "");
        terminal.wait().succeeds();
        wait::until("the run is stored", || colleague.run(["run", "show", &id]).code == Some(0));
        let events = colleague.run(["run", "attach", &id, "-o", "json"]).succeeds().json_lines();
        assert_eq!(lines(&events), ["first", "last"]);
        let listed = runs(&colleague);
        assert_eq!((listed[0]["id"].as_str(), listed[0]["owned"].as_bool()), (Some(id.as_str()), Some(false)));
        colleague.run(["outputs", "--stack", "shop"]).succeeds();
        colleague.run(["run", "show", "01JD0000000000000000000000"]).exits(8);
        colleague.run(["run", "show", "nonsense"]).exits(64);
    }
}

#[test]
fn a_tenant_sees_no_other_tenants_runs() {
    let platform = Platform::local();
    let secret = platform.create_tenant("other-team");
    let team = platform.with_team("web-team").in_development();
    let (terminal, id) = start(&team);
    team.sign_in("other-team", &secret);
    assert_eq!(runs(&team.world), Vec::<Value>::new());
    team.world.run(["run", "attach", &id]).exits(8);
    team.world.run(["run", "cancel", &id]).exits(8);
    team.world.write("shop/go", "");
    terminal.wait().succeeds();
}

#[test]
fn an_admin_sees_a_tenants_runs_and_may_end_them() {
    for team in teams() {
        let (terminal, id) = start(&team);
        let admin = |verb: &str| team.world.command(["run", verb, &id, "--tenant", "web-team"]);
        admin("show").run().succeeds().says("shop/development").says("running");
        admin("show").env("DEPLOYER_CONTEXT", "nobody@local:/x").run().exits(8);
        team.world.run(["run", "show", &id, "--tenant", "other-team"]).exits(8).complains("other-team");
        let watching = admin("attach").args(["-o", "json"]).spawn();
        let reading = admin("logs").spawn();
        admin("cancel").run().succeeds().says("is being cancelled");
        terminal.wait().exits(130);
        let events = watching.wait().exits(130).json_lines();
        assert_eq!(events.last().unwrap()["finished"]["status"], "RUN_STATUS_CANCELLED");
        reading.wait().succeeds().says("s.a | first");
        team.world.run(["admin", "logout"]).succeeds();
        admin("show").run().exits(4).complains("deployer admin login");
    }
}

#[test]
fn an_admin_sees_how_a_tenants_stack_is_and_runs_none_of_its_commands() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'true', check: 'touch checked' }"]);
        team.apply("shop").succeeds();
        let admin = ["status", "--stack", "shop", "--tenant", "web-team"];
        team.world.run(admin).exits(1).says("its `check` is run for its own tenant only");
        assert!(!team.world.work().join("shop/checked").exists());
        team.world.run(["status", "--stack", "shop"]).succeeds();
        assert!(team.world.work().join("shop/checked").exists());
    }
}

#[test]
fn a_cancelled_run_lets_its_command_clean_up_and_starts_nothing_more() {
    let team = team();
    team.write_stack(
        "shop",
        &[
            "a: { type: command, apply: \"trap 'echo cleaned; exit 1' TERM; touch began; while :; do sleep 0.02; done\" }",
            "b: { type: command, apply: 'touch ran', dependsOn: [s.a] }",
        ],
    );
    let process = team.world.command(["apply", "--stack", "shop", "--yes", "-o", "json"]).spawn();
    wait::until("the command runs", || team.world.work().join("shop/began").exists());
    let id = runs(&team.world)[0]["id"].as_str().unwrap().to_owned();
    team.world.run(["run", "cancel", &id]).succeeds();
    let events = process.wait().exits(130).json_lines();
    assert!(lines(&events).contains(&"cleaned"), "{events:?}");
    assert_eq!(events.last().unwrap()["finished"]["status"], "RUN_STATUS_CANCELLED");
    assert!(!team.world.work().join("shop/ran").exists());
    assert_eq!(team.world.run(["lock", "list", "-o", "json"]).succeeds().json()["locks"], serde_json::json!([]));
    let history = team.world.run(["history", "--stack", "shop", "-o", "json"]).succeeds().json();
    assert_eq!(history["rows"][0]["result"], "cancelled");
}

#[test]
fn a_command_that_ignores_the_request_is_killed_after_the_grace() {
    let mut team = team();
    team.world.run(["daemon", "stop", "--force"]).succeeds();
    team.world = team.world.with("DEPLOYER_TEST_GRACE_MS", "200").with("DEPLOYER_KEYRING", "file");
    let platform = team;
    let secret = platform_secret(&platform);
    platform.sign_in("late-team", &secret);
    platform.write_stack(
        "shop",
        &["a: { type: command, apply: \"trap '' TERM; echo $$ > pid; touch began; while :; do sleep 0.02; done\" }"],
    );
    let process = platform.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    wait::until("the command runs", || platform.world.work().join("shop/began").exists());
    process.signal(Signal::INT);
    process.wait().exits(130);
    let pid = std::fs::read_to_string(platform.world.work().join("shop/pid")).unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{}", pid.trim())).exists());
}

fn platform_secret(platform: &Platform) -> String {
    let arguments = ["admin", "login", "--backend", &platform.address, "--password-stdin"];
    platform.world.command(arguments).stdin(harness::scenes::PASSWORD).run().succeeds();
    platform.create_tenant("late-team")
}

#[test]
fn a_run_that_waits_for_the_lock_can_be_cancelled() {
    let team = team();
    let (holder, holding) = start(&team);
    let waiting = team.world.command(["apply", "--stack", "shop", "--yes", "--wait", "10m"]).spawn();
    let id = wait::until_some("a waiting run", || {
        runs(&team.world).iter().find(|run| run["status"] == "RUN_STATUS_WAITING")?["id"].as_str().map(str::to_owned)
    });
    assert_ne!(id, holding);
    team.world.run(["run", "cancel", &id]).succeeds();
    waiting.wait().exits(130);
    team.world.write("shop/go", "");
    holder.wait().succeeds();
}

#[test]
fn the_logs_of_a_run_are_its_output_alone() {
    let team = team();
    let (process, id) = start(&team);
    team.world.write("shop/go", "");
    process.wait().succeeds();
    let logs = team.world.run(["run", "logs", &id]).succeeds();
    assert!(logs.stdout.contains("first") && logs.stdout.contains("last"), "{logs}");
}

#[test]
fn a_command_whose_daemon_is_killed_says_how_to_go_on() {
    for team in teams() {
        let (terminal, id) = start(&team);
        let daemon = i32::try_from(team.world.daemon().unwrap()).ok().and_then(rustix::process::Pid::from_raw).unwrap();
        rustix::process::kill_process(daemon, Signal::KILL).unwrap();
        let output = terminal.wait().exits(3).complains(&format!("deployer run attach {id}"));
        assert!(output.stderr.contains("deployer daemon logs") && !output.stderr.contains("panicked"), "{output}");
        team.world.run(["run", "attach", "--", &id]).exits(4).complains("deployer login");
    }
}

#[test]
fn a_detached_run_answers_its_id_at_once_and_goes_on() {
    let team = team();
    team.write_stack("shop", &[GATED]);
    let id =
        team.world.run(["apply", "--stack", "shop", "--yes", "--detach", "-q"]).succeeds().stdout.trim().to_owned();
    team.world.write("shop/go", "");
    team.world.run(["run", "attach", &id]).succeeds();
}

#[test]
fn the_end_of_a_session_is_not_the_end_of_its_runs() {
    let team = team();
    let (process, _) = start(&team);
    team.world.run(["logout"]).succeeds();
    team.world.run(["run", "list"]).exits(4);
    team.world.write("shop/go", "");
    process.wait().succeeds();
}
