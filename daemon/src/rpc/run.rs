//! Runs on the wire.

use std::path::PathBuf;
use std::time::Duration;

use deployer_domain::name::{InvalidName, RunId};
use deployer_proto::v1;
use deployer_proto::v1::run_service_server::RunService;
use tonic::{Request, Response, Status};

use super::Server;
use super::convert::given;
use super::events::{EventStream, listed_to_proto, stream};
use super::plans::{approved_from_proto, question_from_proto, target_from_proto};
use super::status::to_status;
use crate::operation::attach_run::{Following, attach_run};
use crate::operation::cancel_run::cancel_run;
use crate::operation::list_runs::list_runs;
use crate::operation::show_run::{WantedRun, show_run};
use crate::operation::start_run::{StartRun, start_run};

#[tonic::async_trait]
impl RunService for Server {
    type StartStream = EventStream;
    type AttachStream = EventStream;

    async fn start(&self, request: Request<v1::StartRunRequest>) -> Result<Response<Self::StartStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let wanted = StartRun {
            question: question_from_proto(request.target, request.options).map_err(|error| to_status(&error))?,
            plan_digest: given(request.plan_digest),
            approved: approved_from_proto(request.proposals).map_err(|error| to_status(&error))?,
            accept_changed_plan: request.accept_changed_plan,
            wait: Duration::from_secs(request.wait_seconds.into()),
            no_delay: request.no_delay,
            plan_file: given(request.plan_file).map(PathBuf::from),
            saved: None,
        };
        let run = start_run(&self.ports, &caller, wanted).await.map_err(|error| to_status(&error))?;
        Ok(stream(Following::Own(run.watch(0))))
    }

    async fn list(&self, request: Request<v1::ListRunsRequest>) -> Result<Response<v1::ListRunsResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let target = target_from_proto(request.target).map_err(|error| to_status(&error))?;
        let limit = (request.limit > 0).then_some(request.limit as usize);
        let runs = list_runs(&self.ports, &caller, &target, limit).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::ListRunsResponse { runs: runs.iter().map(listed_to_proto).collect() }))
    }

    async fn show(&self, request: Request<v1::ShowRunRequest>) -> Result<Response<v1::Run>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let run = show_run(&self.ports, &caller, &wanted(&request.id, request.tenant)?)
            .await
            .map_err(|error| to_status(&error))?;
        Ok(Response::new(listed_to_proto(&run)))
    }

    async fn attach(&self, request: Request<v1::AttachRunRequest>) -> Result<Response<Self::AttachStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let wanted = wanted(&request.id, request.tenant)?;
        let following = attach_run(&self.ports, &caller, &wanted, request.after_sequence).await;
        Ok(stream(following.map_err(|error| to_status(&error))?))
    }

    async fn cancel(&self, request: Request<v1::CancelRunRequest>) -> Result<Response<v1::CancelRunResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let run = cancel_run(&self.ports, &caller, &wanted(&request.id, request.tenant)?)
            .await
            .map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::CancelRunResponse { run: Some(listed_to_proto(&run)) }))
    }
}

fn wanted(id: &str, tenant: String) -> Result<WantedRun, Status> {
    let refused = |invalid: InvalidName| to_status(&invalid.into());
    Ok(WantedRun { id: run_id(id)?, tenant: given(tenant).map(|tenant| tenant.parse()).transpose().map_err(refused)? })
}

/// Read aloud or typed, an id may have small letters; one that is none is shown as it was written.
pub(crate) fn run_id(id: &str) -> Result<RunId, Status> {
    let read = id.trim().to_ascii_uppercase().parse().or_else(|_| id.trim().parse());
    read.map_err(|invalid: InvalidName| to_status(&invalid.into()))
}
