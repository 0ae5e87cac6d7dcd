//! Answers that are streams of steps with a result at the end.

use std::future::Future;
use std::sync::Arc;

use deployer_domain::error::Result;
use deployer_proto::v1::Step;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Response, Status};

use super::status::to_status;

/// A stream of steps; there are few, so it needs no bound.
pub(crate) type StepStream<E> = UnboundedReceiverStream<std::result::Result<E, Status>>;

/// Hears of steps.
pub(crate) type Hear = Arc<dyn Fn(&str) + Send + Sync>;

/// Runs an operation to its end, also when the caller goes away in its middle, and streams its steps and its result.
pub(crate) fn answer<E, T, F>(
    step: fn(Step) -> E,
    done: fn(T) -> E,
    operation: impl FnOnce(Hear) -> F,
) -> Response<StepStream<E>>
where
    E: Send + 'static,
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let (sender, receiver) = mpsc::unbounded_channel();
    let steps = sender.clone();
    let hear: Hear = Arc::new(move |name: &str| {
        // A caller that went away hears nothing.
        let _ = steps.send(Ok(step(Step { name: name.to_owned() })));
    });
    let operation = operation(hear);
    tokio::spawn(async move {
        let last = operation.await.map(done).map_err(|error| to_status(&error));
        let _ = sender.send(last);
    });
    Response::new(UnboundedReceiverStream::new(receiver))
}
