//! Changes on the wire.

use std::time::Duration;

use deployer_domain::change::{Change, LockStanding, What};
use deployer_domain::error::{Error, Reason};
use deployer_domain::lease::HolderState;
use deployer_proto::v1;
use deployer_proto::v1::watch_event::Event;
use deployer_proto::v1::watch_service_server::WatchService;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::Server;
use super::approval::standing_to_proto;
use super::events::run_to_proto;
use super::lock::holder_state_to_proto;
use super::status::to_status;
use crate::operation::watch::{Told, Watch, watch};

/// How many events may wait for a slow reader; the others are kept for it elsewhere.
const WAITING: usize = 16;

#[tonic::async_trait]
impl WatchService for Server {
    type WatchStream = ReceiverStream<Result<v1::WatchEvent, Status>>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let request = request.into_inner();
        let wanted = wanted(&request).map_err(|error| to_status(&error))?;
        let caller = self.caller(request.context)?;
        let mut watching = watch(&self.ports, caller, wanted).await;
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            loop {
                let told = tokio::select! {
                    told = watching.next() => told,
                    () = sender.closed() => return,
                };
                let Some(told) = told else { return };
                if sender.send(Ok(told_to_proto(told))).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

fn wanted(request: &v1::WatchRequest) -> Result<Watch, Error> {
    let after = match request.stream.as_str() {
        "" => None,
        stream => {
            let stream =
                stream.parse().map_err(|_| Error::new(Reason::InvalidRequest, "stream is no id of a stream"))?;
            Some((stream, request.after_sequence))
        }
    };
    let look_every = (request.look_seconds > 0).then(|| Duration::from_secs(request.look_seconds.into()));
    Ok(Watch { after, look_every })
}

fn told_to_proto(told: Told) -> v1::WatchEvent {
    match told {
        Told::Began { stream, sequence, resync } => v1::WatchEvent {
            sequence,
            time: String::new(),
            event: Some(Event::Began(v1::WatchBegan { stream: stream.to_string(), resync })),
        },
        Told::Change(Change { sequence, time, what }) => {
            v1::WatchEvent { sequence, time: format!("{time:.3}"), event: Some(what_to_proto(what)) }
        }
    }
}

fn what_to_proto(what: What) -> Event {
    match what {
        What::Context(name, _) => Event::Context(v1::ContextChanged { name: name.to_string() }),
        What::Current(_, name) => {
            Event::Context(v1::ContextChanged { name: name.map(|name| name.to_string()).unwrap_or_default() })
        }
        What::Run(_, run) => Event::Run(run_to_proto(&run, true)),
        What::Lock(owner, place, standing) => {
            let ours = match standing {
                LockStanding::Ours(state) => Some(state),
                LockStanding::Free | LockStanding::Theirs { .. } => None,
            };
            Event::Lock(v1::LockChanged {
                tenant: owner.tenant.to_string(),
                stack: place.stack.to_string(),
                environment: place.environment.to_string(),
                held: standing != LockStanding::Free,
                holder_state: ours.map(holder_state_to_proto).unwrap_or_default().to_owned(),
                looks_alive: ours.is_some_and(|state| state != HolderState::Lost)
                    || matches!(standing, LockStanding::Theirs { alive: true, .. }),
            })
        }
        What::Approval(owner, run, standing) => Event::Approval(v1::ApprovalChanged {
            tenant: owner.tenant.to_string(),
            run: run.to_string(),
            status: standing_to_proto(standing).into(),
        }),
    }
}
