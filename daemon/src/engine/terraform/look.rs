//! Looking: what an apply would do, and how what is there differs from what was left.

use deployer_domain::engine::{Condition, Drift, DriftState, EngineResult, Health};
use deployer_domain::plan::Proposal;

use super::operation::Operation;

impl Operation<'_> {
    /// What an apply would do.
    pub(super) async fn propose(&self) -> EngineResult<Proposal> {
        self.init().await?;
        Ok(self.planned(&["-lock=false"]).await?.proposal())
    }

    /// Whether all that the state holds is there as it was left.
    pub(super) async fn drift(&self) -> EngineResult<Drift> {
        let snapshot = self.snapshot().await;
        let Some(snapshot) = snapshot else {
            let why = "it has no state".to_owned();
            return Ok(Drift { state: DriftState::Missing, details: vec![why] });
        };
        self.init().await?;
        let planned = self.planned(&["-refresh-only", "-lock=false"]).await?;
        let told = &planned.ended.told;
        let managed = snapshot.addresses().len();
        let state = match planned.is_empty {
            true => DriftState::InSync,
            false if managed > 0 && told.gone() >= managed => DriftState::Missing,
            false => DriftState::Drifted,
        };
        let mut details = if planned.is_empty { Vec::new() } else { told.differences() };
        if !planned.is_empty && details.is_empty() {
            details.extend(told.proposal().resources.iter().map(|change| format!("{} would change", change.name)));
        }
        Ok(Drift { state, details })
    }

    /// The same as a state of health.
    pub(super) async fn health(&self) -> EngineResult<Health> {
        let drift = self.drift().await?;
        let condition = match drift.state {
            DriftState::InSync => Condition::Healthy,
            DriftState::Drifted => Condition::Drifted,
            DriftState::Missing => Condition::Missing,
            DriftState::Unsupported => Condition::Unknown,
        };
        Ok(Health { condition, reason: drift.details.join(", ") })
    }
}
