//! The port to logs that a provider keeps, and a line of a log.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::name::ComponentId;
use crate::object::PortResult;

/// One line of a component's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, by the writer's clock.
    pub time: Timestamp,
    /// Whose it is.
    pub component: ComponentId,
    /// Where it comes from: a log stream of the provider, or `run 01JD…`.
    pub source: String,
    /// Its text without a line end.
    pub text: String,
}

/// One event in a log group of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// Unique within its group.
    pub id: String,
    /// When it happened, by the writer's clock.
    pub time: Timestamp,
    /// The stream within the group.
    pub stream: String,
    /// What was said; may have more than one line.
    pub text: String,
}

/// Log groups with one caller's credentials in one region.
#[async_trait]
pub trait LogGroups: Send + Sync {
    /// Reads events of a group from a moment on, oldest first: some, not necessarily all. A group that is not there has
    /// none.
    async fn read(&self, group: &str, from: Timestamp) -> PortResult<Vec<LogEvent>>;
}
