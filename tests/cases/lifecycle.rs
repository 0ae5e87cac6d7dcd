//! The daemon's life: one per user, started on demand, never in the way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use harness::{World, wait};
use rustix::process::{Pid, Signal, kill_process};

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn daemon_pid(world: &World) -> u32 {
    world.run(["daemon", "status", "-q"]).succeeds().stdout.trim().parse().unwrap()
}

#[test]
fn twenty_commands_at_once_start_one_daemon_and_get_twenty_answers() {
    let world = World::new();
    let commands: Vec<_> = (0..20).map(|_| world.command(["daemon", "start", "-q"]).spawn()).collect();
    let answers: Vec<_> = commands.into_iter().map(|command| command.wait().succeeds().stdout).collect();
    assert!(answers.iter().all(|pid| *pid == answers[0]), "{answers:?}");
    assert_eq!(world.processes().len(), 1, "{:?}", world.processes());
}

#[test]
fn a_stale_socket_makes_no_difference() {
    let world = World::new();
    fs::create_dir_all(world.state_directory()).unwrap();
    drop(UnixListener::bind(world.socket()).unwrap());
    world.run(["daemon", "start"]).succeeds();
    assert_eq!(Some(daemon_pid(&world)), world.daemon());
}

#[test]
fn a_killed_daemon_is_replaced_by_the_next_command() {
    let world = World::new();
    world.run(["daemon", "start"]).succeeds();
    let first = daemon_pid(&world);
    signal(first, Signal::KILL);
    wait::until("the lock is free", || world.daemon().is_none());
    assert!(world.socket().exists());
    world.run(["daemon", "start"]).succeeds();
    assert_ne!(daemon_pid(&world), first);
}

#[test]
fn it_is_started_stopped_restarted_and_looked_at() {
    let world = World::new();
    world.run(["daemon", "status"]).exits(3).complains("not running").complains("deployer daemon start");
    world.run(["daemon", "stop"]).succeeds().says("not running");
    world.run(["daemon", "start"]).succeeds().says("running now");
    world.run(["daemon", "start"]).succeeds().says("already");
    let first = daemon_pid(&world);
    world.run(["daemon", "restart"]).succeeds();
    assert_ne!(daemon_pid(&world), first);
    world.run(["daemon", "logs"]).succeeds().says("started").says("ended");
    let status = world.run(["daemon", "status", "-o", "json"]).succeeds().json();
    assert_eq!(status["socket"], world.socket().to_str().unwrap());
    assert_eq!((&status["activeRuns"], &status["sessionStorage"]), (&serde_json::json!([]), &"memory".into()));
    world.run(["daemon", "stop"]).succeeds();
    assert!(!world.socket().exists());
    world.wait_for_no_daemon();
}

#[test]
fn it_stops_at_sigterm_and_takes_its_socket_along() {
    let world = World::new();
    let daemon = world.start_daemon(&[]);
    daemon.signal(Signal::TERM);
    daemon.wait().succeeds();
    assert!(!world.socket().exists());
}

#[test]
fn it_ends_when_nobody_calls_and_is_back_for_the_next_command() {
    let world = World::new().with("DEPLOYER_TEST_IDLE_EXIT_MS", "100");
    world.run(["daemon", "start"]).succeeds();
    world.wait_for_no_daemon();
    assert!(!world.socket().exists());
    assert!(world.log().contains("nobody called"), "{}", world.log());
    world.run(["daemon", "start"]).succeeds();
}

#[test]
fn commands_that_meet_a_daemon_about_to_end_are_answered_all_the_same() {
    let world = World::new().with("DEPLOYER_TEST_IDLE_EXIT_MS", "1");
    for _ in 0..30 {
        let commands: Vec<_> = (0..4).map(|_| world.command(["daemon", "start", "-q"]).spawn()).collect();
        commands.into_iter().for_each(|command| drop(command.wait().succeeds()));
    }
}

