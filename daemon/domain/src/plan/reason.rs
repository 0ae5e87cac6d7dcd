//! Why a step does what it does, in words for a person.

use std::fmt;

use crate::expression::Shown;
use crate::name::ComponentId;

/// Why a step does what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepReason {
    /// It is not deployed yet.
    New,
    /// Something that goes into it changed.
    Changed(Change),
    /// It is no longer in the stack file.
    Removed,
    /// Everything is to go.
    Destroy,
    /// Its last operation failed.
    Failed,
    /// Its last operation was cut off.
    Interrupted,
    /// Somebody asked for it with `--replace`.
    Requested,
    /// Its type is another one now; this was it.
    TypeChanged(String),
    /// It is to be in another region now; this was it.
    Moved(String),
    /// It is kept because of `onDestroy: retain`.
    Retained,
    /// It is kept because this component is kept and depends on it.
    NeededBy(ComponentId),
    /// It is kept because this component, which is not selected, still uses it.
    InUseBy(ComponentId),
    /// Nothing runs, only the record of it changes; this is what.
    Recorded(&'static str),
}

/// One part of a component's inputs that differs from what is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The part, such as `apply`, `environment.VERSION` or `inputs migrations/**`.
    pub part: String,
    /// Its value as deployed, where it has one that can be shown.
    pub before: Option<Shown>,
    /// Its value as wanted, where it has one that can be shown.
    pub after: Option<Shown>,
}

impl Change {
    /// Whether it is only supposed to change because a value is not known yet.
    pub fn is_unknown(&self) -> bool {
        self.after == Some(Shown::Unknown)
    }
}

impl fmt::Display for StepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("not deployed yet"),
            Self::Changed(change) => change.fmt(f),
            Self::Removed => f.write_str("no longer in the stack file"),
            Self::Destroy => f.write_str("destroy"),
            Self::Failed => f.write_str("the last run failed here"),
            Self::Interrupted => f.write_str("its last operation has not finished"),
            Self::Requested => f.write_str("asked for with --replace"),
            Self::TypeChanged(was) => write!(f, "type changed, it was {was}"),
            Self::Moved(was) => write!(f, "region changed, it was {was}"),
            Self::Retained => f.write_str("kept (onDestroy: retain)"),
            Self::NeededBy(component) => write!(f, "kept: {component}, which is kept, depends on it"),
            Self::InUseBy(component) => write!(f, "kept: {component}, which is not selected, still uses it"),
            Self::Recorded(what) => write!(f, "only {what} changed: nothing runs"),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.part)?;
        match (&self.before, &self.after) {
            (Some(before), Some(after)) if before == after => f.write_str(" changed"),
            (Some(before), Some(after)) => write!(f, ": {before} -> {after}"),
            (None, Some(after)) => write!(f, ": {after}"),
            (Some(_), None) => f.write_str(" removed"),
            (None, None) => f.write_str(" changed"),
        }
    }
}
