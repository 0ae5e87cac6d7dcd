//! The one table of exit codes.

use std::io::Write;
use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit(pub u8);

/// All went well.
pub const DONE: Exit = Exit(0);
/// What was asked for failed.
pub const FAILED: Exit = Exit(1);
/// There are changes: only for `plan --detailed-exitcode`.
pub const CHANGES: Exit = Exit(2);
/// The arguments make no sense.
pub const USAGE: Exit = Exit(64);
/// A bug.
pub const INTERNAL: Exit = Exit(70);
/// Ctrl-C.
pub const INTERRUPTED: Exit = Exit(130);

/// The reason for "no daemon answers", which no daemon can send.
pub const UNREACHABLE: &str = "DAEMON_UNREACHABLE";

/// The reason for "the answer could not be written", such as on a full disk.
pub const UNWRITABLE: &str = "OUTPUT_FAILED";

const TABLE: [(&str, Exit); 24] = [
    ("NOT_SIGNED_IN", Exit(4)),
    ("SESSION_EXPIRED", Exit(4)),
    ("INVALID_CREDENTIALS", Exit(4)),
    ("TENANT_SUSPENDED", Exit(7)),
    ("LOCK_HELD", Exit(5)),
    ("LOCK_LOST", Exit(6)),
    ("STATE_CONFLICT", Exit(6)),
    ("PLAN_STALE", Exit(6)),
    ("LIMIT_EXCEEDED", Exit(7)),
    ("APPROVAL_REQUIRED", Exit(7)),
    ("POLICY_DENIED", Exit(7)),
    ("MANIFEST_INVALID", USAGE),
    ("INVALID_REQUEST", USAGE),
    ("NOT_FOUND", Exit(8)),
    ("ALREADY_EXISTS", Exit(6)),
    ("ENGINE_FAILED", FAILED),
    ("BACKEND_UNAVAILABLE", FAILED),
    ("BACKEND_DENIED", FAILED),
    ("PROTOCOL_MISMATCH", Exit(3)),
    ("DAEMON_BUSY", Exit(3)),
    (UNREACHABLE, Exit(3)),
    (UNWRITABLE, FAILED),
    ("CANCELLED", INTERRUPTED),
    ("INTERNAL", INTERNAL),
];

/// Answers the exit code of a reason; one that this release does not know counts as internal.
pub fn of_reason(reason: &str) -> Exit {
    TABLE.iter().find(|(name, _)| *name == reason).map_or(INTERNAL, |(_, exit)| *exit)
}

/// Prints what clap has to say: help and versions are answers, everything else is a usage error.
pub fn of_usage(error: &clap::Error) -> Exit {
    let printed = error.print();
    let flushed = if error.use_stderr() { std::io::stderr().flush() } else { std::io::stdout().flush() };
    match (error.use_stderr(), printed.and(flushed)) {
        (false, _) => DONE,
        (true, _) => USAGE,
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reasons as `error.proto` lists them, read from the contract itself.
    fn reasons_of_the_contract() -> Vec<String> {
        let text = include_str!("../../proto/deployer/v1/error.proto");
        let block = text.lines().filter_map(|line| line.strip_prefix("//   "));
        block.flat_map(str::split_whitespace).map(str::to_owned).collect()
    }

    #[test]
    fn every_reason_of_the_contract_has_its_exit_code() {
        let reasons = reasons_of_the_contract();
        assert_eq!(reasons.len(), 22, "{reasons:?}");
        for reason in &reasons {
            assert!(TABLE.iter().any(|(name, _)| name == reason), "{reason} has no exit code");
        }
        let known = TABLE.iter().filter(|(name, _)| reasons.iter().any(|reason| reason == name)).count();
        assert_eq!(known + 2, TABLE.len(), "the guest has two reasons of its own");
    }

    #[test]
    fn the_whole_table_is_as_promised() {
        let promised = [
            (1, "ENGINE_FAILED BACKEND_UNAVAILABLE BACKEND_DENIED OUTPUT_FAILED"),
            (3, "DAEMON_UNREACHABLE PROTOCOL_MISMATCH DAEMON_BUSY"),
            (4, "NOT_SIGNED_IN SESSION_EXPIRED INVALID_CREDENTIALS"),
            (5, "LOCK_HELD"),
            (6, "STATE_CONFLICT LOCK_LOST PLAN_STALE ALREADY_EXISTS"),
            (7, "TENANT_SUSPENDED LIMIT_EXCEEDED POLICY_DENIED APPROVAL_REQUIRED"),
            (8, "NOT_FOUND"),
            (64, "INVALID_REQUEST MANIFEST_INVALID"),
            (70, "INTERNAL"),
            (130, "CANCELLED"),
        ];
        let mut seen = 0;
        for (code, reasons) in promised {
            for reason in reasons.split(' ') {
                assert_eq!(of_reason(reason), Exit(code), "{reason}");
                seen += 1;
            }
        }
        assert_eq!(seen, TABLE.len());
    }

    #[test]
    fn an_unknown_reason_is_internal() {
        assert_eq!(of_reason("SOMETHING_NEW"), INTERNAL);
    }
}