#[test]
fn a_slow_daemon_is_not_a_dead_one() {
    let world = World::new();
    world.run(["daemon", "start"]).succeeds();
    let pid = daemon_pid(&world);
    signal(pid, Signal::STOP);
    let mut command = world.command(["daemon", "status", "-q"]).spawn();
    let waiting = format!("/proc/{}/wchan", command.pid());
    wait::until("the command waits", || fs::read_to_string(&waiting).is_ok_and(|at| at.contains("poll")));
    assert!(!command.has_ended());
    signal(pid, Signal::CONT);
    assert_eq!(command.wait().succeeds().stdout.trim(), pid.to_string());
}

#[test]
fn a_daemon_that_was_stopped_is_named_with_what_wakes_it() {
    let world = World::new();
    world.run(["daemon", "start"]).succeeds();
    let pid = daemon_pid(&world);
    signal(pid, Signal::STOP);
    let version = world.command(["version"]).spawn();
    let refused = world.run(["context", "list"]).exits(3);
    refused.complains("does not answer").complains(&format!("kill -CONT {pid}"));
    version.wait().succeeds().says("does not answer");
    signal(pid, Signal::CONT);
    world.run(["context", "list"]).succeeds();
}

#[test]
fn only_its_user_can_read_what_it_keeps() {
    let world = World::new();
    fs::create_dir_all(world.state_directory()).unwrap();
    fs::set_permissions(world.state_directory(), fs::Permissions::from_mode(0o755)).unwrap();
    world.run(["daemon", "start"]).succeeds();
    assert_eq!((mode(world.state_directory()), mode(world.socket())), (0o700, 0o600));
    for entry in world.state_directory().read_dir().unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn it_holds_nothing_of_the_command_that_started_it() {
    let world = World::new().with("AWS_SECRET_ACCESS_KEY", "hush");
    // The shell's descriptor 9 is the pipe that the harness reads to its end.
    let script = format!("exec {} daemon start 9>&1 >/dev/null", harness::programs::deployer().display());
    world.program("/bin/bash").args(["-c", &script]).run().succeeds();
    let pid = daemon_pid(&world);
    let environment = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    assert!(!environment.contains("hush"));
    assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), Path::new("/"));
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let session = status.rsplit(')').next().unwrap().split_whitespace().nth(3).unwrap().to_owned();
    assert_eq!(session, pid.to_string(), "it leads a session of its own");
}

#[test]
fn a_socket_path_too_long_says_what_to_do() {
    let world = World::new().with("DEPLOYER_SOCKET", format!("/tmp/{}", "x".repeat(120)));
    world.run(["daemon", "start"]).exits(3).complains("bytes").complains("DEPLOYER_SOCKET");
}

#[test]
fn a_state_directory_that_cannot_be_written_says_what_to_do() {
    let world = World::new().with("DEPLOYER_STATE_DIR", "/sys/deployer");
    world.run(["daemon", "start"]).exits(3).complains("/sys/deployer").complains("--no-daemon");
}

#[test]
fn a_directory_that_others_may_write_is_refused_and_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let shared = world.directory().join("shared");
    std::fs::create_dir(&shared).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o1777)).unwrap();
    let world = world.with("DEPLOYER_STATE_DIR", shared.to_str().unwrap());
    world.run(["daemon", "start"]).exits(3).complains("others may write there").complains("DEPLOYER_STATE_DIR");
    assert_eq!(std::fs::metadata(&shared).unwrap().permissions().mode() & 0o7777, 0o1777);
}

#[test]
fn a_daemon_that_cannot_start_says_why() {
    let world = World::new().with("DEPLOYER_KEYRING", "paper");
    let output = world.run(["daemon", "start"]).exits(3).complains("could not start").complains("DEPLOYER_KEYRING");
    assert!(output.stderr.contains("Hint: use `os`"), "{output}");
}

#[test]
fn a_daemon_that_is_not_installed_says_so() {
    let world = World::new().with("DEPLOYER_DAEMON", "/nowhere/deployerd");
    world.run(["daemon", "start"]).exits(3).complains("/nowhere/deployerd").complains("install");
}

#[test]
fn an_older_daemon_is_replaced_when_it_is_idle() {
    let world = World::new();
    let old = world.start_daemon(&["--protocol", "0"]);
    world.run(["daemon", "start"]).succeeds();
    assert_ne!(daemon_pid(&world), old.pid());
    old.wait().succeeds();
}

