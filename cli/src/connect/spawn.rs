//! Starts the background daemon: the lock that lets one command do it, and what the daemon says of itself.
#![allow(clippy::disallowed_methods, reason = "the spawn lock and the daemon's start are the guest's only traces")]

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use deployer_proto::endpoint::Endpoint;
use tokio::net::unix::pipe;

use super::{LOOK, Way};
use crate::report::Report;

/// How long a daemon may take to be ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much of the log a failed start shows, in lines.
const TAIL: usize = 5;

/// Lets one command start the daemon; held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    pub(super) fn open(state_directory: &Path) -> Result<Self, Report> {
        let path = state_directory.join("spawn.lock");
        let made = DirBuilder::new().recursive(true).mode(0o700).create(state_directory);
        let opened = made.and_then(|()| {
            OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
                .open(&path)
        });
        match opened {
            Ok(file) => Ok(Self { file, path }),
            Err(error) => Err(no_place(state_directory, &error)),
        }
    }

    pub(super) fn is_ours(&self) -> Result<bool, Report> {
        match self.file.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) => Err(no_place(&self.path, &error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn no_place(path: &Path, error: &io::Error) -> Report {
    let report = Report::unreachable("no daemon is running, and none can be started here")
        .fact("State directory", path.display().to_string())
        .caused_by(error.to_string());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => report.hint("the disk is full: make room there"),
        _ => report.hint("set DEPLOYER_STATE_DIR to a directory that you may write, or use --no-daemon"),
    }
}

/// Starts the daemon and waits until it is ready, or says why it is not.
pub(super) async fn daemon(way: &Way, endpoint: &Endpoint) -> Result<(), Report> {
    let mut command = command(way)?;
    command.env("DEPLOYER_SOCKET", &endpoint.socket).env("DEPLOYER_STATE_DIR", &endpoint.state_directory);
    command.stdin(Stdio::null());
    let (_child, mut said) = start(command)?;
    match first_word(&mut said).await {
        Answer::Ready => Ok(()),
        Answer::Failed(lines) => Err(with_log(failed(&lines), endpoint)),
        Answer::Silent => Err(with_log(
            Report::unreachable("the daemon did not get ready in time").hint("try again, or use --no-daemon"),
            endpoint,
        )),
    }
}

/// The daemon's program with nothing of the caller's environment but what it needs.
pub(crate) fn command(way: &Way) -> Result<Command, Report> {
    let mut command = Command::new(program(way)?);
    command.env_clear().envs(way.environment.iter().map(|(name, value)| (name, value)));
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    Ok(command)
}

/// Starts a daemon; its words come through the pipe.
pub(crate) fn start(mut command: Command) -> Result<(Child, pipe::Receiver), Report> {
    let mut child = command.spawn().map_err(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        Report::unreachable("cannot start the daemon")
            .fact("Program", program)
            .caused_by(error.to_string())
            .hint("install `deployerd` beside `deployer`, or on the PATH")
    })?;
    let Some(stdout) = child.stdout.take() else { return Err(Report::internal("the daemon has no standard output")) };
    let said = pipe::Receiver::from_owned_fd(OwnedFd::from(stdout))
        .map_err(|error| Report::internal("the daemon cannot be heard").caused_by(error.to_string()))?;
    Ok((child, said))
}

/// What a daemon says of its start.
pub(crate) enum Answer {
    /// It listens, or another one does.
    Ready,
    /// It could not start; why, in its own lines.
    Failed(String),
    /// It said nothing in time.
    Silent,
}

/// Reads what the daemon says of its start.
pub(crate) async fn first_word(said: &mut pipe::Receiver) -> Answer {
    let mut text = Vec::new();
    let reading = async {
        loop {
            if said.readable().await.is_err() {
                return;
            }
            let mut part = [0; 4096];
            match said.try_read(&mut part) {
                Ok(0) => return,
                Ok(length) => text.extend_from_slice(&part[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
            if is_good(&text) {
                return;
            }
        }
    };
    if tokio::time::timeout(PATIENCE, reading).await.is_err() {
        return Answer::Silent;
    }
    if is_good(&text) { Answer::Ready } else { Answer::Failed(String::from_utf8_lossy(&text).into_owned()) }
}

fn is_good(text: &[u8]) -> bool {
    text == b"ready\n" || text == b"running\n"
}

/// The report of a daemon that said why it could not start.
pub(crate) fn failed(lines: &str) -> Report {
    let mut report = Report::unreachable("the daemon could not start");
    for line in lines.lines() {
        report = match line.split_once(' ') {
            Some(("failed", why)) => report.caused_by(why),
            Some(("fact", fact)) => match fact.split_once(": ") {
                Some((label, value)) => report.fact(label, value),
                None => report,
            },
            Some(("hint", hint)) => report.hint(hint),
            _ => report.caused_by(line),
        };
    }
    report
}

/// The program: the one that was named, else the one beside this program, else on the PATH.
pub(super) fn program(way: &Way) -> Result<PathBuf, Report> {
    const NAME: &str = "deployerd";
    if let Some(program) = &way.program {
        return Ok(program.into());
    }
    let beside =
        std::env::current_exe().ok().and_then(|own| own.canonicalize().ok()).map(|own| own.with_file_name(NAME));
    let on_path = way.search_path.iter().flat_map(std::env::split_paths).map(|directory| directory.join(NAME));
    beside.into_iter().chain(on_path).find(|path| path.is_file()).ok_or_else(|| {
        Report::unreachable("the daemon's program `deployerd` was not found")
            .hint("install `deployerd` beside `deployer`, or on the PATH")
    })
}

fn with_log(report: Report, endpoint: &Endpoint) -> Report {
    let log = endpoint.state_directory.join("deployerd.log");
    let Ok(text) = std::fs::read_to_string(&log) else { return report.hint(LOOK) };
    let lines: Vec<_> = text.lines().collect();
    let mut report = report.fact("Log", log.display().to_string());
    for line in &lines[lines.len().saturating_sub(TAIL)..] {
        report = report.fact("Log", *line);
    }
    report
}
