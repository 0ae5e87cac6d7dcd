//! The crash matrix on the embedded backend: the daemon is killed at each write to the database's log that an apply makes.
//!
//! The kernel tells of each write when it has happened, so the daemon dies right after it, and sometimes a little later;
//! between two transactions and in the middle of one are both met.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use harness::Process;
use harness::pids;
use harness::scenes::{PASSWORD, Platform};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify;
use rustix::process::Signal;
use serde_json::Value;

/// An apply does not make more writes than this.
const POSITIONS: usize = 40;
/// It makes at least so many, also where the machine is so slow that the kernel tells of several at once.
const FEW: usize = 5;

/// Counts the writes to a file.
struct Writes {
    watch: OwnedFd,
}

impl Writes {
    fn to(file: &Path) -> Self {
        let watch = inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).unwrap();
        inotify::add_watch(&watch, file, inotify::WatchFlags::MODIFY).unwrap();
        Self { watch }
    }

    /// Waits for so many writes; answers how many came before the process ended.
    fn wait_for(&self, count: usize, process: &mut Process) -> usize {
        let mut buffer = [const { std::mem::MaybeUninit::uninit() }; 4096];
        let mut events = inotify::Reader::new(&self.watch, &mut buffer);
        let mut came = 0;
        loop {
            while came < count && events.next().is_ok() {
                came += 1;
            }
            if came == count || process.has_ended() {
                return came;
            }
            let timeout = Duration::from_millis(20).try_into().unwrap();
            let _ready = poll(&mut [PollFd::new(&self.watch, PollFlags::IN)], Some(&timeout));
        }
    }
}

fn team() -> Platform {
    let mut platform = Platform::local();
    platform.world.run(["daemon", "stop", "--force"]).succeeds();
    platform.world = platform.world.with("DEPLOYER_KEYRING", "file").with("DEPLOYER_TEST_LEASE_PERMILLE", "50");
    let arguments = ["admin", "login", "--backend", &platform.address, "--password-stdin"];
    platform.world.command(arguments).stdin(PASSWORD).run().succeeds();
    platform.with_team("web-team").in_development()
}

fn write(team: &Platform, stack: &str, names: &[&str]) {
    let component = |name: &&str| {
        format!(
            "{name}: {{ type: command, apply: 'echo x >> {name}.ran; \
             echo \"{{\\\"runs\\\": \\\"$(grep -c . {name}.ran)\\\"}}\" > $DEPLOYER_OUTPUTS' }}"
        )
    };
    let components: Vec<String> = names.iter().map(component).collect();
    team.write_stack(stack, &components.iter().map(String::as_str).collect::<Vec<_>>());
}

fn apply(team: &Platform, stack: &str) {
    team.world.run(["apply", "--stack", stack, "--yes", "--wait", "1m"]).succeeds();
}

#[test]
fn killed_at_each_write_and_gone_on_from_by_a_restarted_daemon() {
    let team = team();
    let log = format!("{}-wal", team.address.trim_start_matches("local:"));
    let applying = |stack: &str| {
        write(&team, stack, &["a", "b"]);
        team.world.run(["daemon", "start"]).succeeds();
        let writes = Writes::to(Path::new(&log));
        (team.world.command(["apply", "--stack", stack, "--yes"]).spawn(), writes)
    };
    let mut killed = 0;
    for position in 1..=POSITIONS {
        let stack = format!("m{position}");
        let (mut process, writes) = applying(&stack);
        let daemon = team.world.daemon().expect("the daemon lives");
        let came = writes.wait_for(position, &mut process) == position;
        if came {
            pids::signal(daemon, Signal::KILL);
            team.world.wait_for_no_daemon();
            killed += 1;
        }
        let _ended = process.wait();
        apply(&team, &stack);
        write(&team, &stack, &["a", "b", "c"]);
        apply(&team, &stack);
        judge(&team, &stack);
        if !came {
            break;
        }
    }
    println!("killed at {killed} writes");
    assert!(killed >= FEW, "an apply makes only {killed} writes");
}

#[track_caller]
fn judge(team: &Platform, stack: &str) {
    let outputs = team.world.run(["outputs", "--stack", stack, "-o", "json"]).succeeds().json();
    for name in ["a", "b", "c"] {
        let ran = std::fs::read_to_string(team.world.work().join(stack).join(format!("{name}.ran"))).unwrap();
        let ran = ran.lines().count();
        assert!((1..=2).contains(&ran), "{name} ran {ran} times");
        let said = find(&outputs, name).unwrap_or_else(|| panic!("{name}: {outputs}"));
        assert_eq!(said, ran.to_string(), "the state is what the engine did: {outputs}");
    }
    let lock = team.world.run(["lock", "show", "--stack", stack, "-o", "json"]).succeeds().json();
    assert_eq!(lock["state"], "RELEASED", "a lock is left behind");
    let history = team.world.run(["history", "--stack", stack, "-o", "json"]).succeeds().json();
    let mut numbers: Vec<u64> =
        history["rows"].as_array().unwrap().iter().map(|entry| entry["number"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "a number is missing or doubled");
    assert!(!numbers.is_empty());
}

/// The output `runs` of a component.
fn find(outputs: &Value, component: &str) -> Option<String> {
    let rows = outputs["outputs"].as_array()?;
    let row = rows.iter().find(|row| row["component"].as_str() == Some(&format!("s.{component}")))?;
    row["value"].as_str().map(str::to_owned)
}
