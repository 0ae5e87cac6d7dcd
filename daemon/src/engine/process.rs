//! The only place that starts processes: a run's guard, and below the guard the run's children.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deployer_domain::lease::GuardDeadline;
use rustix::process::Pid;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::guard::message::{Ask, Begin, Ending, Exit, Spawn, Stream, Tell};

/// How long a guard may take to be ready.
const STARTUP: Duration = Duration::from_secs(10);
/// How many messages of one child may wait for whoever follows it.
const WAITING: usize = 256;

/// What a guard needs to begin.
pub struct GuardStart {
    /// What every child sees.
    pub environment: BTreeMap<String, SecretString>,
    /// The file whose lock says that a process of the run is alive.
    pub alive: PathBuf,
    /// Between SIGTERM and SIGKILL when the guard ends children by itself.
    pub grace: Duration,
    /// The mask of the files that the children write.
    pub umask: u32,
}

/// The process of a guard that does not know yet what it guards. It ends when this is dropped.
pub struct Launched {
    process: tokio::process::Child,
    socket: std::os::unix::net::UnixStream,
    keeps_port: bool,
}

impl Launched {
    /// Starts one: `program` is the one whose `guard` subcommand is the guard, this one. `port` is where the daemon serves
    /// the children. When the daemon is gone before them the guard keeps it, so that nobody else is told what they have
    /// to say.
    pub fn launch(program: &Path, port: Option<TcpListener>) -> io::Result<Self> {
        let (socket, theirs) = std::os::unix::net::UnixStream::pair()?;
        socket.set_nonblocking(true)?;
        let keeps_port = port.is_some();
        let process = tokio::process::Command::new(program)
            .arg0("deployerd")
            .arg("guard")
            .env_clear()
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(port.map_or_else(Stdio::null, |port| Stdio::from(OwnedFd::from(port))))
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        Ok(Self { process, socket, keeps_port })
    }

    /// Its process id; none when it has ended already.
    pub fn pid(&self) -> Option<u32> {
        self.process.id()
    }
}

/// What to start.
pub struct ChildStart {
    /// The program, by path or by name.
    pub program: String,
    /// Its arguments. Never a secret: everybody sees them.
    pub arguments: Vec<String>,
    /// The directory it runs in.
    pub directory: PathBuf,
    /// Its environment beside the guard's.
    pub environment: BTreeMap<String, SecretString>,
    /// How it is asked to end.
    pub ending: Ending,
}

/// What happens to a child.
#[derive(Debug)]
pub enum ChildEvent {
    /// It printed a line.
    Line(Stream, String),
    /// It could not be started; the last event.
    Refused(String),
    /// It and its whole group are gone; the last event.
    Exited(Exit),
}

/// A run's guard. When it is dropped everything that it started ends.
#[derive(Clone)]
pub struct Guard {
    shared: Arc<Shared>,
}

struct Shared {
    asks: mpsc::UnboundedSender<Ask>,
    finishing: CancellationToken,
    ended: watch::Receiver<bool>,
    following: Mutex<Following>,
    next: AtomicU64,
    pid: u32,
}

#[derive(Default)]
struct Following {
    children: HashMap<u64, mpsc::Sender<ChildEvent>>,
    gone: bool,
}

impl Guard {
    /// Tells a guard what it guards, and waits until it holds its file's lock.
    pub async fn start(launched: Launched, start: GuardStart) -> io::Result<Self> {
        let Launched { mut process, socket, keeps_port } = launched;
        let (read, write) = UnixStream::from_std(socket)?.into_split();
        let (asks, waiting) = mpsc::unbounded_channel();
        let _ = asks.send(Ask::Begin(Begin {
            environment: exposed(start.environment),
            alive: start.alive,
            grace_ms: start.grace.as_millis() as u64,
            umask: start.umask,
            keeps_port,
        }));
        let finishing = CancellationToken::new();
        tokio::spawn(write_asks(waiting, write, finishing.clone()));
        let mut tells = Tells(BufReader::new(read));
        let first = tokio::time::timeout(STARTUP, tells.next()).await.map_err(|_| io::ErrorKind::TimedOut)??;
        let pid = match first {
            Some(Tell::Ready { pid }) => pid,
            Some(Tell::Failed { why }) => return Err(io::Error::other(why)),
            _ => return Err(io::Error::other("the guard process ended at once")),
        };
        let (end, ended) = watch::channel(false);
        let shared =
            Arc::new(Shared { asks, finishing, ended, following: Mutex::default(), next: AtomicU64::new(1), pid });
        let weak = Arc::downgrade(&shared);
        tokio::spawn(async move {
            tells.hand_on(&weak).await;
            let _ = process.wait().await;
            end.send_replace(true);
        });
        Ok(Self { shared })
    }

    /// The guard's process id.
    pub fn pid(&self) -> u32 {
        self.shared.pid
    }

