//! The one table between the domain's errors and gRPC statuses.

use std::collections::HashMap;

use deployer_domain::error::{Error, Problem, Reason};
use deployer_proto::{ERROR_DOMAIN, ERROR_REPORT_TYPE, v1};
use prost::Message;
use prost_types::Any;
use tonic::{Code, Status};
use tonic_types::pb;

const ERROR_INFO_TYPE: &str = "type.googleapis.com/google.rpc.ErrorInfo";

/// What all details of one status may weigh: HTTP/2 peers refuse trailers over 16 KiB, some over 8.
const MAX_DETAILS: usize = 4096;

/// The longest message of a status; the whole one is in the report.
const MAX_MESSAGE: usize = 512;

/// The gRPC code of each reason.
pub const fn code(reason: Reason) -> Code {
    match reason {
        Reason::NotSignedIn | Reason::SessionExpired | Reason::InvalidCredentials => Code::Unauthenticated,
        Reason::TenantSuspended | Reason::PolicyDenied | Reason::BackendDenied => Code::PermissionDenied,
        Reason::LockHeld | Reason::LockLost | Reason::StateConflict => Code::Aborted,
        Reason::PlanStale | Reason::ApprovalRequired | Reason::ProtocolMismatch | Reason::DaemonBusy => {
            Code::FailedPrecondition
        }
        Reason::LimitExceeded => Code::ResourceExhausted,
        Reason::ManifestInvalid | Reason::InvalidRequest => Code::InvalidArgument,
        Reason::NotFound => Code::NotFound,
        Reason::AlreadyExists => Code::AlreadyExists,
        Reason::EngineFailed => Code::Unknown,
        Reason::BackendUnavailable => Code::Unavailable,
        Reason::Cancelled => Code::Cancelled,
        Reason::Internal => Code::Internal,
    }
}

/// An error as it ends a call.
pub fn to_status(error: &Error) -> Status {
    match error.reason {
        Reason::Internal => tracing::error!(reason = error.reason.as_str(), "{error}"),
        _ => tracing::info!(reason = error.reason.as_str(), "refused: {}", error.message),
    }
    let code = code(error.reason);
    let message = cut(&error.message, MAX_MESSAGE);
    let info = pb::ErrorInfo {
        reason: error.reason.as_str().to_owned(),
        domain: ERROR_DOMAIN.to_owned(),
        metadata: metadata(error),
    };
    let room = MAX_DETAILS.saturating_sub(info.encoded_len());
    let details = pb::Status {
        code: code as i32,
        // Python's grpc_status refuses details whose message differs from the status's own.
        message: message.clone(),
        details: vec![
            Any { type_url: ERROR_INFO_TYPE.to_owned(), value: info.encode_to_vec() },
            Any { type_url: ERROR_REPORT_TYPE.to_owned(), value: fitting(report(error), room).encode_to_vec() },
        ],
    };
    Status::with_details(code, message, details.encode_to_vec().into())
}

/// An error as it travels in a status's details and as the last event of a stream.
pub fn report(error: &Error) -> v1::ErrorReport {
    v1::ErrorReport {
        reason: error.reason.as_str().to_owned(),
        message: error.message.clone(),
        facts: error
            .facts
            .iter()
            .map(|(label, value)| v1::Fact { label: label.clone(), value: value.clone() })
            .collect(),
        causes: error.causes.clone(),
        hints: error.hints.clone(),
        problems: error.problems.iter().map(problem).collect(),
    }
}

/// A place in a file as it travels.
pub fn problem(problem: &Problem) -> v1::Problem {
    v1::Problem {
        file: problem.file.clone(),
        line: problem.line,
        column: problem.column,
        message: problem.message.clone(),
        hint: problem.hint.clone().unwrap_or_default(),
    }
}

/// The facts under keys that a program can use: `Held by` is `held_by`.
fn metadata(error: &Error) -> HashMap<String, String> {
    let key = |label: &str| -> String {
        label.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
    };
    error.facts.iter().take(8).map(|(label, value)| (key(label), cut(value, 128))).collect()
}

