//! The way to the daemon.
//!
//! 1. Connect to the socket. A slow daemon is a daemon: only "nobody there" goes on.
//! 2. Take the spawn lock, so that of many commands at once one starts the daemon; the others connect meanwhile.
//! 3. Connect again: somebody may have been faster.
//! 4. Start `deployerd`, which answers one line on its standard output when it listens; connect.
//!
//! Nothing is sent before the socket's other end is known to be the same user. A daemon that is older than this program
//! is replaced when it is idle; a busy one never.

mod ahead;
mod replace;
pub(crate) mod spawn;

use std::cell::RefCell;
use std::io;
use std::os::unix::net::UnixStream as Connected;
use std::path::Path;
use std::time::{Duration, Instant};

use deployer_proto::endpoint::{Endpoint, EndpointError};
use rustix::net::RecvFlags;
use tokio::net::UnixStream;
use tonic::transport::Channel;

pub(crate) use self::ahead::Ahead;
use crate::channel;
use crate::private::Private;
use crate::report::Report;

/// How long the daemon may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the whole way may take when many go it at once.
const LONGEST_WAY: Duration = Duration::from_secs(45);

/// What must be known to find or start the daemon.
#[derive(Debug)]
pub struct Way {
    /// The socket and the state directory, or why there are none.
    pub endpoint: Result<Endpoint, EndpointError>,
    /// The protocol that this program speaks.
    pub protocol: u32,
    /// A connection that was made ahead, until it is used.
    pub(crate) ahead: RefCell<Option<Ahead>>,
    /// The daemon's program, where it is not the one beside this program.
    pub program: Option<String>,
    /// Where programs are looked for.
    pub search_path: Option<String>,
    /// The environment that a new daemon gets.
    pub environment: Vec<(String, String)>,
    /// Whether this command has a daemon of its own.
    pub private: Option<Private>,
}

impl Way {
    /// Connects to the daemon; starts it where none answers, or a private one with `--no-daemon`.
    pub async fn channel(&self) -> Result<Channel, Report> {
        if let Some(private) = &self.private {
            return private.channel(self).await;
        }
        let endpoint = self.endpoint()?;
        let stream = match self.first(endpoint).await? {
            Some(stream) => stream,
            None => self.start(endpoint).await?,
        };
        match replace::speaks(&endpoint.state_directory) {
            Some(protocol) if protocol < self.protocol => {
                replace::ask_to_end(stream, protocol).await?;
                let stream = self.start(endpoint).await?;
                replace::check(endpoint, self)?;
                Ok(channel::over(stream))
            }
            _ => Ok(channel::over(stream)),
        }
    }

    /// Connects to the daemon if one is running; never starts one.
    pub async fn existing(&self) -> Result<Option<Channel>, Report> {
        let stream = self.first(self.endpoint()?).await?;
        Ok(stream.map(channel::over))
    }

    /// Ends what [`Self::channel`] started for this command only, and waits for its end.
    pub async fn finish(&self) {
        if let Some(private) = &self.private {
            private.finish().await;
        }
    }

    /// The socket and the state directory.
    pub fn endpoint(&self) -> Result<&Endpoint, Report> {
        self.endpoint
            .as_ref()
            .map_err(|error| Report::unreachable("no place for the daemon").caused_by(error.to_string()))
    }

    async fn first(&self, endpoint: &Endpoint) -> Result<Option<UnixStream>, Report> {
        reach(endpoint, self.ahead.take().and_then(Ahead::open)).await
    }

