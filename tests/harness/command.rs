//! One run of a program: what goes in, what comes out, and a deadline.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::wait;

/// A program about to be run.
#[derive(Debug)]
pub struct Command {
    command: std::process::Command,
    stdin: Option<Vec<u8>>,
    deadline: Duration,
}

impl Command {
    /// A program with an empty environment.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = std::process::Command::new(program);
        command.env_clear();
        Self { command, stdin: None, deadline: wait::DEADLINE }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets several variables.
    #[must_use]
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(mut self, variables: impl IntoIterator<Item = (N, V)>) -> Self {
        self.command.envs(variables);
        self
    }

    /// Removes a variable.
    #[must_use]
    pub fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs it in a directory.
    #[must_use]
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// What it reads from standard input; otherwise that is empty.
    #[must_use]
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    /// How long it may take.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The same program as the leader of a session whose terminal is its standard input, as a shell's window does it.
    pub(crate) fn on_a_terminal_of_its_own(self) -> std::process::Command {
        let mut command = std::process::Command::new("setsid");
        command
            .env_clear()
            .env("TERM", "xterm")
            .arg("--ctty")
            .arg(self.command.get_program())
            .args(self.command.get_args());
        command.envs(self.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if let Some(directory) = self.command.get_current_dir() {
            command.current_dir(directory);
        }
        command
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(mut self) -> Output {
        let deadline = self.deadline;
        let given = self.stdin.take();
        let mut process = self.spawn();
        let feeding = process.stdin.take().map(|mut stdin| {
            std::thread::spawn(move || {
                // A program that does not read its input to the end is fine.
                let _ = stdin.write_all(&given.unwrap_or_default());
            })
        });
        let output = process.wait_for(deadline);
        if let Some(feeding) = feeding {
            let _ = feeding.join();
        }
        output
    }

    /// Starts it; standard input stays open until [`Process::stdin`] is dropped.
    #[track_caller]
    pub fn spawn(mut self) -> Process {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let shown = format!("{:?}", self.command.get_args().collect::<Vec<_>>());
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{:?}: {error}", self.command));
        let stdout = child.stdout.take().map(collect).expect("a pipe");
        let stderr = child.stderr.take().map(collect).expect("a pipe");
        let stdin = child.stdin.take();
        Process { child, stdin, stdout: Some(stdout), stderr: Some(stderr), shown }
    }
}

type Collected = JoinHandle<Vec<u8>>;

fn collect(mut pipe: impl Read + Send + 'static) -> Collected {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

/// A program that runs; killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Its standard input; drop it to close it.
    pub stdin: Option<ChildStdin>,
    stdout: Option<Collected>,
    stderr: Option<Collected>,
    shown: String,
}

impl Process {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
        rustix::process::kill_process(pid, signal).expect("the process is there");
    }

    /// Kills it, without a chance to say anything.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Waits for its end.
    #[track_caller]
    pub fn wait(self) -> Output {
        self.wait_for(wait::DEADLINE)
    }

    /// Waits for its end for this long.
    #[track_caller]
    pub fn wait_for(mut self, deadline: Duration) -> Output {
        let began = Instant::now();
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if began.elapsed() < deadline => std::thread::sleep(Duration::from_millis(2)),
                _ => {
                    self.kill();
                    let output = self.output(ExitStatus::default());
                    panic!("{} did not end within {deadline:?}\n{output}", self.shown);
                }
            }
        };
        self.output(status)
    }

    fn output(&mut self, status: ExitStatus) -> Output {
        let text = |collected: Option<Collected>| {
            let bytes = collected.and_then(|thread| thread.join().ok()).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Output {
            code: status.code(),
            stdout: text(self.stdout.take()),
            stderr: text(self.stderr.take()),
            shown: self.shown.clone(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What came out of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code; nothing after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    shown: String,
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { code, stdout, stderr, shown } = self;
        write!(f, "{shown} ended with {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

impl Output {
    /// Asserts the exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self}");
        self
    }

    /// Asserts success.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.exits(0)
    }

    /// Asserts that standard error holds a text.
    #[track_caller]
    pub fn complains(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in: {self}");
        self
    }

    /// Asserts that standard output holds a text.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "no {text:?} in: {self}");
        self
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// Standard output as JSON lines.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\nof {self}"));
        self.stdout.lines().map(parse).collect()
    }
}
