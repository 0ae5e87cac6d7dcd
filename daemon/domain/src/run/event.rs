//! What happens in a run, in the shape in which it is kept: `{"sequence":3,"time":"…","componentStarted":{…}}`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EVENT_FORMAT, NamedOutput, Report, RunStatus, RunSummary, ShownPlan};
use crate::json;
use crate::name::ComponentId;
use crate::state::{Action, Counts};

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunEvent {
    /// Counted from 1 without gaps.
    pub sequence: u64,
    /// When, by the daemon's clock.
    pub time: Timestamp,
    /// What.
    #[serde(flatten)]
    pub what: Happening,
}

impl RunEvent {
    /// Whether it is the last event of its run.
    pub fn is_last(&self) -> bool {
        matches!(self.what, Happening::Finished(_))
    }

    /// The event as a line, with its line end.
    pub fn to_line(&self) -> Vec<u8> {
        let mut line = json::compact(self).unwrap_or_default();
        line.push(b'\n');
        line
    }

    /// Reads an event from its line.
    pub fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }
}

impl Happening {
    /// Whether the run may be another one to those who look at it from outside: see
    /// [`RunSummary::take`](super::RunSummary::take).
    pub fn may_change_summary(&self) -> bool {
        matches!(
            self,
            Self::Waiting { .. }
                | Self::AwaitingApproval { .. }
                | Self::Plan(_)
                | Self::Cancelling { .. }
                | Self::Resumed { .. }
                | Self::Finished(_)
        )
    }
}

/// What can happen in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Happening {
    /// It started; always the first.
    Started(RunStarted),
    /// It waits.
    Waiting {
        /// What for.
        #[serde(rename = "for")]
        reason: String,
    },
    /// It waits for another person's approval.
    AwaitingApproval {
        /// The digest of the plan that is to be approved.
        digest: String,
        /// Until when.
        expires: Timestamp,
    },
    /// Another person approved it.
    Approved {
        /// Who.
        actor: String,
        /// What they said; may be empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        comment: String,
    },
    /// What will be done, as planned under the lock.
    Plan(Box<ShownPlan>),
    /// An engine was asked.
    ComponentStarted {
        /// The component.
        component: ComponentId,
        /// To do what.
        action: Action,
    },
    /// The engine told something new.
    ComponentProgress {
        /// The component.
        component: ComponentId,
        /// What it told.
        message: String,
    },
    /// A command printed a line.
    ComponentOutput {
        /// The component; none for the command of `lock run`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        component: Option<ComponentId>,
        /// Where it printed.
        stream: OutputStream,
        /// The line without its end, sensitive values masked.
        line: String,
    },
    /// A component's turn is over.
    ComponentFinished {
        /// The component.
        component: ComponentId,
        /// What was to be done.
        action: Action,
        /// What became of it.
        result: ComponentEnd,
        /// Why it did not succeed.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
        /// How long it took.
        duration_ms: u64,
    },
    /// The lease is not simply held any more, or is again.
    LeaseChanged {
        /// `HELD`, `SUSPECT`, `FENCED` or `LOST`.
        state: String,
        /// What follows from it.
        message: String,
    },
    /// Its daemon had ended in its middle; another one goes on.
    Resumed {
        /// Who lends it credentials and an environment from now on.
        actor: String,
    },
    /// Somebody cancelled it.
    Cancelling {
        /// Who.
        actor: String,
    },
    /// It ended; always the last.
    Finished(RunFinished),
}

/// How a run begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunStarted {
    /// [`EVENT_FORMAT`].
    #[serde(default)]
    pub format_version: u32,
    /// The release of the daemon that runs it.
    pub version: String,
    /// The run.
    pub run: RunSummary,
}

impl RunStarted {
    /// A run of this release begins.
    pub fn new(version: &str, run: RunSummary) -> Self {
        Self { format_version: EVENT_FORMAT, version: version.to_owned(), run }
    }
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunFinished {
    /// How.
    pub status: RunStatus,
    /// What was done.
    #[serde(default)]
    pub counts: Counts,
    /// How long it took.
    #[serde(default)]
    pub duration_ms: u64,
    /// The history document that records it; 0: none.
    #[serde(default)]
    pub history_number: u64,
    /// Why it did not succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Report>,
    /// The exit code of the command of `lock run`.
    #[serde(default)]
    pub exit_code: i32,
    /// The outputs after it.
    #[serde(default)]
    pub outputs: Vec<NamedOutput>,
}

impl Default for RunFinished {
    fn default() -> Self {
        Self {
            status: RunStatus::Succeeded,
            counts: Counts::default(),
            duration_ms: 0,
            history_number: 0,
            error: None,
            exit_code: 0,
            outputs: Vec::new(),
        }
    }
}

/// What became of a component in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ComponentEnd {
    /// It was done.
    Succeeded,
    /// It failed.
    Failed,
    /// Something it depends on failed, or the run ended before it.
    Skipped,
    /// It was cut off because the run was cancelled.
    Cancelled,
}

/// Where a line was printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

#[cfg(test)]
mod tests {
    use super::super::tests::{event, summary};
    use super::*;

    #[test]
    fn events_are_read_back_as_they_are_written() {
        let component: ComponentId = "email.queue".parse().unwrap();
        let happenings = [
            Happening::Started(RunStarted::new("0.1.0", summary())),
            Happening::Waiting { reason: "the lock".to_owned() },
            Happening::ComponentStarted { component: component.clone(), action: Action::Create },
            Happening::ComponentOutput { component: None, stream: OutputStream::Stderr, line: "x\u{1b}".to_owned() },
            Happening::ComponentFinished {
                component,
                action: Action::Create,
                result: ComponentEnd::Failed,
                reason: "exit code 1".to_owned(),
                duration_ms: 12,
            },
            Happening::Resumed { actor: "alice".to_owned() },
            Happening::Finished(RunFinished::default()),
        ];
        for (at, what) in happenings.into_iter().enumerate() {
            let event = event(at as u64 + 1, what);
            let line = event.to_line();
            assert_eq!(line.iter().filter(|&&byte| byte == b'\n').count(), 1);
            assert_eq!(RunEvent::parse(&line).unwrap(), event);
        }
    }

    #[test]
    fn an_event_of_the_first_release_is_read() {
        let line = br#"{"sequence":3,"time":"2024-01-15T10:00:01.25Z","componentOutput":{"component":"a.b","stream":"stdout","line":"hello"}}"#;
        let event = RunEvent::parse(line).unwrap();
        assert!(
            matches!(event.what, Happening::ComponentOutput { component: Some(_), ref line, .. } if line == "hello")
        );
        let finished = br#"{"sequence":4,"time":"2024-01-15T10:00:02Z","finished":{"status":"succeeded"}}"#;
        assert!(RunEvent::parse(finished).unwrap().is_last());
    }
}
