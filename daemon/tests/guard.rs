//! What the guard promises, with the real program.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail as loudly as the tests")]

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use deployer_daemon::clock::SystemClock;
use deployer_daemon::engine::alive;
use deployer_daemon::engine::guard::message::{Ending, Exit, Stream};
use deployer_daemon::engine::process::{Child, ChildEvent, ChildStart, Guard, GuardStart, Launched};
use deployer_domain::clock::Clock;
use deployer_domain::lease::GuardDeadline;
use tokio::io::AsyncReadExt;

fn launched(port: Option<TcpListener>) -> Launched {
    Launched::launch(Path::new(env!("CARGO_BIN_EXE_deployerd")), port).unwrap()
}

struct Scene {
    directory: tempfile::TempDir,
    guard: Guard,
}

impl Scene {
    async fn new() -> Self {
        Self::with(Duration::from_millis(300), None).await
    }

    async fn with(grace: Duration, port: Option<TcpListener>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let environment = [("PATH", std::env::var("PATH").unwrap()), ("BASE", "base".to_owned())];
        let start = GuardStart {
            environment: environment.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect(),
            alive: directory.path().join("alive"),
            grace,
            umask: 0o027,
        };
        let guard = Guard::start(launched(port), start).await.unwrap();
        Self { directory, guard }
    }

