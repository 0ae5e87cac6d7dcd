//! Runs: what they are, what happens in them, and how that is recorded.
//!
//! A run is the story of its events. They are appended, never changed; what a run is at a moment ([`RunSummary`]) is
//! what its events up to then say, so every watcher on every machine sees the same. The documents that hold them
//! (`runs/<run>/<first-sequence>.jsonl`) have one event a line.
//!
//! **Invariant:** sequence numbers count from 1 without gaps; the first event is `started`, the last is `finished`,
//! and there is exactly one of each.

mod event;
mod handover;
mod outputs;
mod redact;
mod report;
mod shown;

pub use event::{ComponentEnd, Happening, OutputStream, RunEvent, RunFinished, RunStarted};
pub use handover::{Done, HANDOVER_FORMAT, Handover, Lender, Task};
pub use outputs::{MAX_OUTPUTS, NamedOutput, named_outputs, parse_outputs};
pub use redact::Redactor;
pub use report::{Fact, Report};
pub use shown::{ShownPlan, ShownStep, ValueChange};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::{EnvironmentName, RunId, StackName, TenantId};
use crate::plan;
use crate::state::{Counts, RunResult};

/// The version of the events that this program writes.
pub const EVENT_FORMAT: u32 = 1;

/// What a run was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunOperation {
    /// To make the environment as the file says.
    Apply,
    /// To take everything away.
    Destroy,
    /// To make the environment as an earlier source said.
    Rollback,
    /// To run a command of the user's own under the lock.
    LockRun,
}

impl RunOperation {
    /// The operation as locks, history and people call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Destroy => "destroy",
            Self::Rollback => "rollback",
            Self::LockRun => "lock run",
        }
    }

    /// The operation that history calls so.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Apply, Self::Destroy, Self::Rollback, Self::LockRun].into_iter().find(|known| known.as_str() == name)
    }
}

impl From<plan::Operation> for RunOperation {
    fn from(operation: plan::Operation) -> Self {
        match operation {
            plan::Operation::Apply => Self::Apply,
            plan::Operation::Destroy => Self::Destroy,
        }
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunStatus {
    /// It waits for the lock.
    Waiting,
    /// It is at work.
    Running,
    /// Somebody cancelled it, and what runs is told to stop.
    Cancelling,
    /// Everything was done.
    Succeeded,
    /// Something failed.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// The daemon ended in its middle, and nothing went on.
    Interrupted,
    /// Another holder took the lock over.
    LockLost,
}

impl RunStatus {
    /// Whether it has ended.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running | Self::Cancelling)
    }

    /// The status of a run that history knows.
    pub const fn of(result: RunResult) -> Self {
        match result {
            RunResult::Succeeded => Self::Succeeded,
            RunResult::Failed => Self::Failed,
            RunResult::Cancelled => Self::Cancelled,
            RunResult::Interrupted => Self::Interrupted,
            RunResult::LockLost => Self::LockLost,
        }
    }

    /// How a run that has ended is called in history.
    pub const fn result(self) -> RunResult {
        match self {
            Self::Succeeded => RunResult::Succeeded,
            Self::Cancelled | Self::Cancelling => RunResult::Cancelled,
            Self::Interrupted => RunResult::Interrupted,
            Self::LockLost => RunResult::LockLost,
            Self::Failed | Self::Waiting | Self::Running => RunResult::Failed,
        }
    }
}

/// What a run is at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSummary {
    /// Its id.
    pub id: RunId,
    /// The tenant.
    pub tenant: TenantId,
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// What it was asked to do.
    pub operation: RunOperation,
    /// Where it stands.
    pub status: RunStatus,
    /// Who asked.
    pub actor: String,
    /// From which host.
    pub host: String,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What it did, or is about to do.
    #[serde(default)]
    pub counts: Counts,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl RunSummary {
    /// The run after one more event.
    pub fn take(&mut self, event: &RunEvent) {
        match &event.what {
            Happening::Waiting { .. } | Happening::AwaitingApproval { .. } if !self.status.is_over() => {
                self.status = RunStatus::Waiting;
            }
            Happening::Plan(plan) => {
                self.counts = plan.counts;
                if self.status == RunStatus::Waiting {
                    self.status = RunStatus::Running;
                }
            }
            Happening::Cancelling { .. } if !self.status.is_over() => self.status = RunStatus::Cancelling,
            Happening::Resumed { .. } if !self.status.is_over() => self.status = RunStatus::Running,
            Happening::Finished(finished) => {
                self.status = finished.status;
                self.counts = finished.counts;
                self.ended = Some(event.time);
                self.message = finished.error.as_ref().map(|report| report.message.clone());
            }
            _ => {}
        }
    }

    /// The run that these events tell of; `None` where the first of them is missing.
    pub fn of(events: &[RunEvent]) -> Option<Self> {
        let Happening::Started(started) = &events.first()?.what else { return None };
        let mut summary = started.run.clone();
        events.iter().for_each(|event| summary.take(event));
        Some(summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn summary() -> RunSummary {
        RunSummary {
            id: "01JD0000000000000000000000".parse().unwrap(),
            tenant: "acme-team".parse().unwrap(),
            stack: "shop".parse().unwrap(),
            environment: "dev".parse().unwrap(),
            operation: RunOperation::Apply,
            status: RunStatus::Running,
            actor: "alice@company.com".to_owned(),
            host: "build-7".to_owned(),
            started: "2024-01-15T10:00:00Z".parse().unwrap(),
            ended: None,
            counts: Counts::default(),
            message: None,
        }
    }

    pub(super) fn event(sequence: u64, what: Happening) -> RunEvent {
        RunEvent { sequence, time: "2024-01-15T10:00:01.250Z".parse().unwrap(), what }
    }

    #[test]
    fn a_run_is_what_its_events_say() {
        let finished = RunFinished {
            status: RunStatus::Failed,
            counts: Counts { create: 2, ..Counts::default() },
            error: Some(Report { message: "email.api failed".to_owned(), ..Report::default() }),
            ..RunFinished::default()
        };
        let events = [
            event(1, Happening::Started(RunStarted::new("0.1.0", summary()))),
            event(2, Happening::Waiting { reason: "the lock".to_owned() }),
            event(3, Happening::Resumed { actor: "alice".to_owned() }),
            event(4, Happening::Cancelling { actor: "bob".to_owned() }),
            event(5, Happening::Finished(finished)),
        ];
        let statuses: Vec<RunStatus> = (1..=5).map(|to| RunSummary::of(&events[..to]).unwrap().status).collect();
        let (waiting, failed) = (RunStatus::Waiting, RunStatus::Failed);
        assert_eq!(statuses, [RunStatus::Running, waiting, RunStatus::Running, RunStatus::Cancelling, failed]);
        let whole = RunSummary::of(&events).unwrap();
        assert_eq!((whole.counts.create, whole.message.as_deref()), (2, Some("email.api failed")));
        assert_eq!(whole.ended, Some(events[4].time));
        assert!(RunSummary::of(&events[1..]).is_none());
    }

    #[test]
    fn operations_are_found_by_the_name_that_history_has() {
        for operation in [RunOperation::Apply, RunOperation::Destroy, RunOperation::Rollback, RunOperation::LockRun] {
            assert_eq!(RunOperation::from_name(operation.as_str()), Some(operation));
        }
        assert_eq!(RunOperation::from_name("other"), None);
    }
}
