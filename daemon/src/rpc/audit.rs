//! The audit on the wire.

use deployer_domain::audit::{AuditEvent, AuditFilter, Phase};
use deployer_domain::error::{Error, Reason, Result};
use deployer_proto::v1;
use deployer_proto::v1::audit_service_server::AuditService;
use jiff::Timestamp;
use tonic::{Request, Response, Status};

use super::Server;
use super::convert::given;
use super::status::to_status;
use crate::operation::list_audit::{AuditWanted, list_audit};

/// How many events are listed unless the caller says otherwise.
const MOST: usize = 1000;

#[tonic::async_trait]
impl AuditService for Server {
    async fn list(
        &self,
        request: Request<v1::ListAuditRequest>,
    ) -> std::result::Result<Response<v1::ListAuditResponse>, Status> {
        let mut request = request.into_inner();
        let caller = self.caller(request.context.take())?;
        let (wanted, filter) = from_proto(request).map_err(|error| to_status(&error))?;
        let events = list_audit(&self.ports, &caller, &wanted, &filter).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::ListAuditResponse { events: events.into_iter().map(event_to_proto).collect() }))
    }
}

fn from_proto(request: v1::ListAuditRequest) -> Result<(AuditWanted, AuditFilter)> {
    let wanted = match request.scope() {
        v1::AuditScope::Platform => AuditWanted::Platform,
        v1::AuditScope::Tenant => AuditWanted::Of(request.tenant.trim().parse()?),
        v1::AuditScope::Own => AuditWanted::Own,
        v1::AuditScope::Unspecified => {
            return Err(Error::new(Reason::InvalidRequest, "scope: whose audit is asked for?"));
        }
    };
    let since = given(request.since).map(|since| since.parse::<Timestamp>()).transpose();
    let since = since.map_err(|error| {
        Error::new(Reason::InvalidRequest, "since is no time").caused_by(error).hint("write 2024-01-15T10:00:00Z")
    })?;
    let limit = if request.limit == 0 { MOST } else { request.limit as usize };
    Ok((wanted, AuditFilter { since, action: request.action, by: request.by, failed: request.failed, limit }))
}

fn event_to_proto(event: AuditEvent) -> v1::AuditEvent {
    let phase = match event.phase {
        Phase::Intent => v1::AuditPhase::Intent,
        Phase::Succeeded => v1::AuditPhase::Succeeded,
        Phase::Failed => v1::AuditPhase::Failed,
    };
    v1::AuditEvent {
        id: event.id.to_string(),
        at: event.at.to_string(),
        action: event.action,
        phase: phase.into(),
        actor: event.actor,
        principal: event.principal.unwrap_or_default(),
        account: event.account.unwrap_or_default(),
        host: event.host,
        subject: event.subject.unwrap_or_default(),
        reason: event.reason.unwrap_or_default(),
        message: event.message.unwrap_or_default(),
    }
}