    async fn start(&self, endpoint: &Endpoint) -> Result<UnixStream, Report> {
        let began = Instant::now();
        let lock = spawn::Lock::open(&endpoint.state_directory)?;
        while !lock.is_ours()? {
            if let Some(stream) = reach(endpoint, None).await? {
                return Ok(stream);
            }
            if began.elapsed() > LONGEST_WAY {
                return Err(Report::unreachable("another command is starting the daemon and does not come to an end")
                    .fact("Lock", lock.path().display().to_string()));
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // A daemon that ends at this moment may be told of once more.
        for _ in 0..5 {
            if let Some(stream) = reach(endpoint, None).await? {
                return Ok(stream);
            }
            spawn::daemon(self, endpoint).await?;
        }
        Err(Report::unreachable("the daemon started and ended again, five times").hint(LOOK))
    }
}

/// The next step when the daemon misbehaves.
pub(crate) const LOOK: &str = "look into its log: `deployer daemon logs`";

/// Connects to a socket, checks whose it is and waits until it was accepted; nothing where nobody listens.
async fn reach(endpoint: &Endpoint, ahead: Option<Connected>) -> Result<Option<UnixStream>, Report> {
    let socket = endpoint.socket.as_path();
    match tokio::time::timeout(PATIENCE, accepted(socket, ahead)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(Trouble::Report(report))) => Err(*report),
        Ok(Err(Trouble::Io(error))) => Err(cannot_connect(socket, &error)),
        Err(_) => Err(silent(endpoint)),
    }
}

/// A daemon that is there and says nothing.
fn silent(endpoint: &Endpoint) -> Report {
    let report = Report::unreachable("the daemon runs, but does not answer")
        .fact("Socket", endpoint.socket.display().to_string());
    match replace::process(&endpoint.state_directory) {
        Some(process) => report.fact("Its process", process.to_string()).hint(format!(
            "it may be stopped (`kill -CONT {process}` wakes it) or overloaded; `kill -9 {process}` ends it"
        )),
        None => report
            .hint("it may be stopped or overloaded; `deployer daemon restart` does not work then: end its process"),
    }
}

enum Trouble {
    Io(io::Error),
    Report(Box<Report>),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

async fn accepted(socket: &Path, mut ahead: Option<Connected>) -> Result<Option<UnixStream>, Trouble> {
    // A full backlog is a busy daemon; one that ends while it is being called is nobody.
    for _ in 0..200 {
        let connected = match ahead.take() {
            Some(ahead) => UnixStream::from_std(ahead),
            None => UnixStream::connect(socket).await,
        };
        let stream = match connected {
            Ok(stream) => stream,
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => return Ok(None),
                io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                }
                _ => return Err(error.into()),
            },
        };
        same_user(&stream, socket)?;
        // The daemon speaks first: from then on this connection is served.
        stream.readable().await?;
        match rustix::net::recv(&stream, &mut [0_u8; 1], RecvFlags::PEEK) {
            Ok((1.., _)) => return Ok(Some(stream)),
            Err(rustix::io::Errno::AGAIN) => {}
            _ => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    Err(Trouble::Report(Box::new(
        Report::unreachable("the daemon closes every connection")
            .fact("Socket", socket.display().to_string())
            .hint(LOOK),
    )))
}

fn same_user(stream: &UnixStream, socket: &Path) -> Result<(), Trouble> {
    let peer = stream.peer_cred()?.uid();
    let own = rustix::process::getuid().as_raw();
    if peer == own {
        return Ok(());
    }
    Err(Trouble::Report(Box::new(
        Report::unreachable("the daemon's socket belongs to another user; nothing was sent")
            .fact("Socket", socket.display().to_string())
            .fact("Its user", peer.to_string())
            .fact("You", own.to_string())
            .hint("each user has a daemon of their own: check DEPLOYER_SOCKET"),
    )))
}

fn cannot_connect(socket: &Path, error: &io::Error) -> Report {
    let report = Report::unreachable("cannot connect to the daemon")
        .fact("Socket", socket.display().to_string())
        .caused_by(error.to_string());
    match error.kind() {
        io::ErrorKind::PermissionDenied => report.hint("the socket belongs to another user: check DEPLOYER_SOCKET"),
        _ => report,
    }
}
