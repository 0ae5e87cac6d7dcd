//! Counts calls from their first byte to the last one of the answer, so that none is cut off by an idle exit.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body::{Body, Frame, SizeHint};
use tonic::codegen::http::{Request, Response};
use tower::{Layer, Service};

use crate::life::{Call, Life};

/// Wraps all services.
#[derive(Clone)]
pub struct InFlight(pub Arc<Life>);

impl<S> Layer<S> for InFlight {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, life: Arc::clone(&self.0) }
    }
}

/// A service whose calls are counted.
#[derive(Clone)]
pub struct Counted<S> {
    inner: S,
    life: Arc<Life>,
}

impl<S, B, A> Service<Request<B>> for Counted<S>
where
    S: Service<Request<B>, Response = Response<A>>,
    S::Future: Send + 'static,
{
    type Response = Response<Answer<A>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let call = self.life.call();
        tracing::debug!(method = request.uri().path(), "called");
        let answer = self.inner.call(request);
        Box::pin(async move { Ok(answer.await?.map(|body| Answer { body, _call: call })) })
    }
}

/// An answer on its way.
pub struct Answer<A> {
    body: A,
    _call: Call,
}

impl<A: Body + Unpin> Body for Answer<A> {
    type Data = A::Data;
    type Error = A::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<A::Data>, A::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
