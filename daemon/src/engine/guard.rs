//! The guard of a run's children: the body of `deployerd guard`.
//!
//! A lease that only keeps new steps from starting does not stop a command that is running. So each run's children are
//! the guard's, a small process of its own: it stops them when no beat of the lease arrived in time, ends them when
//! the lock is lost or the daemon is gone, and it leaves nothing of what they started behind.
//!
//! **Invariant:** while a descendant of the guard lives, the lock of its file is held.
//! **Invariant:** the deadline is kept whatever the daemon does, also when it reads nothing.

mod child;
mod lines;
pub mod message;
mod tree;

use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

use deployer_domain::clock::Clock;
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::clock::SystemClock;
use child::Children;
use message::{Ask, Begin, Tell};

/// How often the deadline is looked at: the machine may have been suspended, and timers do not count that.
const TICK: Duration = Duration::from_secs(1);
/// How many messages may wait for the daemon; further ones make the children wait.
const WAITING: usize = 512;
/// How long the guard keeps killing what does not die.
const STUBBORN: Duration = Duration::from_secs(10);

/// Serves one run over the socket that is the standard input, and ends when that socket does.
pub fn run() -> ExitCode {
    // What is in memory here is the caller's environment.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    match runtime.block_on(serve()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

async fn serve() -> std::io::Result<()> {
    let socket = std::os::unix::net::UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    socket.set_nonblocking(true)?;
    let (read, mut write) = UnixStream::from_std(socket)?.into_split();
    let mut asks = Asks(BufReader::new(read));
    let Some(Ask::Begin(begin)) = asks.next().await? else { return Ok(()) };
    let alive = match super::alive::hold(&begin.alive) {
        Ok(file) => file,
        Err(error) => {
            let why = format!("cannot lock {}: {error}", begin.alive.display());
            return tell(&mut write, &Tell::Failed { why }).await;
        }
    };
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(begin.umask as rustix::fs::RawMode));
    tree::adopt_orphans();
    tell(&mut write, &Tell::Ready { pid: std::process::id() }).await?;
    let ended = Guard::new(begin, write)?.serve(asks).await;
    drop(alive);
    ended
}

struct Asks(BufReader<OwnedReadHalf>);

impl Asks {
    /// The next message; `None` when the daemon is gone. Not cancel safe: it lives in a task of its own.
    async fn next(&mut self) -> std::io::Result<Option<Ask>> {
        let mut line = Vec::new();
        if self.0.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        serde_json::from_slice(&line).map(Some).map_err(std::io::Error::other)
    }

    /// Hands on all messages until the daemon is gone; the end of the channel is the end of the daemon.
    async fn pump(mut self, to: mpsc::Sender<Ask>) {
        while let Ok(Some(ask)) = self.next().await {
            if to.send(ask).await.is_err() {
                return;
            }
        }
    }
}

async fn tell(to: &mut OwnedWriteHalf, what: &Tell) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    to.write_all(&line).await
}

/// Writes what the children tell; many messages that wait become one write.
async fn write_out(mut from: mpsc::Receiver<Tell>, mut to: OwnedWriteHalf) {
    let mut batch = Vec::new();
    let mut bytes = Vec::new();
    while from.recv_many(&mut batch, WAITING).await > 0 {
        for what in batch.drain(..) {
            if serde_json::to_writer(&mut bytes, &what).is_ok() {
                bytes.push(b'\n');
            }
        }
        if to.write_all(&bytes).await.is_err() {
            // The daemon is gone, which the other half notices; the children must not block on their output.
            from.close();
            return;
        }
        bytes.clear();
        bytes.shrink_to(1 << 20);
    }
}

/// Answers nobody at a port whose daemon is gone: a child that has something to store keeps it, and ends.
async fn turn_away(port: OwnedFd) -> std::io::Result<()> {
    let port = std::net::TcpListener::from(port);
    port.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(port)?;
    loop {
        drop(listener.accept().await?);
    }
}

