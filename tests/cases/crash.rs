//! The daemon dies or is paused at the worst moment: nothing of a run goes on without it, and nothing is forgotten.

use harness::pids::{noted, signal, state};
use harness::scenes::{PASSWORD, Platform};
use harness::{World, wait};
use rustix::process::Signal;
use serde_json::Value;

/// A team whose session survives its daemon, with leases this much shorter than real ones.
fn team(permille: &str) -> Platform {
    let mut platform = Platform::local();
    platform.world.run(["daemon", "stop", "--force"]).succeeds();
    platform.world = platform.world.with("DEPLOYER_KEYRING", "file").with("DEPLOYER_TEST_LEASE_PERMILLE", permille);
    let arguments = ["admin", "login", "--backend", &platform.address, "--password-stdin"];
    platform.world.command(arguments).stdin(PASSWORD).run().succeeds();
    platform.with_team("web-team").in_development()
}

/// Begins, leaves processes in its group and out of it, and notes who they are.
const STUBBORN: &str = "a: { type: command, apply: \"trap '' TERM HUP; echo x >> begun; \
    (setsid sh -c 'trap \\\"\\\" TERM HUP; echo $$ > escaped; while :; do sleep 0.05; done' &) ; \
    sh -c 'echo $$ > child; exec sleep 1000' & echo $$ > leader; [ -e again ] && exit 0; wait\" }";

fn pids(world: &World, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| noted(&world.work().join("shop").join(name))).collect()
}

fn runs(world: &World) -> Vec<Value> {
    world.run(["run", "list", "-o", "json"]).succeeds().json()["runs"].as_array().unwrap().clone()
}

#[test]
fn a_killed_daemon_leaves_no_process_behind_and_its_run_is_marked_and_gone_on_from() {
    let team = team("1000");
    let after_q = format!("{}, dependsOn: [s.q] }}", STUBBORN.trim_end_matches(" }"));
    team.write_stack("shop", &["q: { type: command, apply: 'true' }", &after_q]);
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    let pids = pids(&team.world, &["leader", "child", "escaped"]);
    signal(team.world.daemon().unwrap(), Signal::KILL);
    apply.wait().exits(3).complains("run attach");
    wait::until("all processes are gone", || pids.iter().all(|pid| state(pid) == '-'));

    let id = runs(&team.world)[0].clone();
    assert_eq!(id["status"], "RUN_STATUS_WAITING", "{id}");
    // The lock is taken over from the dead incarnation without waiting for its lease.
    team.world.write("shop/again", "");
    let events = team.world.run(["apply", "--stack", "shop", "--yes", "-o", "json"]).succeeds().json_lines();
    let begun: Vec<_> = events.iter().filter_map(|event| event["componentStarted"]["component"].as_str()).collect();
    assert_eq!(begun, ["s.a"]);
    let statuses: Vec<_> = runs(&team.world).iter().map(|run| run["status"].clone()).collect();
    assert_eq!(statuses, ["RUN_STATUS_SUCCEEDED", "RUN_STATUS_INTERRUPTED"]);
    team.world.run(["run", "attach", id["id"].as_str().unwrap()]).exits(1).complains("interrupted");
}

#[test]
fn another_daemon_takes_over_from_a_killed_one_when_the_lease_has_run_out() {
    let team = team("30");
    team.write_stack("shop", &[STUBBORN]);
    let secret = {
        let arguments = ["tenant", "init", "second-team", "-q"];
        team.world.run(arguments).succeeds().stdout.trim().to_owned()
    };
    team.sign_in("second-team", &secret);
    let mut apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    let pids = pids(&team.world, &["leader", "child", "escaped"]);
    let mut other = team.colleague("second-team", &secret);
    other = other.with("DEPLOYER_KEYRING", "memory");
    other.run(["daemon", "stop", "--force"]).succeeds();
    other = other.with("DEPLOYER_TEST_LEASE_PERMILLE", "30").with("DEPLOYER_KEYRING", "file");
    let arguments = ["login", "--tenant", "second-team", "--backend", &team.address, "--secret-stdin"];
    other.command(arguments).stdin(secret.as_str()).run().succeeds();
    signal(team.world.daemon().unwrap(), Signal::KILL);
    apply.kill();
    other.write("shop/stack.yaml", &std::fs::read_to_string(team.world.work().join("shop/stack.yaml")).unwrap());
    other.write("shop/again", "");
    other.run(["apply", "--stack", "shop", "--yes", "--wait", "1m"]).succeeds();
    assert!(pids.iter().all(|pid| state(pid) == '-'), "something still ran when the successor began");
}

