//! How errors look: what was attempted, the facts, the causes, and the next command.

use std::io::Write;

use deployer_proto::ERROR_REPORT_TYPE;
use deployer_proto::v1::{ErrorReport, Fact, Problem};
use prost::Message;
use tonic::Code;
use tonic_types::StatusExt;

use crate::exit::{self, Exit};
use crate::output::escape;
use crate::output::paint;

/// Why a command did not do what it was asked for.
#[derive(Debug, Clone)]
pub struct Report {
    error: Box<ErrorReport>,
    ending: Ending,
}

/// Endings that are no errors to be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The report is printed and its reason decides.
    Explained,
    /// Everything was said already.
    Silent(Exit),
}

impl Report {
    /// Creates a report; `reason` is one of the contract's or [`exit::UNREACHABLE`].
    pub fn new(reason: &str, message: impl Into<String>) -> Self {
        let error = ErrorReport { reason: reason.to_owned(), message: message.into(), ..Default::default() };
        Self { error: Box::new(error), ending: Ending::Explained }
    }

    /// Creates the report of arguments that make no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new("INVALID_REQUEST", message)
    }

    /// Creates the report of a bug.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("INTERNAL", message)
    }

    /// Creates the report of a daemon that does not answer.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(exit::UNREACHABLE, message)
    }

    /// Ends without another word: Ctrl-C, or what a person was told already.
    pub fn silent(exit: Exit) -> Self {
        Self { error: Box::default(), ending: Ending::Silent(exit) }
    }

    /// Whether it is about this flag: `label` says how, such as `Missing`.
    pub fn is_about(&self, label: &str, flag: &str) -> bool {
        self.error.facts.iter().any(|fact| fact.label == label && fact.value == flag)
    }

    /// Adds a labelled value.
    #[must_use]
    pub fn fact(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.error.facts.push(Fact { label: label.into(), value: value.into() });
        self
    }

    /// Adds a cause, outermost first.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<String>) -> Self {
        self.error.causes.push(cause.into());
        self
    }

    /// Adds a next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.error.hints.push(hint.into());
        self
    }

    /// The reason that decides.
    pub fn reason(&self) -> &str {
        &self.error.reason
    }

    /// What travels and what is printed as JSON; nothing for a silent ending.
    pub fn error(&self) -> Option<&ErrorReport> {
        (self.ending == Ending::Explained).then_some(&*self.error)
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self.ending {
            Ending::Explained => exit::of_reason(&self.error.reason),
            Ending::Silent(exit) => exit,
        }
    }
}

/// The report as people read it; empty for none.
pub fn render(error: &ErrorReport) -> String {
    let mut text = headline(error);
    for fact in &error.facts {
        text.push_str(&indented(&format!("{}: {}", fact.label, fact.value)));
    }
    for problem in &error.problems {
        text.push_str(&indented(&problem_line(problem)));
    }
    for cause in &error.causes {
        text.push_str(&indented(&format!("Caused by: {cause}")));
    }
    let label = if is_refused_sign_in(error) { "" } else { "Hint: " };
    for hint in &error.hints {
        text.push_str(&indented(&format!("{label}{hint}")));
    }
    text
}

/// A refused sign-in keeps the words that teams know from the reference.
fn is_refused_sign_in(error: &ErrorReport) -> bool {
    error.reason == "INVALID_CREDENTIALS" && error.message.starts_with("Authentication failed")
}

fn headline(error: &ErrorReport) -> String {
    let prefix = if is_refused_sign_in(error) { "" } else { "Error: " };
    let mut lines = error.message.lines();
    let first = lines.next().unwrap_or("something failed");
    let mut text = paint::red(format!("✗ {prefix}{}", escape::line(first)));
    text.push('\n');
    lines.for_each(|line| text.push_str(&indented(line)));
    text
}

/// `file:line:column: what is wrong; what would be right`.
pub fn problem_line(problem: &Problem) -> String {
    let mut text = problem.file.clone();
    for position in [problem.line, problem.column].iter().take_while(|position| **position > 0) {
        text.push_str(&format!(":{position}"));
    }
    text.push_str(&format!(": {}", problem.message));
    if !problem.hint.is_empty() {
        text.push_str(&format!("; {}", problem.hint));
    }
    text
}

fn indented(text: &str) -> String {
    let mut lines = String::new();
    for (number, line) in text.lines().enumerate() {
        let indent = if number == 0 { "  " } else { "    " };
        lines.push_str(&format!("{indent}{}\n", escape::line(line)));
    }
    lines
}

impl From<ErrorReport> for Report {
    fn from(error: ErrorReport) -> Self {
        Self { error: Box::new(error), ending: Ending::Explained }
    }
}

