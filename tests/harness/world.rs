//! A world of its own for one test: home, state directory, socket, keyring, environment. Nothing of the machine's user
//! is seen or touched, many worlds live side by side, and what runs in one ends with it, also after a failure.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal};
use tempfile::TempDir;

use crate::command::{Command, Output};
use crate::{programs, wait};

/// One user on one machine.
#[derive(Debug)]
pub struct World {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A fresh user: nothing stored, no daemon, sessions in the daemon's memory.
    pub fn new() -> Self {
        // Sockets must have short paths, whatever TMPDIR says.
        let directory = tempfile::Builder::new().prefix("dplr-").tempdir_in("/tmp").expect("a temporary directory");
        let world = Self { directory, variables: Vec::new() };
        for path in [world.home(), world.work()] {
            std::fs::create_dir_all(path).expect("a directory");
        }
        let home = world.home().display().to_string();
        let fixed =
            [("HOME", home.as_str()), ("PATH", "/usr/local/bin:/usr/bin:/bin"), ("LANG", "C.UTF-8"), ("TZ", "UTC")];
        let own = [("DEPLOYER_KEYRING", "memory"), ("DEPLOYER_ACTOR", "tester")];
        fixed.into_iter().chain(own).fold(world, |world, (name, value)| world.with(name, value))
    }

    /// Sets a variable for all commands from now on.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// Removes a variable for all commands from now on.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// The top of everything that belongs to this world.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The user's home.
    pub fn home(&self) -> PathBuf {
        self.directory().join("home")
    }

    /// The directory that commands are run in.
    pub fn work(&self) -> PathBuf {
        self.directory().join("work")
    }

    /// The daemon's directory.
    pub fn state_directory(&self) -> PathBuf {
        match self.variable("DEPLOYER_STATE_DIR") {
            Some(path) => path.into(),
            None => self.home().join(".local/state/deployer"),
        }
    }

    /// The daemon's socket.
    pub fn socket(&self) -> PathBuf {
        match self.variable("DEPLOYER_SOCKET") {
            Some(path) => path.into(),
            None => self.state_directory().join("deployerd.sock"),
        }
    }

    /// The daemon's log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.state_directory().join("deployerd.log")).unwrap_or_default()
    }

    /// A variable as all commands see it.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All variables as all commands see them.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A `deployer` command in this world.
    pub fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        self.program(programs::deployer()).args(args)
    }

    /// Any program in this world.
    pub fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        let command = Command::new(program).current_dir(self.work()).envs(variables);
        match std::env::var_os("LLVM_PROFILE_FILE") {
            Some(profile) => command.env("LLVM_PROFILE_FILE", profile),
            None => command,
        }
    }

    /// Runs a `deployer` command to its end.
    #[track_caller]
    pub fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Output {
        self.command(args).run()
    }

    /// Writes a file below the directory that commands are run in.
    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// Starts the daemon by hand and waits until it listens.
    #[track_caller]
    pub fn start_daemon(&self, args: &[&str]) -> crate::command::Process {
        let process = self.program(programs::deployerd()).args(["--foreground"]).args(args).spawn();
        wait::until("the daemon listens", || UnixStream::connect(self.socket()).is_ok());
        process
    }

    /// The daemon's process, if one lives.
    pub fn daemon(&self) -> Option<u32> {
        living_daemon(&self.state_directory())
    }

    /// Waits until no daemon lives.
    #[track_caller]
    pub fn wait_for_no_daemon(&self) {
        wait::until("the daemon has ended", || self.daemon().is_none());
    }

    /// Every process that was started in this world and lives, with its command line.
    pub fn processes(&self) -> Vec<(u32, String)> {
        let mark = self.directory().as_os_str().as_encoded_bytes();
        let processes = Path::new("/proc").read_dir().into_iter().flatten().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let ours = |pid: &u32| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            *pid != std::process::id() && environment.windows(mark.len()).any(|part| part == mark)
        };
        let shown = |pid: u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            (pid, String::from_utf8_lossy(&line).replace('\0', " "))
        };
        pids.filter(ours).map(shown).collect()
    }
}

/// The process that holds a state directory's lock: a lock file that nobody holds tells of nobody.
fn living_daemon(state_directory: &Path) -> Option<u32> {
    let path = state_directory.join("daemon.lock");
    let held = matches!(File::open(&path).ok()?.try_lock(), Err(std::fs::TryLockError::WouldBlock));
    let text = std::fs::read_to_string(path).ok()?;
    held.then(|| text.split_whitespace().nth(2)?.parse().ok())?
}

impl Drop for World {
    #[allow(clippy::print_stderr, reason = "the log explains a failed test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the daemon's log\n{}", self.log());
        }
        let daemon = self.daemon();
        for pid in self.processes().into_iter().map(|(pid, _)| pid).chain(daemon) {
            if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                let _gone = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
    }
}