#[test]
fn the_commands_of_a_paused_daemon_are_stopped_then_ended_and_begun_again_when_nobody_took_over() {
    // The guard stops children after 40 s and ends them after 55 s: here 2 s and 2.75 s.
    let team = team("50");
    team.write_stack(
        "shop",
        &["a: { type: command, apply: 'echo x >> begun; echo $$ > leader; [ -e again ] || exec sleep 1000' }"],
    );
    let apply = team.world.command(["apply", "--stack", "shop", "--yes", "-o", "json"]).spawn();
    let leader = pids(&team.world, &["leader"]).remove(0);
    let daemon = team.world.daemon().unwrap();
    signal(daemon, Signal::STOP);
    wait::until("the command is stopped", || state(&leader) == 'T');
    wait::until("the command is ended", || state(&leader) == '-');
    team.world.write("shop/again", "");
    signal(daemon, Signal::CONT);
    let events = apply.wait().succeeds().json_lines();
    assert!(events.iter().any(|event| event.get("componentProgress").is_some()), "it does not say that it began again");
    assert_eq!(std::fs::read_to_string(team.world.work().join("shop/begun")).unwrap(), "x\nx\n");
}

#[test]
fn a_daemon_that_is_told_to_end_cancels_its_runs_and_leaves_nothing() {
    let team = team("1000");
    team.write_stack("shop", &["a: { type: command, apply: 'echo $$ > leader; exec sleep 1000' }"]);
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    let leader = pids(&team.world, &["leader"]).remove(0);
    team.world.run(["daemon", "stop"]).exits(3).complains("deployer run attach");
    signal(team.world.daemon().unwrap(), Signal::TERM);
    apply.wait().exits(130);
    team.world.wait_for_no_daemon();
    assert_eq!(state(&leader), '-');
    assert_eq!(runs(&team.world)[0]["status"], "RUN_STATUS_CANCELLED");
    assert_eq!(team.world.run(["lock", "list", "-o", "json"]).succeeds().json()["locks"], serde_json::json!([]));
}

#[test]
fn a_rollback_whose_daemon_was_killed_is_gone_on_with_from_what_was_recorded() {
    let team = team("1000");
    let log = team.world.work().join("log");
    for version in ["one", "two"] {
        let slow = format!(
            "a: {{ type: command, apply: 'echo {version} >> {log}; [ ! -e {slow} ] || sleep 1000' }}",
            log = log.display(),
            slow = team.world.work().join("slow").display()
        );
        let then = format!("b: {{ type: command, dependsOn: [s.a], apply: 'echo b {version} >> {}' }}", log.display());
        team.write_stack("shop", &[&slow, &then]);
        team.apply("shop").succeeds();
    }
    let told = || std::fs::read_to_string(&log).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    team.world.write("slow", "");
    let back = team.world.command(["rollback", "--stack", "shop", "--yes"]).spawn();
    wait::until("the old command runs again", || told().len() == 5);
    signal(team.world.daemon().unwrap(), Signal::KILL);
    back.wait().exits(3).complains("run attach");
    let run = runs(&team.world)[0].clone();
    assert_eq!((&run["status"], &run["operation"]), (&"RUN_STATUS_WAITING".into(), &"OPERATION_ROLLBACK".into()));
    std::fs::remove_file(team.world.work().join("slow")).unwrap();
    std::fs::remove_dir_all(team.world.work().join("shop")).unwrap();
    std::fs::create_dir(team.world.work().join("shop")).unwrap();
    team.world.run(["run", "attach", run["id"].as_str().unwrap()]).succeeds();
    assert_eq!(told()[3..], ["b two", "one", "one", "b one"]);
    team.world.run(["history", "--stack", "shop"]).succeeds().says("rollback");
}
