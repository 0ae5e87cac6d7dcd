//! Locks on the wire.

use std::time::Duration;

use deployer_domain::error::{Error, Reason};
use deployer_proto::v1;
use deployer_proto::v1::lock_service_server::LockService;
use tonic::{Request, Response, Status};

use super::Server;
use super::events::{EventStream, stream};
use super::plans::target_from_proto;
use super::status::to_status;
use super::steps::StepStream;
use crate::operation::attach_run::Following;
use crate::operation::lock_run::{LockRun, lock_run};

#[tonic::async_trait]
impl LockService for Server {
    type RunStream = EventStream;
    type UnlockStream = StepStream<v1::UnlockEvent>;

    async fn list(&self, request: Request<v1::ListLocksRequest>) -> Result<Response<v1::ListLocksResponse>, Status> {
        self.caller(request.into_inner().context)?;
        Err(not_yet())
    }

    async fn show(&self, request: Request<v1::ShowLockRequest>) -> Result<Response<v1::Lock>, Status> {
        self.caller(request.into_inner().context)?;
        Err(not_yet())
    }

    async fn run(&self, request: Request<v1::LockRunRequest>) -> Result<Response<Self::RunStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let wanted = LockRun {
            target: target_from_proto(request.target).map_err(|error| to_status(&error))?,
            command: request.command,
            wait: Duration::from_secs(request.wait_seconds.into()),
            no_delay: request.no_delay,
        };
        let run = lock_run(&self.ports, &caller, wanted).await.map_err(|error| to_status(&error))?;
        Ok(stream(Following::Own(run.watch(0))))
    }

    async fn unlock(&self, request: Request<v1::UnlockRequest>) -> Result<Response<Self::UnlockStream>, Status> {
        self.caller(request.into_inner().context)?;
        Err(not_yet())
    }
}

fn not_yet() -> Status {
    to_status(&Error::new(Reason::Internal, "this release cannot do that yet"))
}
