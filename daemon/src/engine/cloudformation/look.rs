//! Looking how a stack is.

use std::time::Duration;

use deployer_domain::cloudformation::{DriftDetection, Standing, standing};
use deployer_domain::engine::{Condition, Drift, DriftState, EngineResult, Failure, Health};

use super::{Operation, failed};

/// How long a look for drift may take.
const PATIENCE: Duration = Duration::from_secs(600);

impl Operation<'_> {
    /// How the stack is, with what the last look for drift found.
    pub(super) async fn health(&self) -> EngineResult<Health> {
        let Some(stack) = self.describe().await? else {
            return Ok(Health { condition: Condition::Missing, reason: format!("there is no stack {}", self.name()) });
        };
        let status = stack.status.as_str();
        let because = |text: &str| match stack.reason.as_str() {
            "" => text.to_owned(),
            reason => format!("{text}: {reason}"),
        };
        let (condition, reason) = match standing(Some(status)) {
            Standing::Absent => (Condition::Missing, format!("there is no stack {}", self.name())),
            Standing::Busy => (Condition::Unknown, format!("an operation is under way ({status})")),
            Standing::Stable if status == "UPDATE_ROLLBACK_COMPLETE" => {
                (Condition::Degraded, because("the last update was taken back"))
            }
            Standing::Stable => match &stack.drift {
                Some((drift, at)) if drift == "DRIFTED" => {
                    (Condition::Drifted, format!("it was found changed at {at}; `deployer drift` looks again"))
                }
                _ => (Condition::Healthy, String::new()),
            },
            Standing::NeverMade | Standing::RollbackFailed | Standing::HalfDeleted => {
                (Condition::Degraded, because(status))
            }
        };
        Ok(Health { condition, reason })
    }

    /// Whether the stack is as its template says.
    pub(super) async fn drift(&self) -> EngineResult<Drift> {
        let stack = self.describe().await?;
        let Some(stack) = stack.filter(|stack| standing(Some(&stack.status)) != Standing::Absent) else {
            return Ok(Drift {
                state: DriftState::Missing,
                details: vec![format!("there is no stack {}", self.name())],
            });
        };
        if standing(Some(&stack.status)) == Standing::Busy {
            let why = format!("an operation is under way ({})", stack.status);
            return Ok(Drift { state: DriftState::Unsupported, details: vec![why] });
        }
        let (status, reason) = self.detected(&stack.id).await?;
        match status.as_str() {
            "IN_SYNC" => Ok(Drift { state: DriftState::InSync, details: Vec::new() }),
            "DRIFTED" => {
                let details = self.stacks.drifted(&stack.id).await;
                let details = details.map_err(|error| failed("read the drift of", self.name(), &error))?;
                Ok(Drift { state: DriftState::Drifted, details })
            }
            _ if reason.is_empty() => Ok(Drift { state: DriftState::Unsupported, details: vec![status] }),
            _ => Ok(Drift { state: DriftState::Unsupported, details: vec![reason] }),
        }
    }

    async fn detected(&self, id: &str) -> EngineResult<(String, String)> {
        let look = self.stacks.detect_drift(id).await;
        let look = look.map_err(|error| failed("look for drift of", self.name(), &error))?;
        let begun = tokio::time::Instant::now();
        let mut pause = Duration::from_millis(100);
        while begun.elapsed() < PATIENCE {
            match self.stacks.drift_detection(&look).await {
                Ok(DriftDetection::Done(status, reason)) => return Ok((status, reason)),
                Ok(DriftDetection::Pending) => {}
                Err(error) if error.is_passing() => {}
                Err(error) => return Err(failed("look for drift of", self.name(), &error)),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(Duration::from_secs(3));
        }
        Err(Failure::Failed(format!("the look for drift of {} did not end within {PATIENCE:?}", self.name())))
    }
}