    fn sh(&self, text: &str) -> Child {
        self.guard.spawn(ChildStart {
            program: "/bin/sh".to_owned(),
            arguments: vec!["-c".to_owned(), text.to_owned()],
            directory: self.directory.path().to_owned(),
            environment: BTreeMap::from([("OWN".to_owned(), "own".into())]),
            ending: Ending::Terminate,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The process id that a child wrote to a file.
    async fn pid(&self, name: &str) -> String {
        let path = self.path(name);
        let read = || std::fs::read_to_string(&path).ok().filter(|text| text.ends_with('\n'));
        until("a pid file", || read().is_some()).await;
        read().unwrap().trim().to_owned()
    }
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(15), "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The state letter of a process, `-` when it is gone or only waits to be reaped.
fn state(pid: &str) -> char {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let letter = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('-');
    if letter == 'Z' { '-' } else { letter }
}

async fn end_of(mut child: Child) -> (Vec<(Stream, String)>, Exit) {
    let mut lines = Vec::new();
    loop {
        match child.next().await {
            ChildEvent::Line(stream, text) => lines.push((stream, text)),
            ChildEvent::Exited(exit) => return (lines, exit),
            ChildEvent::Refused(why) => panic!("refused: {why}"),
        }
    }
}

fn deadline(stop_in: Duration, end_in: Duration) -> GuardDeadline {
    let now = SystemClock.lease_now().boot;
    GuardDeadline { stop_at: now + stop_in, end_at: now + end_in, lost: false }
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn lines_of_both_streams_and_the_exit_code_come_back() {
    let scene = Scene::new().await;
    let (lines, exit) = end_of(scene.sh("echo $BASE $OWN; pwd >&2; exit 7")).await;
    let directory = scene.directory.path().canonicalize().unwrap().display().to_string();
    assert!(lines.contains(&(Stream::Stdout, "base own".to_owned())), "{lines:?}");
    assert!(lines.contains(&(Stream::Stderr, directory)), "{lines:?}");
    assert_eq!((exit.code, exit.signal, exit.by_deadline), (Some(7), None, false));
}

#[tokio::test]
async fn nothing_of_the_callers_environment_is_added() {
    let scene = Scene::new().await;
    let (lines, _) = end_of(scene.sh("env | cut -d= -f1 | sort")).await;
    let names: Vec<_> = lines.iter().map(|(_, name)| name.as_str()).collect();
    assert!(names.contains(&"BASE") && !names.contains(&"HOME") && !names.contains(&"CARGO_HOME"), "{names:?}");
}

#[tokio::test]
async fn the_files_of_children_have_the_callers_mask() {
    let scene = Scene::new().await;
    let (lines, _) = end_of(scene.sh("umask; touch made; mkdir made-too; stat -c %a made made-too")).await;
    let said: Vec<_> = lines.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(said, ["0027", "640", "750"]);
}

#[tokio::test]
async fn what_cannot_be_started_is_refused_with_the_reason() {
    let scene = Scene::new().await;
    let mut child = scene.guard.spawn(ChildStart {
        program: "/no/such/program".to_owned(),
        arguments: Vec::new(),
        directory: scene.directory.path().to_owned(),
        environment: BTreeMap::new(),
        ending: Ending::Terminate,
    });
    assert!(matches!(child.next().await, ChildEvent::Refused(why) if why.contains("No such file")));
}

#[tokio::test]
async fn a_flood_of_output_arrives_whole_and_in_order() {
    let scene = Scene::new().await;
    let (lines, exit) = end_of(scene.sh("seq 1 200000")).await;
    assert_eq!(exit.code, Some(0));
    assert_eq!(lines.len(), 200_000);
    assert!(lines.iter().enumerate().all(|(at, (_, text))| *text == (at + 1).to_string()));
}

#[tokio::test]
async fn what_a_command_leaves_running_in_its_group_is_ended_before_it_counts_as_over() {
    let scene = Scene::new().await;
    let (_, exit) = end_of(scene.sh("sleep 1000 & echo $! > left; exit 0")).await;
    assert_eq!(exit.code, Some(0));
    assert_eq!(state(&scene.pid("left").await), '-');
}

#[tokio::test]
async fn a_child_that_ignores_sigterm_is_killed_after_its_grace() {
    let scene = Scene::new().await;
    let child = scene.sh("trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done");
    let pid = scene.pid("pid").await;
    child.end(Duration::from_millis(200));
    let (_, exit) = end_of(child).await;
    assert_eq!((exit.signal, exit.by_deadline), (Some(9), false));
    assert_eq!(state(&pid), '-');
}

#[tokio::test]
async fn a_child_may_clean_up_on_sigterm() {
    let scene = Scene::new().await;
    let child = scene.sh("trap 'echo cleaned; exit 3' TERM; echo $$ > pid; while :; do sleep 0.05; done");
    scene.pid("pid").await;
    child.end(Duration::from_secs(10));
    let (lines, exit) = end_of(child).await;
    assert_eq!(exit.code, Some(3));
    assert!(lines.iter().any(|(_, line)| line == "cleaned"), "{lines:?}");
}

#[tokio::test]
async fn children_are_stopped_at_the_deadline_and_go_on_when_it_moves() {
    let scene = Scene::new().await;
    scene.guard.set_deadline(deadline(LONG, LONG));
    let child = scene.sh("echo $$ > pid; while [ ! -e go ]; do sleep 0.02; done; echo done");
    let pid = scene.pid("pid").await;
    scene.guard.set_deadline(deadline(Duration::from_millis(50), LONG));
    until("a stopped child", || state(&pid) == 'T').await;
    scene.guard.set_deadline(deadline(LONG, LONG));
    until("a child that goes on", || state(&pid) != 'T').await;
    std::fs::write(scene.path("go"), "").unwrap();
    let (lines, exit) = end_of(child).await;
    assert_eq!((exit.code, lines.len()), (Some(0), 1));
}

#[tokio::test]
async fn children_are_ended_when_the_deadline_does_not_move() {
    let scene = Scene::new().await;
    scene.guard.set_deadline(deadline(Duration::from_millis(50), Duration::from_millis(200)));
    let (_, exit) = end_of(scene.sh("setsid sleep 1000 & sleep 1000")).await;
    assert!(exit.by_deadline);
    // A later good beat opens the way again.
    scene.guard.set_deadline(deadline(LONG, LONG));
    let (_, exit) = end_of(scene.sh("true")).await;
    assert_eq!((exit.code, exit.by_deadline), (Some(0), false));
}

#[tokio::test]
async fn children_are_ended_when_the_lock_is_lost() {
    let scene = Scene::new().await;
    let child = scene.sh("echo $$ > pid; exec sleep 1000");
    scene.pid("pid").await;
    scene.guard.set_deadline(GuardDeadline { lost: true, ..deadline(LONG, LONG) });
    let (_, exit) = end_of(child).await;
    assert_eq!((exit.signal, exit.by_deadline), (Some(15), true));
}

#[tokio::test]
async fn nothing_survives_the_guards_end_not_even_what_left_its_group_and_closed_everything() {
    let scene = Scene::new().await;
    let text = "(setsid sh -c 'echo $$ > escaped; exec sleep 1000' <&- >&- 2>&- 3>&- &)
                (setsid sh -c 'trap \"\" TERM HUP; echo $$ > stubborn; while :; do sleep 0.05; done' &)
                echo $$ > pid; exec sleep 1000";
    let child = scene.sh(text);
    let pids = [scene.pid("pid").await, scene.pid("escaped").await, scene.pid("stubborn").await];
    let alive = scene.path("alive");
    assert!(alive::is_held(&alive).unwrap());
    let guard = scene.guard.pid().to_string();
    let Scene { directory, guard: handle } = scene;
    drop((child, handle));
    until("the guard's end", || state(&guard) == '-').await;
    assert!(pids.iter().all(|pid| state(pid) == '-'));
    assert!(!alive::is_held(&alive).unwrap());
    drop(directory);
}

#[tokio::test]
async fn the_lock_of_the_file_outlives_a_killed_guard_and_its_holders_can_be_ended() {
    let scene = Scene::new().await;
    let mut child = scene.sh("echo $$ > pid; exec sleep 1000");
    let pid = scene.pid("pid").await;
    let guard = rustix::process::Pid::from_raw(scene.guard.pid() as i32).unwrap();
    rustix::process::kill_process(guard, rustix::process::Signal::KILL).unwrap();
    assert!(matches!(child.next().await, ChildEvent::Refused(why) if why.contains("guard")));
    assert!(alive::is_held(&scene.path("alive")).unwrap());
    assert!(alive::end_leftovers(&scene.path("alive"), Duration::from_millis(100)).await);
    assert_eq!(state(&pid), '-');
}

#[tokio::test]
async fn a_port_that_a_daemon_served_is_nobody_elses_while_a_child_lives() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = port.local_addr().unwrap();
    let scene = Scene::with(Duration::from_secs(15), Some(port)).await;
    let child = scene.sh("trap '' TERM; echo $$ > pid; until [ -e go ]; do sleep 0.02; done");
    let pid = scene.pid("pid").await;
    let guard = scene.guard.clone();
    let ending = tokio::spawn(async move { guard.end().await });
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    let said = connection.read(&mut [0; 8]).await;
    assert!(matches!(said, Ok(0)) || said.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
    assert!(TcpListener::bind(address).is_err());
    assert_ne!(state(&pid), '-');
    std::fs::write(scene.path("go"), "").unwrap();
    ending.await.unwrap();
    drop(child);
    assert!(TcpListener::bind(address).is_ok());
}

#[tokio::test]
async fn two_guards_cannot_have_one_file() {
    let scene = Scene::new().await;
    let start = GuardStart {
        environment: BTreeMap::new(),
        alive: scene.path("alive"),
        grace: Duration::from_secs(1),
        umask: 0o022,
    };
    assert!(Guard::start(launched(None), start).await.is_err());
}

#[tokio::test]
async fn a_guard_that_is_given_nothing_to_guard_ends() {
    let waiting = launched(None);
    let pid = waiting.pid().unwrap();
    assert_ne!(state(&pid.to_string()), '-');
    drop(waiting);
    until("the end of the guard", || state(&pid.to_string()) == '-').await;
}
