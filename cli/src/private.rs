//! A daemon for one command only (`--no-daemon`, and the default in CI): the same program, connected by a socket pair
//! that nobody else can reach, in a directory of its own that goes with it.

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};

use tokio::net::unix::pipe;
use tonic::transport::Channel;

use crate::channel;
use crate::connect::{Way, spawn};
use crate::report::Report;

/// The daemon of this command, once it is needed.
#[derive(Debug, Default)]
pub struct Private {
    running: RefCell<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    said: pipe::Receiver,
    stream: UnixStream,
    channel: Channel,
}

impl Private {
    /// Starts the daemon at the first call; answers the way to it at every one.
    pub async fn channel(&self, way: &Way) -> Result<Channel, Report> {
        if let Some(running) = &*self.running.borrow() {
            return Ok(running.channel.clone());
        }
        let running = start(way).await?;
        let channel = running.channel.clone();
        self.running.replace(Some(running));
        Ok(channel)
    }

    /// Lets the daemon end, which cancels what it still runs, and waits until it has. Another Ctrl-C ends it at once.
    pub async fn finish(&self) {
        let Some(mut running) = self.running.take() else { return };
        let _ = running.stream.shutdown(std::net::Shutdown::Both);
        tokio::select! {
            () = closed(&mut running.said) => {}
            _ = tokio::signal::ctrl_c() => { let _ = running.child.kill(); }
        }
        let _ = running.child.wait();
    }
}

async fn start(way: &Way) -> Result<Running, Report> {
    let cannot =
        |error: std::io::Error| Report::unreachable("cannot start the private daemon").caused_by(error.to_string());
    let (ours, theirs) = UnixStream::pair().map_err(cannot)?;
    let mut command = spawn::command(way)?;
    command.arg("--private").arg(directory(way)).stdin(Stdio::from(OwnedFd::from(theirs)));
    let (child, mut said) = spawn::start(command)?;
    match spawn::first_word(&mut said).await {
        spawn::Answer::Ready => {}
        spawn::Answer::Failed(lines) => return Err(spawn::failed(&lines)),
        spawn::Answer::Silent => return Err(Report::unreachable("the private daemon did not get ready in time")),
    }
    let stream = ours.try_clone().map_err(cannot)?;
    ours.set_nonblocking(true).map_err(cannot)?;
    let channel = channel::over(tokio::net::UnixStream::from_std(ours).map_err(cannot)?);
    Ok(Running { child, said, stream, channel })
}

/// Below the state directory; the daemon takes the temporary directory where that cannot be written.
fn directory(way: &Way) -> std::path::PathBuf {
    let name = std::process::id().to_string();
    match &way.endpoint {
        Ok(endpoint) => endpoint.state_directory.join("private").join(name),
        Err(_) => std::path::Path::new("/nonexistent").join(name),
    }
}

/// Completes when the daemon has closed its standard output, which is when it has ended.
async fn closed(said: &mut pipe::Receiver) {
    while said.readable().await.is_ok() {
        match said.try_read(&mut [0; 64]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Ok(1..) => {}
            _ => return,
        }
    }
}