    /// Starts a child.
    pub fn spawn(&self, start: ChildStart) -> Child {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let (events, received) = mpsc::channel(WAITING);
        if self.shared.following().gone {
            let _ = events.try_send(ChildEvent::Refused("the guard process is gone".to_owned()));
        } else {
            self.shared.following().children.insert(id, events);
            let _ = self.shared.asks.send(Ask::Spawn(Spawn {
                child: id,
                program: start.program,
                arguments: start.arguments,
                directory: start.directory,
                environment: exposed(start.environment),
                ending: start.ending,
            }));
        }
        Child { id, events: received, asks: self.shared.asks.clone() }
    }

    /// Ends the guard, and with it everything that it started; nothing of that is left when this answers.
    pub async fn end(&self) {
        self.shared.finishing.cancel();
        let _ = self.shared.ended.clone().wait_for(|ended| *ended).await;
    }

    /// Tells until when children may run; to be called with each good beat, and when the lock is lost.
    pub fn set_deadline(&self, deadline: GuardDeadline) {
        let _ = self.shared.asks.send(if deadline.lost {
            Ask::Lost
        } else {
            Ask::Deadline {
                stop_at_ms: deadline.stop_at.as_millis() as u64,
                end_at_ms: deadline.end_at.as_millis() as u64,
            }
        });
    }
}

impl Shared {
    fn following(&self) -> std::sync::MutexGuard<'_, Following> {
        self.following.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One child of a guard, followed from its start to its end.
pub struct Child {
    id: u64,
    events: mpsc::Receiver<ChildEvent>,
    asks: mpsc::UnboundedSender<Ask>,
}

impl Child {
    /// The next thing that happens to it; the guard's own death ends it too.
    pub async fn next(&mut self) -> ChildEvent {
        let lost = || ChildEvent::Refused("its guard process ended unexpectedly".to_owned());
        self.events.recv().await.unwrap_or_else(lost)
    }

    /// Asks its whole group to end, however long that takes.
    pub fn stop(&self) {
        let _ = self.asks.send(Ask::Stop { child: self.id });
    }

    /// Asks its whole group to end, and kills it after the grace.
    pub fn end(&self, grace: Duration) {
        let _ = self.asks.send(Ask::End { child: self.id, grace_ms: grace.as_millis() as u64 });
    }
}

struct Tells(BufReader<OwnedReadHalf>);

impl Tells {
    async fn next(&mut self) -> io::Result<Option<Tell>> {
        let mut line = Vec::new();
        if self.0.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        serde_json::from_slice(&line).map(Some).map_err(io::Error::other)
    }

    /// Hands each message to whoever follows its child, as fast as they take them.
    async fn hand_on(&mut self, to: &std::sync::Weak<Shared>) {
        while let Ok(Some(tell)) = self.next().await {
            let Some(shared) = to.upgrade() else { continue };
            let (id, event) = match tell {
                Tell::Line { child, stream, text } => (child, ChildEvent::Line(stream, text)),
                Tell::Refused { child, why } => (child, ChildEvent::Refused(why)),
                Tell::Exited { child, exit } => (child, ChildEvent::Exited(exit)),
                Tell::Ready { .. } | Tell::Failed { .. } | Tell::Stopped | Tell::Continued => continue,
            };
            let last = !matches!(event, ChildEvent::Line(..));
            let follower = match last {
                true => shared.following().children.remove(&id),
                false => shared.following().children.get(&id).cloned(),
            };
            drop(shared);
            if let Some(follower) = follower {
                let _ = follower.send(event).await;
            }
        }
        if let Some(shared) = to.upgrade() {
            let mut following = shared.following();
            following.gone = true;
            following.children.clear();
        }
    }
}

/// Writes what is asked; where it ends, the guard sees the end of its daemon.
async fn write_asks(mut from: mpsc::UnboundedReceiver<Ask>, mut to: OwnedWriteHalf, finishing: CancellationToken) {
    while let Some(Some(ask)) = finishing.run_until_cancelled(from.recv()).await {
        let Ok(mut line) = deployer_domain::json::compact(&ask) else { continue };
        line.push(b'\n');
        if to.write_all(&line).await.is_err() {
            return;
        }
    }
}

fn exposed(values: BTreeMap<String, SecretString>) -> BTreeMap<String, String> {
    values.into_iter().map(|(name, value)| (name, value.expose_secret().to_owned())).collect()
}

/// What a guard holds of a child that it started.
pub struct Started {
    /// Its process group, which it leads.
    pub group: Pid,
    /// The reading end of its standard output.
    pub stdout: OwnedFd,
    /// The reading end of its standard error.
    pub stderr: OwnedFd,
}

/// Starts a child in a group of its own. Only the guard calls this, and only the guard waits for it.
pub fn start_child(spawn: &Spawn, environment: &BTreeMap<String, String>) -> io::Result<Started> {
    let mut child = std::process::Command::new(&spawn.program)
        .args(&spawn.arguments)
        .current_dir(&spawn.directory)
        .env_clear()
        .envs(environment)
        .envs(&spawn.environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let missing = || io::Error::other("no output pipe");
    let stdout = child.stdout.take().ok_or_else(missing)?.into();
    let stderr = child.stderr.take().ok_or_else(missing)?.into();
    let group = Pid::from_raw(child.id() as i32).ok_or_else(missing)?;
    Ok(Started { group, stdout, stderr })
}
