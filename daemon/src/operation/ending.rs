//! How a run ended, as its watchers are told and its history keeps.

use deployer_domain::error::{Error, Reason};
use deployer_domain::run::{Report, RunFinished, RunStatus};
use deployer_domain::schedule::Stop;

use super::under_lock;
use crate::run::Executed;

/// How a run ended whose plan was carried out as far as that was possible.
pub(super) fn summarise(executed: &Executed) -> RunFinished {
    let (status, error) = match executed.stop {
        Some(Stop::LockLost) => {
            let error = Error::new(Reason::LockLost, "the lock was lost while the run was at work")
                .hint("what was done is kept beside the state; the next run takes it up: apply again");
            (RunStatus::LockLost, Some(error))
        }
        _ if executed.broken.is_some() => (RunStatus::Failed, executed.broken.clone()),
        Some(Stop::Cancelled) => (RunStatus::Cancelled, Some(cancelled(executed))),
        None if executed.failures.is_empty() => (RunStatus::Succeeded, None),
        None => (RunStatus::Failed, Some(failures(executed))),
    };
    RunFinished { status, counts: executed.counts, error: error.as_ref().map(Report::from), ..RunFinished::default() }
}

fn failures(executed: &Executed) -> Error {
    let message = match executed.failures.as_slice() {
        [(component, _)] => format!("{component} failed"),
        several => format!("{} components failed", several.len()),
    };
    with_failures(Error::new(Reason::EngineFailed, message), executed)
        .hint("what was done is recorded: mend it and apply again, the rest follows")
}

fn cancelled(executed: &Executed) -> Error {
    with_failures(under_lock::cancelled(), executed)
        .hint("what was done is recorded: the next apply goes on from there")
}

fn with_failures(mut error: Error, executed: &Executed) -> Error {
    const MOST: usize = 20;
    for (component, why) in executed.failures.iter().take(MOST) {
        error = error.fact(&component.to_string(), why);
    }
    if !executed.skipped.is_empty() {
        let names: Vec<String> = executed.skipped.iter().take(MOST).map(ToString::to_string).collect();
        let more = executed.skipped.len().saturating_sub(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        error = error.fact("Not started", format!("{}{more}", names.join(", ")));
    }
    error
}

/// How a run ended that could not do anything.
pub(super) fn failed(error: &Error) -> RunFinished {
    let status = match error.reason {
        Reason::Cancelled => RunStatus::Cancelled,
        Reason::LockLost => RunStatus::LockLost,
        _ => RunStatus::Failed,
    };
    RunFinished { status, error: Some(Report::from(error)), ..RunFinished::default() }
}