struct Guard {
    children: Children,
    grace: Duration,
    deadline: Option<(Duration, Duration)>,
    stopped: bool,
    port: Option<OwnedFd>,
    tells: mpsc::Sender<Tell>,
}

impl Guard {
    fn new(begin: Begin, write: OwnedWriteHalf) -> std::io::Result<Self> {
        let (tells, waiting) = mpsc::channel(WAITING);
        tokio::spawn(write_out(waiting, write));
        let grace = Duration::from_millis(begin.grace_ms);
        let port = begin.keeps_port.then(|| std::io::stdout().as_fd().try_clone_to_owned()).transpose()?;
        let children = Children::new(begin.environment, tells.clone());
        Ok(Self { children, grace, deadline: None, stopped: false, port, tells })
    }

    async fn serve(mut self, asks: Asks) -> std::io::Result<()> {
        let (to, mut asks_in) = mpsc::channel(1);
        tokio::spawn(asks.pump(to));
        let mut deaths = signal(SignalKind::child())?;
        let mut endings = [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?];
        let mut hangup = signal(SignalKind::hangup())?;
        loop {
            let [terminate, interrupt] = &mut endings;
            tokio::select! {
                ask = asks_in.recv() => match ask {
                    Some(ask) => self.take(ask),
                    None => break,
                },
                _ = deaths.recv() => self.children.reap(),
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hangup.recv() => {}
                () = tokio::time::sleep(self.next_look()) => self.look(),
            }
        }
        if let Some(port) = self.port.take() {
            tokio::spawn(turn_away(port));
        }
        self.end_everything(&mut deaths).await;
        Ok(())
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Begin(_) => {}
            Ask::Spawn(spawn) => self.children.spawn(spawn),
            Ask::End { child, grace_ms } => self.children.end(child, Duration::from_millis(grace_ms)),
            Ask::Stop { child } => self.children.stop(child),
            Ask::Deadline { stop_at_ms, end_at_ms } => {
                self.deadline = Some((Duration::from_millis(stop_at_ms), Duration::from_millis(end_at_ms)));
                self.look();
            }
            Ask::Lost => self.children.end_all(self.grace),
        }
    }

    fn next_look(&self) -> Duration {
        let now = SystemClock.lease_now().boot;
        let next = match self.deadline {
            Some((stop_at, _)) if now < stop_at => stop_at - now,
            Some((_, end_at)) if now < end_at => end_at - now,
            _ => TICK,
        };
        next.min(self.children.next_look().unwrap_or(TICK)).min(TICK).max(Duration::from_millis(1))
    }

    fn look(&mut self) {
        self.children.look();
        let Some((stop_at, end_at)) = self.deadline else { return };
        let now = SystemClock.lease_now().boot;
        if now >= end_at {
            self.children.end_all(self.grace);
            self.stopped = false;
        } else if now >= stop_at {
            if !self.stopped {
                self.stopped = true;
                self.children.signal_all(Signal::STOP);
                let _ = self.tells.try_send(Tell::Stopped);
            }
        } else if self.stopped {
            self.stopped = false;
            self.children.signal_all(Signal::CONT);
            let _ = self.tells.try_send(Tell::Continued);
        }
    }

    /// Ends all descendants, also those that left their group, and returns when none is left.
    async fn end_everything(&mut self, deaths: &mut tokio::signal::unix::Signal) {
        self.children.reap();
        if tree::is_empty() {
            return;
        }
        self.children.end_all(self.grace);
        self.children.signal_strays(Signal::TERM);
        self.children.signal_all(Signal::CONT);
        let begun = tokio::time::Instant::now();
        while !tree::is_empty() && begun.elapsed() < self.grace + STUBBORN {
            let kill = begun.elapsed() >= self.grace;
            if kill {
                self.children.signal_all(Signal::KILL);
            }
            let pause = if kill { Duration::from_millis(20) } else { self.grace.saturating_sub(begun.elapsed()) };
            let _ = tokio::time::timeout(pause.min(Duration::from_millis(200)), deaths.recv()).await;
            self.children.reap();
        }
    }
}
