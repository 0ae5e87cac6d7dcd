//! The time between the request of a run and another person's decision.

use deployer_domain::approval::{ApprovalRequest, Decision, Person, Standing, Verdict};
use deployer_domain::caller::Caller;
use deployer_domain::change::What;
use deployer_domain::error::{Error, Result};
use deployer_domain::run::Happening;

use super::approvals::{Approvals, Asked};
use super::authorise::TenantAccess;
use super::record::{AuditOf, Recorder, acting};
use super::{Ports, under_lock};
use crate::run::Run;

/// A run that waits for its approval.
pub struct AwaitApproval<'a> {
    /// The outside world.
    pub ports: &'a Ports,
    /// Who asked.
    pub caller: &'a Caller,
    /// As whom.
    pub access: &'a TenantAccess,
    /// The run.
    pub run: &'a Run,
    /// Its documents.
    pub approvals: Approvals,
    /// What it asks.
    pub request: &'a ApprovalRequest,
}

impl AwaitApproval<'_> {
    /// Asks, and waits until it is approved. Fails with the refusal otherwise; one that is cancelled is withdrawn.
    pub async fn approved(&self) -> Result<Decision> {
        self.ask().await?;
        let mut told = false;
        loop {
            match self.approvals.read(self.request.run, self.ports.clock.now()).await {
                Ok(Some(Asked { standing: Standing::Approved, decision: Some(decision), .. })) => {
                    self.tell(Standing::Approved);
                    return Ok(decision);
                }
                Ok(Some(Asked { standing: Standing::Pending, .. })) => {}
                Ok(Some(Asked { standing, decision, .. })) => {
                    self.tell(standing);
                    return Err(self.request.refusal(standing, decision.as_ref()));
                }
                Ok(None) => return Err(self.request.refusal(Standing::Withdrawn, None)),
                // Also with expired credentials: whoever asked may sign in to the cloud again meanwhile.
                Err(error) => {
                    let expired = self.request.standing(None, self.ports.clock.now()) == Standing::Expired;
                    if expired {
                        return Err(error);
                    }
                    tracing::warn!(run = %self.run.id(), %error, "it is not known whether the run is approved");
                }
            }
            if !std::mem::replace(&mut told, true) {
                self.run.tell(Happening::AwaitingApproval {
                    expires: self.request.expires,
                    digest: self.request.digest.clone(),
                });
            }
            tokio::select! {
                () = tokio::time::sleep(self.ports.leases.timing().poll_max) => {}
                () = self.run.cancelled().cancelled() => return Err(self.withdrawn().await),
            }
        }
    }

    async fn ask(&self) -> Result<()> {
        let lock = &self.request;
        let subject = format!("{}/{} run {}", lock.stack, lock.environment, lock.run);
        let of = AuditOf::Tenant(self.access.space.clone());
        let recorder = Recorder::new(&self.access.backend, self.caller, of, "approval.request", &subject).await;
        let intent = recorder.intent(self.ports).await?;
        let asked = self.approvals.ask(self.request).await;
        recorder.result(self.ports, intent, &asked).await;
        if asked.is_ok() {
            self.tell(Standing::Pending);
        }
        asked
    }

    fn tell(&self, standing: Standing) {
        self.ports.changes.tell(What::Approval(self.access.owner(), self.request.run, standing));
    }

    /// A daemon that ends does not withdraw what its user asked for: `run attach` goes on with it.
    async fn withdrawn(&self) -> Error {
        if self.ports.life.ending().is_cancelled() {
            return self.request.refusal(Standing::Pending, None);
        }
        let by = Person::of(&acting(&self.access.backend, self.caller).await);
        let decision = by.and_then(|by| self.request.decide(Verdict::Withdrawn, by, "", self.ports.clock.now()));
        let withdrawn = match decision {
            Ok(decision) => self.approvals.decide(self.request, &decision).await,
            Err(error) => Err(error),
        };
        match withdrawn {
            Ok(()) => self.tell(Standing::Withdrawn),
            Err(error) => tracing::warn!(run = %self.run.id(), %error, "the request was not withdrawn"),
        }
        under_lock::cancelled()
    }
}
