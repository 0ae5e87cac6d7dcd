//! One daemon that holds a hundred locks.

use std::fs::File;
use std::path::Path;

use deployer_proto::v1::RunStatus;
use harness::scenes::Platform;
use harness::{client, wait};

use super::runs::{Caller, Wanted, all, end};
use super::{TEAM, alone, items, on_aws, on_the_embedded_backend};

const LOCKS: usize = 100;
/// So many are begun at once.
const AT_ONCE: usize = 20;
/// Of the real times. A lock then beats every 5 s, and its lease is 30 s.
const PERMILLE: &str = "500";
/// So many beats of each lock are waited for.
const BEATS: u64 = 3;

#[test]
fn one_daemon_keeps_a_hundred_locks_on_the_embedded_backend() {
    let _alone = alone();
    let team = hundred_locks(on_the_embedded_backend());
    // The daemon's own two connections, and those of all heartbeats together.
    assert!(team.open_databases <= 4, "{} connections to the file", team.open_databases);
}

#[test]
fn one_daemon_keeps_a_hundred_locks_on_aws() {
    let _alone = alone();
    hundred_locks(on_aws());
}

/// What was seen while all were held.
struct Seen {
    open_databases: usize,
}

fn hundred_locks(platform: Platform) -> Seen {
    let secret = platform.create_tenant(TEAM);
    platform.world.run(["daemon", "stop", "--force"]).succeeds();
    let world = platform.world.with("DEPLOYER_TEST_LEASE_PERMILLE", PERMILLE);
    let platform = Platform { world, ..platform };
    platform.sign_in(TEAM, &secret);
    let world = &platform.world;
    // Opening it for reading waits, without a process that looks again and again, until somebody opens it for writing.
    let go = world.work().join("go");
    world.program("mkfifo").args([&go]).run().succeeds();
    let seen = client::block_on(async {
        let caller = Caller::of(world, &world.work()).await;
        let mut streams = Vec::new();
        for number in 0..LOCKS {
            let command = ["sh", "-c", ": < go"].map(str::to_owned).into();
            let wanted = Wanted { stack: format!("s{number}"), command, wait_seconds: 0 };
            streams.push(caller.run(wanted).await.unwrap());
            if streams.len() % AT_ONCE == 0 {
                wait::until("these are held too", || held(&platform) == streams.len());
            }
        }
        let seen = while_held(&platform);
        let _go = File::options().read(true).write(true).open(&go).unwrap();
        for finished in all(streams.into_iter().map(end)).await {
            assert_eq!(finished.status(), RunStatus::Succeeded, "{finished:?}");
        }
        seen
    });
    let after = items::read(&platform);
    assert_eq!(after.len(), LOCKS);
    for item in after.values() {
        assert_eq!((&item["LockState"], &item["FencingToken"]), (&"RELEASED".into(), &1.into()), "{item}");
    }
    let log = world.log();
    for bad in ["the lock was lost", "the lease's state changed", "was not released"] {
        assert!(!log.contains(bad), "{bad}: {log}");
    }
    seen
}

fn while_held(platform: &Platform) -> Seen {
    let first = beats(platform);
    wait::until("each of them has beaten", || {
        let now = beats(platform);
        now.len() == LOCKS && now.iter().zip(&first).all(|(now, first)| now >= &(first + BEATS))
    });
    assert_eq!(held(platform), LOCKS);
    Seen { open_databases: open_databases(platform.world.daemon().unwrap()) }
}

/// How many locks the daemon holds firmly.
fn held(platform: &Platform) -> usize {
    let listed = platform.world.run(["lock", "list", "-o", "json"]).succeeds().json();
    let locks = listed["locks"].as_array().cloned().unwrap_or_default();
    locks.iter().filter(|lock| lock["holderState"] == "HELD" && lock["looksAlive"] == true).count()
}

/// The number of each lock's last beat, by the table itself, in the order of the locks.
fn beats(platform: &Platform) -> Vec<u64> {
    items::read(platform).values().map(|item| item["HbSeq"].as_u64().unwrap()).collect()
}

/// How often a process has a database of ours open.
fn open_databases(pid: u32) -> usize {
    let open = Path::new("/proc").join(pid.to_string()).join("fd").read_dir().unwrap();
    let paths = open.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    paths.filter(|path| path.ends_with("deployer.db")).count()
}
