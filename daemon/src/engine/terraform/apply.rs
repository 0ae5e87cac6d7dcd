//! Making a module so, and taking away what it made.

use std::time::Instant;

use deployer_domain::engine::{EngineResult, Failure};
use deployer_domain::plan::{Outcome, Proposal};
use deployer_domain::terraform::Snapshot;

use super::command::Ended;
use super::operation::Operation;

impl Operation<'_> {
    /// Creates or updates what the module describes.
    pub(super) async fn apply(&self) -> EngineResult<Outcome> {
        let begun = Instant::now();
        self.init().await?;
        self.pass_gate().await?;
        let changed = match self.engine.approved.0.get(self.id) {
            Some(approved) => self.apply_approved(approved).await?,
            // Nobody was shown anything, so one command does both.
            None => {
                let ended = self.run(&["apply", "-json", "-input=false", "-auto-approve", &self.variables()]).await?;
                self.success(ended).await?.told.changes()
            }
        };
        self.outcome(begun, !changed).await
    }

    /// Applies exactly the plan that was shown, or refuses; answers whether there was anything to do.
    async fn apply_approved(&self, approved: &str) -> EngineResult<bool> {
        let planned = self.planned(&[]).await?;
        if planned.proposal().digest() != approved {
            return Err(Failure::Failed(
                "Terraform would do something else now than what was confirmed: plan again, and look at it".to_owned(),
            ));
        }
        if planned.is_empty {
            return Ok(false);
        }
        self.pass_gate().await?;
        let ended = self.run(&["apply", "-json", "-input=false", &self.room.plan().display().to_string()]).await?;
        self.success(ended).await?;
        Ok(true)
    }

    /// Deletes everything that the state holds.
    pub(super) async fn remove(&self) -> EngineResult<()> {
        if self.snapshot().await.is_none_or(|snapshot| !snapshot.is_encrypted() && snapshot.addresses().is_empty()) {
            return Ok(());
        }
        self.init().await?;
        self.pass_gate().await?;
        let ended =
            self.run(&["apply", "-destroy", "-json", "-input=false", "-auto-approve", &self.variables()]).await?;
        self.success(ended).await.map(drop)
    }

    /// Makes a plan and keeps it in the room.
    pub(super) async fn planned(&self, more: &[&str]) -> EngineResult<Planned> {
        let out = format!("-out={}", self.room.plan().display());
        let variables = self.variables();
        let arguments = ["plan", "-json", "-input=false", "-detailed-exitcode", &out, &variables];
        let ended = self.run(&[&arguments, more].concat()).await?.success(&self.engine.redactor)?;
        Ok(Planned { is_empty: ended.code == 0, ended })
    }

    pub(super) fn variables(&self) -> String {
        format!("-var-file={}", self.room.variables().display())
    }

    /// A command that failed because its state is another's now was cut off.
    async fn success(&self, ended: Ended) -> EngineResult<Ended> {
        if ended.code != 0 && self.state.orphan().await.is_some() {
            return Err(Failure::CutOff);
        }
        ended.success(&self.engine.redactor)
    }

    pub(super) async fn snapshot(&self) -> Option<Snapshot> {
        self.state.content().await.as_deref().map(Snapshot::read)
    }

    async fn outcome(&self, begun: Instant, unchanged: bool) -> EngineResult<Outcome> {
        let snapshot = self.snapshot().await.unwrap_or_default();
        if snapshot.is_encrypted() {
            self.tell("its state is encrypted by OpenTofu, so its outputs are not recorded");
        }
        let (outputs, withheld) = snapshot.outputs(&self.engine.redactor);
        withheld.iter().for_each(|why| self.tell(why));
        let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(Outcome { outputs, resources: snapshot.resources(), duration_ms, unchanged })
    }
}

/// A plan that lies in the room.
pub(super) struct Planned {
    pub is_empty: bool,
    pub ended: Ended,
}

impl Planned {
    /// What it would do.
    pub fn proposal(&self) -> Proposal {
        if self.is_empty { Proposal::default() } else { self.ended.told.proposal() }
    }
}
