//! Calls the daemon before the arguments are read: it accepts, and speaks, meanwhile.

use std::os::unix::net::UnixStream;

use deployer_proto::endpoint::Endpoint;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::io::{FdFlags, Result, fcntl_setfd, ioctl_fionbio};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};

/// A connection over which nothing was sent: whether it serves, and whose the other end is, is for whoever takes it to see.
#[derive(Debug)]
pub(crate) struct Ahead(UnixStream);

impl Ahead {
    /// Connects where that can be done without waiting.
    pub(crate) fn call(endpoint: &Endpoint) -> Option<Self> {
        connected(endpoint).ok().map(|socket| Self(socket.into()))
    }

    /// The connection, unless its other end was closed: while somebody answered a question, the daemon may have ended.
    pub(crate) fn open(self) -> Option<UnixStream> {
        let mut looked_at = [PollFd::new(&self.0, PollFlags::empty())];
        let closed = poll(&mut looked_at, Some(&Timespec::default())).is_err() || !looked_at[0].revents().is_empty();
        (!closed).then_some(self.0)
    }
}

fn connected(endpoint: &Endpoint) -> Result<OwnedFd> {
    let address = SocketAddrUnix::new(&endpoint.socket)?;
    let socket = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    ioctl_fionbio(&socket, true)?;
    connect(&socket, &address)?;
    Ok(socket)
}