/// Cuts a report down until it fits into trailers, and says so.
fn fitting(mut report: v1::ErrorReport, room: usize) -> v1::ErrorReport {
    if report.encoded_len() <= room {
        return report;
    }
    report.message = cut(&report.message, MAX_MESSAGE);
    report.causes.iter_mut().for_each(|cause| *cause = cut(cause, MAX_MESSAGE));
    report.facts.iter_mut().for_each(|fact| fact.value = cut(&fact.value, 128));
    let mut left_out = 0_usize;
    while report.encoded_len() > room.saturating_sub(128) {
        let shortened =
            report.problems.pop().is_some() || report.causes.pop().is_some() || report.facts.pop().is_some();
        if !shortened && report.hints.pop().is_none() {
            break;
        }
        left_out += 1;
    }
    if left_out > 0 {
        report
            .hints
            .push(format!("{left_out} more lines were left out here; `deployer stack validate` shows every problem"));
    }
    report
}

fn cut(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let end = (0..=longest).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(status: &Status) -> (pb::ErrorInfo, v1::ErrorReport) {
        let details = pb::Status::decode(status.details()).unwrap();
        assert_eq!(details.details[0].type_url, ERROR_INFO_TYPE);
        assert_eq!(details.details[1].type_url, ERROR_REPORT_TYPE);
        (
            pb::ErrorInfo::decode(&*details.details[0].value).unwrap(),
            v1::ErrorReport::decode(&*details.details[1].value).unwrap(),
        )
    }

    #[test]
    fn every_reason_has_its_code() {
        use Code as C;
        let table = [
            ("NOT_SIGNED_IN", C::Unauthenticated),
            ("SESSION_EXPIRED", C::Unauthenticated),
            ("INVALID_CREDENTIALS", C::Unauthenticated),
            ("TENANT_SUSPENDED", C::PermissionDenied),
            ("LOCK_HELD", C::Aborted),
            ("LOCK_LOST", C::Aborted),
            ("STATE_CONFLICT", C::Aborted),
            ("PLAN_STALE", C::FailedPrecondition),
            ("LIMIT_EXCEEDED", C::ResourceExhausted),
            ("APPROVAL_REQUIRED", C::FailedPrecondition),
            ("POLICY_DENIED", C::PermissionDenied),
            ("MANIFEST_INVALID", C::InvalidArgument),
            ("INVALID_REQUEST", C::InvalidArgument),
            ("NOT_FOUND", C::NotFound),
            ("ALREADY_EXISTS", C::AlreadyExists),
            ("ENGINE_FAILED", C::Unknown),
            ("BACKEND_UNAVAILABLE", C::Unavailable),
            ("BACKEND_DENIED", C::PermissionDenied),
            ("PROTOCOL_MISMATCH", C::FailedPrecondition),
            ("DAEMON_BUSY", C::FailedPrecondition),
            ("CANCELLED", C::Cancelled),
            ("INTERNAL", C::Internal),
        ];
        assert_eq!(table.len(), Reason::ALL.len());
        for (reason, (name, expected)) in Reason::ALL.into_iter().zip(table) {
            let status = to_status(&Error::new(reason, "it failed"));
            let (info, report) = decoded(&status);
            assert_eq!((status.code(), status.message()), (expected, "it failed"), "{name}");
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (name, "deployer"));
            assert_eq!(report.reason, name);
        }
    }

    #[test]
    fn everything_a_person_should_see_travels() {
        let error = Error::new(Reason::LockHeld, "x/production is locked")
            .fact("Held by", "alice")
            .caused_by("outer")
            .caused_by("inner")
            .hint("wait")
            .problems([Problem { file: "f".into(), line: 1, column: 2, message: "bad".into(), hint: None }]);
        let (info, sent) = decoded(&to_status(&error));
        assert_eq!(info.metadata["held_by"], "alice");
        assert_eq!(sent, report(&error));
        assert_eq!((sent.causes.len(), sent.problems[0].column), (2, 2));
    }

    #[test]
    fn a_huge_error_fits_into_trailers_and_says_so() {
        let problems = (0..5000).map(|line| Problem {
            file: "stack.yaml".into(),
            line,
            column: 1,
            message: "é".repeat(200),
            hint: None,
        });
        let error = Error::new(Reason::ManifestInvalid, "ü".repeat(9000)).problems(problems).hint("fix it");
        let status = to_status(&error);
        assert!(status.message().len() + status.details().len() < 6000);
        let (_, sent) = decoded(&status);
        assert!(!sent.problems.is_empty());
        assert!(sent.hints.last().unwrap().contains("left out"), "{:?}", sent.hints);
    }
}
