//! Approvals on the wire.

use deployer_domain::approval::{Standing, Verdict};
use deployer_proto::v1;
use deployer_proto::v1::approval_service_server::ApprovalService;
use tonic::{Request, Response, Status};

use super::Server;
use super::convert::given;
use super::events::operation_to_proto;
use super::plans::plan_to_proto;
use super::run::run_id;
use super::status::to_status;
use crate::operation::approvals::Asked;
use crate::operation::decide_approval::{DecideApproval, decide_approval};
use crate::operation::list_approvals::list_approvals;
use crate::operation::show_approval::show_approval;

#[tonic::async_trait]
impl ApprovalService for Server {
    async fn list(
        &self,
        request: Request<v1::ListApprovalsRequest>,
    ) -> Result<Response<v1::ListApprovalsResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let listed = list_approvals(&self.ports, &caller, request.all).await.map_err(|error| to_status(&error))?;
        let approvals =
            listed.asked.into_iter().map(|asked| v1::Approval { plan: None, ..asked_to_proto(asked) }).collect();
        Ok(Response::new(v1::ListApprovalsResponse { approvals, damaged: listed.damaged }))
    }

    async fn show(&self, request: Request<v1::ShowApprovalRequest>) -> Result<Response<v1::Approval>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let run = run_id(&request.run)?;
        let asked = show_approval(&self.ports, &caller, run).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(asked_to_proto(asked)))
    }

    async fn approve(&self, request: Request<v1::DecideApprovalRequest>) -> Result<Response<v1::Approval>, Status> {
        self.decide(request.into_inner(), Verdict::Approved).await
    }

    async fn reject(&self, request: Request<v1::DecideApprovalRequest>) -> Result<Response<v1::Approval>, Status> {
        self.decide(request.into_inner(), Verdict::Rejected).await
    }
}

impl Server {
    async fn decide(
        &self,
        request: v1::DecideApprovalRequest,
        verdict: Verdict,
    ) -> Result<Response<v1::Approval>, Status> {
        let caller = self.caller(request.context)?;
        let (run, digest) = (run_id(&request.run)?, given(request.digest));
        let wanted = DecideApproval { run, verdict, comment: request.comment, digest };
        let asked = decide_approval(&self.ports, &caller, &wanted).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(asked_to_proto(asked)))
    }
}

pub(crate) fn standing_to_proto(standing: Standing) -> v1::ApprovalStatus {
    match standing {
        Standing::Pending => v1::ApprovalStatus::Pending,
        Standing::Approved => v1::ApprovalStatus::Approved,
        Standing::Rejected => v1::ApprovalStatus::Rejected,
        Standing::Withdrawn => v1::ApprovalStatus::Withdrawn,
        Standing::Expired => v1::ApprovalStatus::Expired,
    }
}

fn asked_to_proto(asked: Asked) -> v1::Approval {
    let Asked { request, decision, standing } = asked;
    let mut approval = v1::Approval {
        run: request.run.to_string(),
        tenant: request.tenant.to_string(),
        stack: request.stack.to_string(),
        environment: request.environment.to_string(),
        operation: operation_to_proto(request.operation).into(),
        status: standing_to_proto(standing).into(),
        requested_by: request.requested_by.actor,
        requested_principal: request.requested_by.identity.principal,
        host: request.requested_by.host,
        requested: request.requested.to_string(),
        expires: request.expires.to_string(),
        digest: request.digest,
        plan: Some(plan_to_proto(request.plan)),
        ..v1::Approval::default()
    };
    if let Some(decision) = decision {
        approval.decided_by = decision.by.actor;
        approval.decided_principal = decision.by.identity.principal;
        approval.decided = decision.at.to_string();
        approval.comment = decision.comment;
    }
    approval
}
