//! A gRPC channel over one connection that is there already.

use std::future::{Ready, ready};
use std::io;
use std::task::{Context, Poll};

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::codegen::Service;
use tonic::codegen::http::Uri;
use tonic::transport::{Channel, Endpoint};

/// The longest trailers that are read, in bytes.
const MAX_TRAILERS: u32 = 64 << 10;

/// Speaks gRPC over a connection. It is not made again: what a lost one had begun is for the caller to find out.
pub fn over(stream: UnixStream) -> Channel {
    Endpoint::from_static("http://localhost")
        .http2_max_header_list_size(MAX_TRAILERS)
        .connect_with_connector_lazy(Once(Some(stream)))
}

struct Once(Option<UnixStream>);

impl Service<Uri> for Once {
    type Response = TokioIo<UnixStream>;
    type Error = io::Error;
    type Future = Ready<Result<Self::Response, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().map(TokioIo::new).ok_or_else(|| io::Error::other("the connection to the daemon was lost")))
    }
}