#[test]
fn a_newer_daemon_refuses_an_older_program() {
    let world = World::new();
    let _new = world.start_daemon(&["--protocol", "9"]);
    world.run(["context", "list"]).exits(3).complains("older").complains("upgrade");
}

#[test]
fn the_log_is_rotated_and_stays_small() {
    let world = World::new().with("DEPLOYER_TEST_LARGEST_LOG", "2000").with("DEPLOYER_LOG", "debug");
    for _ in 0..40 {
        world.run(["daemon", "start"]).succeeds();
    }
    let logs: Vec<_> = (world.state_directory().read_dir().unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("deployerd.log"))
        .collect();
    assert!((2..=5).contains(&logs.len()), "{logs:?}");
    for log in logs {
        assert!(fs::metadata(&log).unwrap().len() <= 2000 && mode(&log) == 0o600, "{}", log.display());
    }
}

#[test]
fn without_a_daemon_nothing_is_left_behind() {
    let world = World::new();
    for args in [["--no-daemon", "context", "list"], ["context", "list", "--no-daemon"]] {
        world.run(args);
        assert_eq!(world.processes(), []);
        assert!(!world.state_directory().exists() || world.state_directory().read_dir().unwrap().count() == 0);
    }
}

#[test]
fn in_ci_no_daemon_is_left_running() {
    let world = World::new().with("CI", "true");
    world.run(["context", "list"]);
    assert_eq!((world.daemon(), world.processes()), (None, vec![]));
}

#[test]
fn without_a_daemon_a_home_that_cannot_be_written_is_no_obstacle() {
    let world = World::new();
    let expected = world.run(["--no-daemon", "context", "list"]);
    let temporary = world.directory().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let world = world.with("DEPLOYER_STATE_DIR", "/sys/deployer").with("TMPDIR", temporary.to_str().unwrap());
    assert_eq!(world.run(["--no-daemon", "context", "list"]), expected);
    assert_eq!(temporary.read_dir().unwrap().count(), 0);
}

#[test]
fn a_service_manager_may_lend_the_socket() {
    let world = World::new();
    fs::create_dir_all(world.state_directory()).unwrap();
    let listener = UnixListener::bind(world.socket()).unwrap();
    rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::empty()).unwrap();
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&listener);
    let daemon = harness::programs::deployerd();
    let script = format!("exec 3<&{descriptor}; LISTEN_FDS=1 LISTEN_PID=$$ exec {} --foreground", daemon.display());
    let daemon = world.program("/bin/bash").args(["-c", &script]).spawn();
    assert_eq!(daemon_pid(&world), daemon.pid());
    world.run(["daemon", "stop"]).succeeds();
    daemon.wait().succeeds();
    assert!(world.socket().exists(), "the socket is the service manager's");
    assert!(UnixStream::connect(world.socket()).is_ok());
}

#[test]
fn another_user_is_refused_by_the_daemon_and_by_the_command() {
    if !rustix::process::getuid().is_root() {
        return eprintln!("skipped: only root can be two users");
    }
    let world = World::new();
    let program = world.directory().join("deployerd");
    fs::copy(harness::programs::deployerd(), &program).unwrap();
    let state = world.directory().join("theirs");
    fs::create_dir(&state).unwrap();
    std::os::unix::fs::chown(&state, Some(65534), Some(65534)).unwrap();
    fs::set_permissions(world.directory(), fs::Permissions::from_mode(0o755)).unwrap();
    let world = world.with("DEPLOYER_STATE_DIR", state.to_str().unwrap());
    let other = ["--reuid=65534", "--regid=65534", "--clear-groups", program.to_str().unwrap(), "--foreground"];
    let _daemon = world.program("setpriv").args(other).spawn();
    wait::until("their daemon listens", || UnixStream::connect(world.socket()).is_ok());
    let mut stream = UnixStream::connect(world.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut said = Vec::new();
    std::io::Read::read_to_end(&mut stream, &mut said).unwrap();
    assert_eq!(said, b"", "the daemon says nothing to another user");
    assert!(world.log().contains("refused another user uid=0"), "{}", world.log());
    world.run(["daemon", "status"]).exits(3).complains("another user").complains("nothing was sent");
}
