//! Approves or rejects what another person wants to run.

use deployer_domain::approval::{Decision, Person, Verdict};
use deployer_domain::caller::Caller;
use deployer_domain::change::What;
use deployer_domain::error::Result;
use deployer_domain::name::RunId;

use super::approvals::{self, Approvals, Asked};
use super::record::{AuditOf, Recorder};
use super::view::View;
use super::{Ports, authorise};

/// What a caller decides.
#[derive(Debug, Clone)]
pub struct DecideApproval {
    /// About which run.
    pub run: RunId,
    /// What.
    pub verdict: Verdict,
    /// Why; may be empty.
    pub comment: String,
    /// The digest of the plan that was looked at; none where the caller has not looked.
    pub digest: Option<String>,
}

/// Decides. A refusal is recorded in the audit too.
pub async fn decide_approval(ports: &Ports, caller: &Caller, wanted: &DecideApproval) -> Result<Asked> {
    let access = authorise::tenant(ports, caller).await?;
    let found = approvals::find(&View::from(&access), wanted.run, ports.clock.now()).await?;
    let (space, asked) = found.ok_or_else(|| approvals::none(wanted.run))?;
    let request = asked.request;
    let action = match wanted.verdict {
        Verdict::Approved => "approval.approve",
        Verdict::Rejected => "approval.reject",
        Verdict::Withdrawn => "approval.withdraw",
    };
    let subject = format!("{}/{} run {}", request.stack, request.environment, request.run);
    let of = AuditOf::Tenant(access.space.clone());
    let recorder = Recorder::new(&access.backend, caller, of, action, &subject).await;
    let now = ports.clock.now();
    let decision = Person::of(recorder.who()).and_then(|by| {
        if let Some(earlier) = &asked.decision {
            return Err(request.decided(earlier));
        }
        request.seen(wanted.digest.as_deref())?;
        request.decide(wanted.verdict, by, &wanted.comment, now)
    });
    let decision: Decision = match decision {
        Ok(decision) => decision,
        Err(error) => {
            let refused: Result<()> = Err(error.clone());
            recorder.note(ports, &refused).await;
            return Err(error);
        }
    };
    let intent = recorder.intent(ports).await?;
    let decided = Approvals::new(&access.backend, &space).decide(&request, &decision).await;
    recorder.result(ports, intent, &decided).await;
    decided?;
    let standing = request.standing(Some(&decision), now);
    ports.changes.tell(What::Approval(access.owner(), request.run, standing));
    Ok(Asked { request, decision: Some(decision), standing })
}
