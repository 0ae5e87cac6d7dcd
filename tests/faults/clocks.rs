//! Wall clocks that jump by hours, one of a daemon at a time: the clock of its libc, while boot and monotonic time go on
//! as they are.
//!
//! A suspended machine, where boot time runs on and monotonic time stops, cannot be had without suspending the machine;
//! the lease's tests try it on a clock of their own.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use harness::scenes::Platform;
use harness::{Process, World, programs, wait};

use crate::ground::{ACQUIRE, Ground, UPDATE, User, ended, lease_states};

/// The library that lies about the time, where it is installed.
fn library() -> Option<PathBuf> {
    let directories = std::fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    directories.map(|path| path.join("faketime/libfaketimeMT.so.1")).find(|path| path.exists())
}

/// Starts a user's daemon with a wall clock of its own, and signs the user in.
#[track_caller]
fn with_a_clock(ground: &Ground, name: &str, library: &Path) -> (User, Process) {
    let user = ground.stranger(name);
    let daemon = daemon_with_a_clock(&user.world, library);
    user.sign_in(ground);
    (user, daemon)
}

#[track_caller]
fn daemon_with_a_clock(world: &World, library: &Path) -> Process {
    jump(world, "+0");
    let daemon = world
        .program(programs::deployerd())
        .args(["--foreground"])
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", world.directory().join("clock"))
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("NO_FAKE_STAT", "1")
        .spawn();
    wait::until("the daemon listens", || UnixStream::connect(world.socket()).is_ok());
    daemon
}

/// Sets how far the wall clock is off.
fn jump(world: &World, by: &str) {
    let part = world.write("clock.part", by);
    std::fs::rename(part, world.directory().join("clock")).unwrap();
}

/// The wall clock of a daemon, from the last line of its log, in hours beside the real one.
fn hours_off(user: &User) -> i64 {
    let log = user.world.log();
    let hour = |line: &str| line.get(11..13)?.parse::<i64>().ok();
    let said = log.lines().rev().find_map(hour).expect("the log has a line with a time");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 3600;
    let off = (said - i64::try_from(now).unwrap()).rem_euclid(24);
    if off > 12 { off - 24 } else { off }
}

#[test]
fn a_holder_whose_wall_clock_jumps_by_two_hours_keeps_the_lock() {
    let Some(library) = library() else { return eprintln!("skipped: libfaketime is not installed") };
    let ground = Ground::new(100);
    let ((alice, _daemon), bob) = (with_a_clock(&ground, "alice", &library), ground.user("bob"));
    for user in [&alice, &bob] {
        user.writes(&[&ground.gated("a", "")]);
    }
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    let waiting = bob.apply_waiting().spawn();
    bob.wait_for_look();
    for by in ["+2h", "-2h"] {
        jump(&alice.world, by);
        for _ in 0..4 {
            alice.wait_for_beat();
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let said: u64 = ground.item()["Heartbeat"].parse().unwrap();
        assert!(said.abs_diff(now) < 120, "a beat says the servers' time: {said}, not {now} {by}");
        assert_eq!(bob.asked(UPDATE, ACQUIRE).len(), 0, "nobody took over");
    }
    ground.mark("a.go");
    let events = ended(apply).succeeds().json_lines();
    let states = lease_states(&events);
    assert!(states.is_empty() || states == ["FENCED", "HELD"], "more than one blip: {states:?}");
    let finished = events.last().unwrap()["time"].as_str().unwrap();
    let started = events[0]["time"].as_str().unwrap();
    assert!(finished < started, "the clock did jump: {started} to {finished}");
    ended(waiting).succeeds();
    assert_eq!(ground.token(), 2);
    ground.history();
}

#[test]
fn a_waiter_whose_wall_clock_jumps_by_two_hours_waits_as_long_as_any() {
    let Some(library) = library() else { return eprintln!("skipped: libfaketime is not installed") };
    for by in ["+2h", "-2h"] {
        let ground = Ground::new(100);
        let (alice, (bob, _daemon)) = (ground.user("alice"), with_a_clock(&ground, "bob", &library));
        for user in [&alice, &bob] {
            user.writes(&[&ground.gated("a", "")]);
        }
        let apply = alice.apply().spawn();
        ground.wait_for_mark("a.began");
        jump(&bob.world, by);
        bob.apply().run().exits(5);
        assert_eq!(bob.asked(UPDATE, ACQUIRE).len(), 0, "a holder that beats is not taken for dead");
        jump(&bob.world, "+0");
        let waiting = bob.apply_waiting().spawn();
        bob.wait_for_look();
        alice.wait_for_beat();
        alice.kill();
        jump(&bob.world, by);
        apply.wait().exits(3);
        ground.mark("a.go");
        ended(waiting).succeeds();
        ground.took("the takeover", bob.watched(), 65, 75);
        assert_eq!(hours_off(&bob), if by == "+2h" { 2 } else { -2 }, "the clock did jump");
        assert_eq!(ground.token(), 2);
    }
}

/// The embedded backend has no server whose time could be asked.
#[test]
fn a_living_holder_keeps_the_lock_of_a_file_when_somebodys_wall_clock_jumps() {
    let Some(library) = library() else { return eprintln!("skipped: libfaketime is not installed") };
    let platform = Platform::local().in_development();
    let secret = platform.create_tenant("web-team");
    platform.sign_in("web-team", &secret);
    let bob = World::new().with("DEPLOYER_ENVIRONMENT", "development");
    let _daemon = daemon_with_a_clock(&bob, &library);
    let arguments = ["login", "--tenant", "web-team", "--backend", &platform.address, "--secret-stdin"];
    bob.command(arguments).stdin(secret).run().succeeds();
    let command = "touch began; until [ -e go ]; do sleep 0.02; done";
    let holding = platform.world.command(["lock", "run", "--stack", "shop", "--", "sh", "-c", command]).spawn();
    wait::until("the command runs", || platform.world.work().join("began").exists());
    jump(&bob, "+2h");
    bob.run(["lock", "run", "--stack", "shop", "--", "true"]).exits(5);
    platform.world.write("go", "");
    holding.wait().succeeds();
    platform.world.run(["lock", "show", "--stack", "shop"]).succeeds().says("Fencing token: 1");
}
