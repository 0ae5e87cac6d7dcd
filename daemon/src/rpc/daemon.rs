//! The daemon's own life on the wire: hello, status, doctor, stop. All but doctor are served to callers of every protocol
//! version, because a newer or older caller must be able to find out, and to replace an idle daemon.

use std::time::Instant;

use deployer_domain::finding::{Finding, Verdict};
use deployer_proto::v1;
use deployer_proto::v1::daemon_service_server::DaemonService;
use deployer_proto::v1::{
    CallContext, DaemonStatusRequest, DaemonStatusResponse, DoctorRequest, DoctorResponse, HelloRequest, HelloResponse,
    StopRequest, StopResponse,
};
use tonic::{Request, Response, Status};

use super::status::to_status;
use super::{Server, convert};
use crate::config::SessionStorage;
use crate::operation::doctor::doctor;

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[tonic::async_trait]
impl DaemonService for Server {
    async fn hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let context = request.into_inner().context.unwrap_or_default();
        heard("Hello", &context);
        let guest = context.protocol;
        let config = &self.config;
        convert::protocol(guest, config.protocol, config.oldest_protocol).map_err(|error| to_status(&error))?;
        Ok(Response::new(HelloResponse {
            protocol: config.protocol,
            oldest_protocol: config.oldest_protocol,
            version: VERSION.to_owned(),
        }))
    }

    async fn status(&self, request: Request<DaemonStatusRequest>) -> Result<Response<DaemonStatusResponse>, Status> {
        heard("Status", &request.into_inner().context.unwrap_or_default());
        let config = &self.config;
        // Any name that has no entry asks where the next session would go.
        let place = self.ports.vault.place("status").await;
        let keepers = self.ports.life.keepers();
        let idle = self.ports.life.idle_left(Instant::now());
        Ok(Response::new(DaemonStatusResponse {
            pid: std::process::id(),
            version: VERSION.to_owned(),
            protocol: config.protocol,
            started: self.started.to_string(),
            socket: config.endpoint.socket.display().to_string(),
            state_directory: config.endpoint.state_directory.display().to_string(),
            log_file: crate::log::file(&config.endpoint.state_directory).display().to_string(),
            session_storage: session_storage(config.session_storage, place.lasting).to_owned(),
            active_runs: keepers.runs,
            held_locks: keepers.locks,
            // Rounded up, so that 0 always means that something keeps it alive.
            idle_exit_seconds: idle
                .map_or(0, |left| u32::try_from(left.as_secs()).unwrap_or(u32::MAX).saturating_add(1)),
        }))
    }

    async fn doctor(&self, request: Request<DoctorRequest>) -> Result<Response<DoctorResponse>, Status> {
        let DoctorRequest { context, backend } = request.into_inner();
        let caller = self.caller(context)?;
        let named = backend.map(|backend| convert::backend_from_proto(backend, &caller.cwd));
        let named = named.transpose().map_err(|error| to_status(&error))?;
        let socket = (!self.config.private).then_some(self.config.endpoint.socket.as_path());
        let findings = doctor(&self.ports, &caller, socket, named).await;
        Ok(Response::new(DoctorResponse { findings: findings.into_iter().map(finding_to_proto).collect() }))
    }

    async fn stop(&self, request: Request<StopRequest>) -> Result<Response<StopResponse>, Status> {
        let StopRequest { context, force } = request.into_inner();
        heard("Stop", &context.unwrap_or_default());
        let life = &self.ports.life;
        if !force {
            self.ports.runs.settled().await;
        }
        life.end(force).map_err(|error| to_status(&error))?;
        life.unreachable().cancelled().await;
        Ok(Response::new(StopResponse { pid: std::process::id() }))
    }
}

fn heard(method: &str, context: &CallContext) {
    tracing::debug!(method, client = ?context.client, request = ?context.request_id, "called");
}

fn finding_to_proto(finding: Finding) -> v1::Finding {
    let verdict = match finding.verdict {
        Verdict::Ok => v1::Verdict::Ok,
        Verdict::Warning => v1::Verdict::Warning,
        Verdict::Problem => v1::Verdict::Problem,
    };
    v1::Finding { subject: finding.subject, verdict: verdict.into(), message: finding.message, mends: finding.mends }
}

/// Without a keyring sessions are in memory, whatever was asked for.
fn session_storage(asked: SessionStorage, lasting: bool) -> &'static str {
    match asked {
        SessionStorage::File => "file",
        SessionStorage::Keyring if lasting => "keyring",
        SessionStorage::Keyring | SessionStorage::Memory => "memory",
    }
}