impl From<tonic::Status> for Report {
    fn from(status: tonic::Status) -> Self {
        match sent_report(&status) {
            Some(error) => Self::from(error),
            None => without_report(&status),
        }
    }
}

fn sent_report(status: &tonic::Status) -> Option<ErrorReport> {
    let details = tonic_types::pb::Status::decode(status.details()).ok()?.details;
    let packed = details.iter().find(|any| any.type_url == ERROR_REPORT_TYPE)?;
    ErrorReport::decode(packed.value.as_slice()).ok()
}

/// What the transport itself says, or a daemon that is not ours.
fn without_report(status: &tonic::Status) -> Report {
    if let Some(info) = status.get_details_error_info() {
        return Report::new(&info.reason, status.message());
    }
    match status.code() {
        Code::Unavailable | Code::Unknown | Code::Aborted => {
            Report::unreachable("the daemon went away during the call")
                .caused_by(status.message())
                .hint("run the command again; `deployer daemon logs` shows what happened")
        }
        Code::Cancelled => Report::internal("the daemon broke off the call")
            .caused_by(status.message())
            .hint("`deployer daemon logs` shows what happened"),
        Code::Unimplemented => Report::new("PROTOCOL_MISMATCH", "the daemon does not know this command")
            .hint("restart it with this release: `deployer daemon restart`"),
        Code::PermissionDenied => Report::unreachable("the daemon refuses to talk to this user")
            .caused_by(status.message())
            .hint("each user has a daemon of their own; check DEPLOYER_SOCKET"),
        Code::InvalidArgument => Report::usage(status.message()),
        Code::OutOfRange | Code::ResourceExhausted => {
            Report::internal("the daemon's answer is too large").caused_by(status.message())
        }
        code => Report::internal(format!("the daemon failed ({code:?})")).caused_by(status.message()),
    }
}

/// Replaces the backtrace of a bug by a short report and exit code 70.
pub fn install_panic_hook() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("no message");
        let text = format!(
            "{}\n  Caused by: {}{place}\n  Hint: this is a bug in deployer; please report these lines\n",
            "Error: deployer stopped because of a bug", what
        );
        let _closed = std::io::stderr().write_all(text.as_bytes());
        std::process::exit(i32::from(exit::INTERNAL.0));
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(report: Report) -> String {
        crate::output::paint::Look::plain().finish(&render(report.error().unwrap()))
    }

    fn locked() -> Report {
        Report::new("LOCK_HELD", "notification-platform/production is locked")
            .fact("Held by", "alice@company.com on build-7, run 01JD (apply), for 12m 4s")
            .fact("Last heartbeat", "3s ago (alive)")
            .hint("wait with --wait 30m, watch with `deployer run attach 01JD`")
    }

    #[test]
    fn an_error_names_the_facts_and_the_next_command() {
        let text = plain(locked());
        assert_eq!(
            text,
            "✗ Error: notification-platform/production is locked\n\
             \x20 Held by: alice@company.com on build-7, run 01JD (apply), for 12m 4s\n\
             \x20 Last heartbeat: 3s ago (alive)\n\
             \x20 Hint: wait with --wait 30m, watch with `deployer run attach 01JD`\n"
        );
        assert_eq!(locked().exit(), Exit(5));
    }

    #[test]
    fn a_refused_sign_in_keeps_the_words_of_the_reference() {
        let report = Report::new("INVALID_CREDENTIALS", "Authentication failed: Invalid credentials")
            .hint("Credentials may have been rotated. Contact your admin.");
        assert_eq!(
            plain(report),
            "✗ Authentication failed: Invalid credentials\n  Credentials may have been rotated. Contact your admin.\n"
        );
    }

    #[test]
    fn a_problem_names_its_place() {
        let problem = Problem {
            file: "stack.yaml".to_owned(),
            line: 7,
            column: 0,
            message: "unknown type `sqs`".to_owned(),
            hint: "did you mean `sqs-queue`?".to_owned(),
        };
        assert_eq!(problem_line(&problem), "stack.yaml:7: unknown type `sqs`; did you mean `sqs-queue`?");
    }

    #[test]
    fn what_came_from_elsewhere_cannot_move_the_cursor() {
        let report = Report::internal("x\u{1b}[2Jy").caused_by("a\u{202e}b");
        let text = plain(report);
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text:?}");
    }

    #[test]
    fn a_lost_daemon_is_said_so() {
        let report = Report::from(tonic::Status::unavailable("broken pipe"));
        assert_eq!(report.exit(), Exit(3));
    }
}
