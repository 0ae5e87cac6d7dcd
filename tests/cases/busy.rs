//! What keeps the daemon alive: runs, locks, sessions in its memory. And what happens to those who want it gone.

use std::time::Duration;

use harness::aws::LocalAws;
use harness::proxy::{Fault, Proxy, Rule};
use harness::scenes::{PASSWORD, Platform};
use harness::{Process, World, wait};

const TEAM: &str = "shop-team";

/// A command under the lock, which goes on until the file `go` is there.
fn held(world: &World) -> Process {
    let script = "touch started; while [ ! -e go ]; do sleep 0.02; done";
    let under = ["lock", "run", "--stack", "shop", "--environment", "development", "--", "sh", "-c", script];
    let process = world.command(under).spawn();
    wait::until("the lock is held", || world.work().join("started").exists());
    process
}

fn pid(world: &World) -> String {
    world.run(["daemon", "status", "-q"]).succeeds().stdout
}

#[test]
fn a_session_in_memory_keeps_the_daemon_until_it_ends() {
    let platform = Platform::local();
    let world = platform.world.with("DEPLOYER_TEST_IDLE_EXIT_MS", "100");
    world.run(["daemon", "restart"]).succeeds();
    let login = ["admin", "login", "--backend", &platform.address, "--password-stdin"];
    world.command(login).stdin(PASSWORD).run().succeeds().says("memory");
    let status = world.run(["daemon", "status", "-o", "json"]).succeeds().json();
    assert_eq!(status["idleExitSeconds"], 0, "{status}");
    world.run(["admin", "logout"]).succeeds();
    world.wait_for_no_daemon();
}

#[test]
fn a_daemon_with_a_run_is_stopped_by_force_only() {
    let world = Platform::local().with_team(TEAM).world;
    let run = held(&world);
    let status = world.run(["daemon", "status", "-o", "json"]).succeeds().json();
    let id = status["activeRuns"][0].as_str().expect("a run").to_owned();
    world.run(["daemon", "stop"]).exits(3).complains("busy").complains(&id).complains("--force");
    world.run(["daemon", "restart"]).exits(3).complains(&id);
    world.write("go", "");
    run.wait().succeeds();
    world.run(["daemon", "stop"]).succeeds();
}

#[test]
fn a_run_that_is_over_and_whose_events_are_being_stored_is_waited_for() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    let mut team = Platform::aws(&aws).in_development();
    team.world.run(["daemon", "stop", "--force"]).succeeds();
    team.world = team.world.with("AWS_ENDPOINT_URL", proxy.endpoint());
    let arguments = ["admin", "login", "--backend", &team.address, "--password-stdin"];
    team.world.command(arguments).stdin(PASSWORD).run().succeeds();
    let team = team.with_team("far-team");
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    proxy.add(Rule::on("S3.PutObject", Fault::Delay(Duration::from_secs(2))).containing("/runs/"));
    team.apply("shop").succeeds();
    team.world.run(["daemon", "stop"]).succeeds();
    let stored = proxy.seen().into_iter().filter(|seen| seen.path.contains("/runs/"));
    assert_eq!(stored.map(|seen| seen.status).collect::<Vec<_>>(), [Some(200)], "its events are stored by then");
}

#[test]
fn a_forced_stop_ends_runs_and_leaves_no_child_behind() {
    let platform = Platform::local();
    let secret = platform.create_tenant(TEAM);
    platform.sign_in(TEAM, &secret);
    let world = &platform.world;
    let run = held(world);
    world.run(["daemon", "stop", "--force"]).succeeds();
    assert_ne!(run.wait().code, Some(0));
    wait::until("nothing runs any more", || world.processes().is_empty());
    platform.sign_in(TEAM, &secret);
    let locks = world.run(["lock", "list", "-o", "json"]).succeeds().json();
    assert_eq!(locks["locks"], serde_json::json!([]), "the lock was released");
}

#[test]
fn a_private_daemon_ends_with_a_command_that_is_killed_and_so_does_what_it_runs() {
    let platform = Platform::local();
    let secret = platform.create_tenant(TEAM);
    let world = World::new()
        .with("CI", "true")
        .with("DEPLOYER_BACKEND", platform.address.as_str())
        .with("DEPLOYER_TENANT", TEAM)
        .with("DEPLOYER_SECRET", secret);
    let mut command = held(&world);
    assert!(world.processes().iter().any(|(_, line)| line.contains("--private")), "{:?}", world.processes());
    command.kill();
    wait::until("nothing of it is left", || {
        world.processes().is_empty() && world.state_directory().read_dir().unwrap().count() == 0
    });
    let locks = world.run(["lock", "list", "-o", "json"]).succeeds().json();
    assert_eq!(locks["locks"], serde_json::json!([]), "the lock was released");
}

#[test]
fn an_older_daemon_that_is_busy_is_left_alone() {
    let platform = Platform::local();
    let world = &platform.world;
    let before = pid(world);
    // What the lock of a daemon of an older release would say.
    std::fs::write(world.state_directory().join("daemon.lock"), format!("0 0.0.9 {before}")).unwrap();
    world.run(["context", "list"]).exits(3).complains("older than this program").complains("sessions");
    assert_eq!(world.daemon(), before.trim().parse().ok());
}

#[test]
fn a_full_disk_is_named() {
    if !rustix::process::getuid().is_root() {
        return eprintln!("skipped: only root can mount a small disk");
    }
    let world = World::new();
    let disk = world.directory().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let world = world.with("DEPLOYER_STATE_DIR", disk.to_str().unwrap());
    let deployer = harness::programs::deployer();
    let script = format!(
        "mount -t tmpfs -o size=16k,mode=700 tmpfs {disk} && {{ head -c 1M /dev/zero >{disk}/fill; }} 2>/dev/null; \
         exec {} daemon start",
        deployer.display(),
        disk = disk.display()
    );
    let output = world.program("unshare").args(["--mount", "/bin/bash", "-c", &script]).run();
    output.exits(3).complains("No space left").complains("make room");
}
