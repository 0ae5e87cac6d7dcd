//! Accepts callers of this user only, and ends in one step when nobody has called for long enough.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};
use tonic::service::Routes;
use tonic::transport::server::{Connected, Server};

use crate::instance::SocketFile;
use crate::life::{Life, OpenConnection};

/// How long calls in flight may take to end once the socket is gone.
const GRACE: Duration = Duration::from_secs(5);

/// Where callers come from.
pub enum Listener {
    /// A socket of our own, removed at the end.
    Own(std::os::unix::net::UnixListener, SocketFile),
    /// A socket that a service manager holds for us.
    Lent(std::os::unix::net::UnixListener),
    /// One caller only; the daemon ends with it.
    Single(std::os::unix::net::UnixStream),
}

/// Serves until the daemon's life ends.
pub async fn serve(listener: Listener, routes: Routes, life: &Arc<Life>) -> io::Result<()> {
    let (connections, incoming) = mpsc::channel(16);
    let closing = CancellationToken::new();
    let accepting = tokio::spawn(accept(listener, Door { connections, closing: closing.clone() }, Arc::clone(life)));
    let server = Server::builder()
        .max_concurrent_streams(256)
        .http2_max_header_list_size(64 << 10)
        .serve_with_incoming_shutdown(
            routes.prepare(),
            ReceiverStream::new(incoming),
            closing.clone().cancelled_owned(),
        );
    let mut serving = tokio::spawn(server);
    let accepted = accepting.await.map_err(io::Error::other)?;
    life.unreachable().cancel();
    closing.cancel();
    if tokio::time::timeout(GRACE, &mut serving).await.is_err() {
        tracing::warn!("calls were cut off at the end");
        serving.abort();
    }
    accepted
}

/// Where callers go in.
struct Door {
    connections: mpsc::Sender<io::Result<Connection>>,
    closing: CancellationToken,
}

impl Door {
    async fn admit(&self, stream: UnixStream, open: OpenConnection, closed: Option<DropGuard>) {
        let over = Box::pin(self.closing.clone().cancelled_owned());
        let _ =
            self.connections.send(Ok(Connection { stream, silent: Some(over), _open: open, _closed: closed })).await;
    }
}

async fn accept(listener: Listener, door: Door, life: Arc<Life>) -> io::Result<()> {
    match listener {
        Listener::Single(stream) => single(stream, &door, &life).await,
        Listener::Lent(listener) => many(listener, None, &door, &life).await,
        Listener::Own(listener, file) => many(listener, Some(file), &door, &life).await,
    }
}

async fn single(stream: std::os::unix::net::UnixStream, door: &Door, life: &Arc<Life>) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let closed = CancellationToken::new();
    let stream = UnixStream::from_std(stream)?;
    door.admit(stream, life.connection(), Some(closed.clone().drop_guard())).await;
    tokio::select! {
        () = closed.cancelled() => { let _ = life.end(true); }
        () = life.ending().cancelled() => {}
    }
    life.quiet().await;
    Ok(())
}

async fn many(
    backlog: std::os::unix::net::UnixListener,
    file: Option<SocketFile>,
    door: &Door,
    life: &Arc<Life>,
) -> io::Result<()> {
    backlog.set_nonblocking(true)?;
    let listener = UnixListener::from_std(backlog.try_clone()?)?;
    let uid = rustix::process::getuid().as_raw();
    let quiet = async {
        life.ending().cancelled().await;
        life.quiet().await;
    };
    tokio::pin!(quiet);
    let mut look = Duration::ZERO;
    loop {
        tokio::select! {
            () = &mut quiet => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => admit(stream, uid, life.connection(), door).await,
                // Out of descriptors: later there may be some again.
                Err(error) => {
                    tracing::warn!(%error, "a caller could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = tokio::time::sleep(look) => match life.end_if_idle(Instant::now()) {
                Err(later) => look = later,
                Ok(()) => match last_caller(&backlog, file.as_ref()) {
                    None => {
                        tracing::info!("nobody called for long enough");
                        break;
                    }
                    Some(stream) => {
                        life.revive();
                        admit(UnixStream::from_std(stream)?, uid, life.connection(), door).await;
                    }
                }
            }
        }
    }
    if let Some(file) = file {
        file.remove();
    }
    Ok(())
}

/// Hides the socket and answers a caller that had connected before that; the socket is shown again for it.
fn last_caller(
    backlog: &std::os::unix::net::UnixListener,
    file: Option<&SocketFile>,
) -> Option<std::os::unix::net::UnixStream> {
    if let Some(file) = file {
        file.hide();
    }
    let (stream, _) = backlog.accept().ok()?;
    stream.set_nonblocking(true).ok()?;
    if let Some(file) = file {
        file.show();
    }
    Some(stream)
}

async fn admit(stream: UnixStream, uid: u32, open: OpenConnection, door: &Door) {
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == uid => door.admit(stream, open, None).await,
        Ok(peer) => tracing::warn!(uid = peer.uid(), pid = peer.pid(), "refused another user"),
        Err(error) => tracing::warn!(%error, "refused a caller whose user is unknown"),
    }
}

/// One caller's connection.
struct Connection {
    stream: UnixStream,
    /// Until its caller says something: when the daemon ends. Nobody waits for a caller who has asked for nothing.
    silent: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    _open: OpenConnection,
    _closed: Option<DropGuard>,
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.silent = None;
        }
        match self.silent.as_mut().map(|over| over.as_mut().poll(cx)) {
            Some(Poll::Ready(())) if read.is_pending() => Poll::Ready(Ok(())),
            _ => read,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
