//! What the daemon and a guard say to each other: one JSON document a line, over a socket that only they hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What the daemon asks a guard to do. Its values may be secrets, so it has no `Debug`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ask {
    /// Always the first.
    Begin(Begin),
    /// Starts a child in a process group of its own.
    Spawn(Spawn),
    /// Ends a child's group: its ending signal, and SIGKILL after the grace.
    #[serde(rename_all = "camelCase")]
    End { child: u64, grace_ms: u64 },
    /// Sends a child's group its ending signal, and waits for as long as it takes.
    #[serde(rename_all = "camelCase")]
    Stop { child: u64 },
    /// Pushes the deadline forward. In milliseconds of boot time.
    #[serde(rename_all = "camelCase")]
    Deadline { stop_at_ms: u64, end_at_ms: u64 },
    /// The lock is another's: everything is ended now.
    Lost,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Begin {
    /// What every child sees.
    pub environment: BTreeMap<String, String>,
    /// The file whose lock the guard takes and every child inherits.
    pub alive: PathBuf,
    /// Between SIGTERM and SIGKILL when the guard ends children by itself.
    pub grace_ms: u64,
    /// The mask of the files that the children write.
    pub umask: u32,
    /// Whether the standard output is a port on which the daemon serves the children.
    pub keeps_port: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spawn {
    pub child: u64,
    pub program: String,
    pub arguments: Vec<String>,
    pub directory: PathBuf,
    /// Beside [`Begin::environment`].
    pub environment: BTreeMap<String, String>,
    /// How it is asked to end.
    pub ending: Ending,
}

/// How a child is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ending {
    /// By SIGTERM.
    Terminate,
    /// By SIGINT, and only once: a second one would make it drop what it is doing.
    Interrupt,
}

/// What a guard tells the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Tell {
    /// The guard holds the lock of its file.
    #[serde(rename_all = "camelCase")]
    Ready { pid: u32 },
    /// It cannot work at all; the last message.
    #[serde(rename_all = "camelCase")]
    Failed { why: String },
    /// A child could not be started.
    #[serde(rename_all = "camelCase")]
    Refused { child: u64, why: String },
    /// A child printed a line, or a part of one that is too long.
    #[serde(rename_all = "camelCase")]
    Line { child: u64, stream: Stream, text: String },
    /// A child and its whole group are gone. The last message about it.
    #[serde(rename_all = "camelCase")]
    Exited { child: u64, exit: Exit },
    /// All children were stopped, as no beat arrived in time.
    Stopped,
    /// They go on.
    Continued,
}

/// Where a line was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Stream {
    Stdout,
    Stderr,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exit {
    /// Its exit code, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether the guard ended it because the deadline passed or the lock was lost.
    pub by_deadline: bool,
}
