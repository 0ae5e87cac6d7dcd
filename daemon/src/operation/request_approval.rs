//! What another person is asked to approve: exactly one plan.

use deployer_domain::approval::{APPROVAL_FORMAT, ApprovalRequest, LIFETIME, Person};
use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::name::RunId;
use deployer_domain::plan::{Approved, Plan};
use deployer_domain::run::ShownPlan;

use super::Ports;
use super::authorise::TenantAccess;
use super::blueprint::Blueprint;
use super::proposals::proposals;
use super::record::acting;
use super::start_run::{StartRun, confirmed};

/// What a request is made of.
pub struct RequestApproval<'a> {
    /// The outside world.
    pub ports: &'a Ports,
    /// Who asks.
    pub caller: &'a Caller,
    /// As whom.
    pub access: &'a TenantAccess,
    /// What is planned.
    pub blueprint: &'a Blueprint,
}

impl RequestApproval<'_> {
    /// Makes the request of a run. From now on the run may do exactly this and nothing else.
    pub async fn request(
        &self,
        wanted: &mut StartRun,
        plan: &Plan,
        (run, parallelism): (RunId, usize),
    ) -> Result<ApprovalRequest> {
        let requested_by = Person::of(&acting(&self.access.backend, self.caller).await)?;
        let proposed = proposals(self.ports, self.caller, (self.access, self.blueprint), plan).await?;
        wanted.approved = Approved::of(&proposed.by_component);
        confirmed(wanted, plan)?;
        let digest = wanted.approved.with(&plan.digest);
        (wanted.plan_digest, wanted.accept_changed_plan) = (Some(digest.to_string()), false);
        let mut shown = ShownPlan::of(plan, self.blueprint.operation, Vec::new());
        shown.rollback_to = self.blueprint.rollback_to();
        shown.warnings.extend(proposed.warnings);
        let requested = self.ports.clock.now();
        Ok(ApprovalRequest {
            format_version: APPROVAL_FORMAT,
            run,
            tenant: plan.tenant.clone(),
            stack: plan.stack.clone(),
            environment: plan.environment.clone(),
            operation: self.blueprint.operation,
            requested_by,
            requested,
            expires: requested + LIFETIME,
            digest: digest.to_string(),
            proposals: wanted.approved.clone(),
            plan: shown.proposed(&proposed.by_component, &digest),
            task: self.blueprint.task(self.caller, &wanted.question, parallelism),
        })
    }
}
