//! The one error that operations answer with.
//!
//! A guest decides from the [`Reason`] alone, never from the text. The text is for a person: what was attempted, why
//! it failed, what to do next.

use std::fmt;

/// The closed list of reasons; each has one exit code at the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names are the documentation, see the product's table of reasons")]
pub enum Reason {
    NotSignedIn,
    SessionExpired,
    InvalidCredentials,
    TenantSuspended,
    LockHeld,
    LockLost,
    StateConflict,
    PlanStale,
    LimitExceeded,
    ApprovalRequired,
    PolicyDenied,
    ManifestInvalid,
    InvalidRequest,
    NotFound,
    AlreadyExists,
    EngineFailed,
    BackendUnavailable,
    BackendDenied,
    ProtocolMismatch,
    DaemonBusy,
    Cancelled,
    Internal,
}

impl Reason {
    /// Every reason, for tables and their tests.
    pub const ALL: [Self; 22] = [
        Self::NotSignedIn,
        Self::SessionExpired,
        Self::InvalidCredentials,
        Self::TenantSuspended,
        Self::LockHeld,
        Self::LockLost,
        Self::StateConflict,
        Self::PlanStale,
        Self::LimitExceeded,
        Self::ApprovalRequired,
        Self::PolicyDenied,
        Self::ManifestInvalid,
        Self::InvalidRequest,
        Self::NotFound,
        Self::AlreadyExists,
        Self::EngineFailed,
        Self::BackendUnavailable,
        Self::BackendDenied,
        Self::ProtocolMismatch,
        Self::DaemonBusy,
        Self::Cancelled,
        Self::Internal,
    ];

    /// The reason as it travels in `ErrorInfo.reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotSignedIn => "NOT_SIGNED_IN",
            Self::SessionExpired => "SESSION_EXPIRED",
            Self::InvalidCredentials => "INVALID_CREDENTIALS",
            Self::TenantSuspended => "TENANT_SUSPENDED",
            Self::LockHeld => "LOCK_HELD",
            Self::LockLost => "LOCK_LOST",
            Self::StateConflict => "STATE_CONFLICT",
            Self::PlanStale => "PLAN_STALE",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::ApprovalRequired => "APPROVAL_REQUIRED",
            Self::PolicyDenied => "POLICY_DENIED",
            Self::ManifestInvalid => "MANIFEST_INVALID",
            Self::InvalidRequest => "INVALID_REQUEST",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::EngineFailed => "ENGINE_FAILED",
            Self::BackendUnavailable => "BACKEND_UNAVAILABLE",
            Self::BackendDenied => "BACKEND_DENIED",
            Self::ProtocolMismatch => "PROTOCOL_MISMATCH",
            Self::DaemonBusy => "DAEMON_BUSY",
            Self::Cancelled => "CANCELLED",
            Self::Internal => "INTERNAL",
        }
    }
}

/// One thing wrong at one place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file as the user named it.
    pub file: String,
    /// Line, counted from 1; 0 where the whole file is meant.
    pub line: u32,
    /// Column in characters, counted from 1; 0 where the whole line is meant.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What would be right, if that is known.
    pub hint: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
            if self.column > 0 {
                write!(f, ":{}", self.column)?;
            }
        }
        write!(f, ": {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// What an operation answers when it could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The reason that guests decide from.
    pub reason: Reason,
    /// What was attempted and failed, in one line.
    pub message: String,
    /// Further lines as label and value, such as `Held by` and `alice on build-7`.
    pub facts: Vec<(String, String)>,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// The next steps, each a line.
    pub hints: Vec<String>,
    /// Places in files, for [`Reason::ManifestInvalid`] and malformed documents.
    pub problems: Vec<Problem>,
}

impl Error {
    /// Builds an error of a reason with its one-line message.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            facts: Vec::new(),
            causes: Vec::new(),
            hints: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Adds a labelled line.
    #[must_use]
    pub fn fact(mut self, label: &str, value: impl fmt::Display) -> Self {
        self.facts.push((label.to_owned(), value.to_string()));
        self
    }

    /// Adds a cause below the ones already there.
    #[must_use]
    pub fn caused_by(mut self, cause: impl fmt::Display) -> Self {
        self.causes.push(cause.to_string());
        self
    }

    /// Adds a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds places in files.
    #[must_use]
    pub fn problems(mut self, problems: impl IntoIterator<Item = Problem>) -> Self {
        self.problems.extend(problems);
        self
    }

    /// All of it but its places in files in one line, for where there is room for no more.
    pub fn in_one_line(&self) -> String {
        let facts = self.facts.iter().map(|(label, value)| format!(" ({label}: {value})")).collect::<String>();
        let hints = self.hints.iter().map(|hint| format!("; {hint}")).collect::<String>();
        format!("{self}{facts}{hints}")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.causes.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Error {}

impl From<crate::name::InvalidName> for Error {
    fn from(invalid: crate::name::InvalidName) -> Self {
        Self::new(Reason::InvalidRequest, invalid.to_string())
    }
}

/// The result of an operation.
pub type Result<T> = std::result::Result<T, Error>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_distinct_and_spelled_for_the_wire() {
        let names: std::collections::HashSet<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(names.len(), Reason::ALL.len());
        assert!(names.iter().all(|n| n.chars().all(|c| c.is_ascii_uppercase() || c == '_')));
    }

    #[test]
    fn a_problem_names_file_line_and_column() {
        let problem = Problem {
            file: "stack.yaml".to_owned(),
            line: 3,
            column: 7,
            message: "unknown type `sqs`".to_owned(),
            hint: Some("did you mean `sqs-queue`?".to_owned()),
        };
        assert_eq!(problem.to_string(), "stack.yaml:3:7: unknown type `sqs`; did you mean `sqs-queue`?");
    }
}
