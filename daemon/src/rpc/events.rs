//! Runs and their events on the wire.

use deployer_domain::error::Error;
use deployer_domain::run::{
    ComponentEnd, Happening, NamedOutput, OutputStream, Report, RunEvent, RunFinished, RunOperation, RunStatus,
    RunSummary,
};
use deployer_domain::state::{Action, Counts};
use deployer_proto::v1;
use deployer_proto::v1::run_event::Event;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

use super::plans::plan_to_proto;
use super::status::{report, to_status};
use crate::operation::attach_run::Following;
use crate::operation::list_runs::ListedRun;

/// How many events of one stream may wait for their reader.
const WAITING: usize = 16;

/// A stream of run events.
pub(crate) type EventStream = ReceiverStream<Result<v1::RunEvent, Status>>;

/// Streams a run's events to one caller; one that reads slowly costs nothing but its own time.
pub(crate) fn stream(mut following: Following) -> Response<EventStream> {
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        loop {
            let next = tokio::select! {
                next = following.next() => next,
                () = sender.closed() => return,
            };
            let sent = match next {
                Ok(Some(event)) => sender.send(Ok(event_to_proto(event))).await,
                Ok(None) => return,
                Err(error) => sender.send(Err(to_status(&error))).await,
            };
            if sent.is_err() {
                return;
            }
        }
    });
    Response::new(ReceiverStream::new(receiver))
}

pub(crate) fn event_to_proto(event: RunEvent) -> v1::RunEvent {
    v1::RunEvent {
        sequence: event.sequence,
        time: format!("{:.3}", event.time),
        event: Some(happening_to_proto(event.what)),
    }
}

fn happening_to_proto(what: Happening) -> Event {
    match what {
        Happening::Started(started) => Event::Started(v1::RunStarted {
            format_version: started.format_version,
            version: started.version,
            run: Some(run_to_proto(&started.run, true)),
        }),
        Happening::Waiting { reason } => Event::Waiting(v1::RunWaiting { r#for: reason }),
        Happening::AwaitingApproval { digest, expires } => {
            Event::AwaitingApproval(v1::RunAwaitingApproval { digest, expires: expires.to_string() })
        }
        Happening::Approved { actor, comment } => Event::Approved(v1::RunApproved { actor, comment }),
        Happening::Plan(plan) => Event::Plan(plan_to_proto(*plan)),
        Happening::ComponentStarted { component, action } => Event::ComponentStarted(v1::ComponentStarted {
            component: component.to_string(),
            action: action_to_proto(action).into(),
        }),
        Happening::ComponentProgress { component, message } => {
            Event::ComponentProgress(v1::ComponentProgress { component: component.to_string(), message })
        }
        Happening::ComponentOutput { component, stream, line } => Event::ComponentOutput(v1::ComponentOutput {
            component: component.map(|component| component.to_string()).unwrap_or_default(),
            stream: stream_to_proto(stream).into(),
            line,
        }),
        Happening::ComponentFinished { component, action, result, reason, duration_ms } => {
            Event::ComponentFinished(v1::ComponentFinished {
                component: component.to_string(),
                action: action_to_proto(action).into(),
                result: result_to_proto(result).into(),
                reason,
                duration_ms: short(duration_ms),
            })
        }
        Happening::LeaseChanged { state, message } => Event::LeaseChanged(v1::LeaseChanged { state, message }),
        Happening::Resumed { actor } => Event::Resumed(v1::RunResumed { actor }),
        Happening::Cancelling { actor } => Event::Cancelling(v1::RunCancelling { actor }),
        Happening::Finished(finished) => Event::Finished(finished_to_proto(finished)),
    }
}

fn finished_to_proto(finished: RunFinished) -> v1::RunFinished {
    v1::RunFinished {
        status: status_to_proto(finished.status).into(),
        counts: Some(counts_to_proto(finished.counts)),
        duration_ms: short(finished.duration_ms),
        history_number: short(finished.history_number),
        error: finished.error.map(report_to_proto),
        exit_code: finished.exit_code,
        outputs: finished.outputs.into_iter().map(output_to_proto).collect(),
    }
}

fn report_to_proto(kept: Report) -> v1::ErrorReport {
    let reason = kept.reason.clone();
    // A reason of a later release keeps its name.
    v1::ErrorReport { reason, ..report(&Error::from(kept)) }
}

pub(crate) fn listed_to_proto(listed: &ListedRun) -> v1::Run {
    run_to_proto(&listed.run, listed.owned)
}

pub(crate) fn run_to_proto(run: &RunSummary, owned: bool) -> v1::Run {
    v1::Run {
        id: run.id.to_string(),
        tenant: run.tenant.to_string(),
        stack: run.stack.to_string(),
        environment: run.environment.to_string(),
        operation: operation_to_proto(run.operation).into(),
        status: status_to_proto(run.status).into(),
        actor: run.actor.clone(),
        host: run.host.clone(),
        started: format!("{:.3}", run.started),
        ended: run.ended.map(|ended| format!("{ended:.3}")).unwrap_or_default(),
        counts: Some(counts_to_proto(run.counts)),
        message: run.message.clone().unwrap_or_default(),
        owned,
    }
}

pub(crate) fn output_to_proto(output: NamedOutput) -> v1::NamedOutput {
    v1::NamedOutput { component: output.component, name: output.name, value: output.value, sensitive: output.sensitive }
}

pub(crate) fn counts_to_proto(counts: Counts) -> v1::PlanCounts {
    v1::PlanCounts {
        create: counts.create,
        update: counts.update,
        replace: counts.replace,
        delete: counts.delete,
        unchanged: counts.unchanged,
    }
}

pub(crate) fn operation_to_proto(operation: RunOperation) -> v1::Operation {
    match operation {
        RunOperation::Apply => v1::Operation::Apply,
        RunOperation::Destroy => v1::Operation::Destroy,
        RunOperation::Rollback => v1::Operation::Rollback,
        RunOperation::LockRun => v1::Operation::LockRun,
    }
}

pub(crate) fn action_to_proto(action: Action) -> v1::Action {
    match action {
        Action::None => v1::Action::None,
        Action::Create => v1::Action::Create,
        Action::Update => v1::Action::Update,
        Action::Replace => v1::Action::Replace,
        Action::Delete => v1::Action::Delete,
    }
}

fn status_to_proto(status: RunStatus) -> v1::RunStatus {
    match status {
        RunStatus::Waiting => v1::RunStatus::Waiting,
        RunStatus::Running => v1::RunStatus::Running,
        RunStatus::Cancelling => v1::RunStatus::Cancelling,
        RunStatus::Succeeded => v1::RunStatus::Succeeded,
        RunStatus::Failed => v1::RunStatus::Failed,
        RunStatus::Cancelled => v1::RunStatus::Cancelled,
        RunStatus::Interrupted => v1::RunStatus::Interrupted,
        RunStatus::LockLost => v1::RunStatus::LockLost,
    }
}

fn result_to_proto(result: ComponentEnd) -> v1::ComponentResult {
    match result {
        ComponentEnd::Succeeded => v1::ComponentResult::Succeeded,
        ComponentEnd::Failed => v1::ComponentResult::Failed,
        ComponentEnd::Skipped => v1::ComponentResult::Skipped,
        ComponentEnd::Cancelled => v1::ComponentResult::Cancelled,
    }
}

fn stream_to_proto(stream: OutputStream) -> v1::OutputStream {
    match stream {
        OutputStream::Stdout => v1::OutputStream::Stdout,
        OutputStream::Stderr => v1::OutputStream::Stderr,
    }
}

/// A number that the wire has 32 bits for.
pub(crate) fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
