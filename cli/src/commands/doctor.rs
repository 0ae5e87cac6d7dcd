//! `deployer doctor`.

use deployer_proto::v1::daemon_service_client::DaemonServiceClient;
use deployer_proto::v1::{CallContext, DoctorRequest, DoctorResponse, Finding, HelloRequest, Mode, Verdict};
use tonic::transport::Channel;

use crate::Outcome;
use crate::args::BackendArgs;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::output::{Shapes, escape};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A backend to examine besides those that you are signed in to.
    #[command(flatten)]
    pub backend: BackendArgs,
}

/// Runs it. What keeps it from looking is a finding like others.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut answer = DoctorResponse::default();
    if let Err(report) = examine(guest, &args, &mut answer.findings).await {
        answer.findings.push(of_report(&report));
    }
    guest.terminal.answer(&answer, &Shapes { quiet: worst, text: render })?;
    let is_problem = |finding: &Finding| finding.verdict() == Verdict::Problem;
    Ok(if answer.findings.iter().any(is_problem) { exit::FAILED } else { exit::DONE })
}

async fn examine(guest: &Guest, args: &Args, findings: &mut Vec<Finding>) -> Result<(), Report> {
    let channel = guest.channel().await?;
    findings.push(versions(guest, channel.clone()).await?);
    // An address in the environment is one that a sign-in would use.
    let address = args.backend.address(&guest.surroundings)?;
    let region = args.backend.region(&guest.surroundings).unwrap_or_default();
    let backend = address.map(|address| args.backend.message(address, region));
    let request = DoctorRequest { context: signed_in(guest)?, backend };
    let found = DaemonServiceClient::new(channel).doctor(request).await?.into_inner();
    findings.extend(found.findings);
    Ok(())
}

/// A call without a daemon carries the tenant's credentials, else the admin's.
fn signed_in(guest: &Guest) -> Result<Option<CallContext>, Report> {
    match guest.call(Mode::Tenant)? {
        Some(call) if call.sign_in.is_some() => Ok(Some(call)),
        _ => guest.call(Mode::Admin),
    }
}

async fn versions(guest: &Guest, channel: Channel) -> Result<Finding, Report> {
    let request = HelloRequest { context: guest.call(Mode::Unspecified)? };
    let daemon = DaemonServiceClient::new(channel).hello(request).await?.into_inner();
    let own = (env!("CARGO_PKG_VERSION"), guest.surroundings.protocol());
    Ok(compared(own, (&daemon.version, daemon.protocol)))
}

fn compared(own: (&str, u32), daemon: (&str, u32)) -> Finding {
    let finding = |verdict: Verdict, message: String, mends: Vec<String>| Finding {
        subject: "Daemon".to_owned(),
        verdict: verdict.into(),
        message,
        mends,
    };
    if own == daemon {
        return finding(Verdict::Ok, format!("answers, version {} like this program", own.0), Vec::new());
    }
    let mend = "when nothing runs: `deployer daemon restart`".to_owned();
    finding(Verdict::Warning, format!("has version {}, this program {}", daemon.0, own.0), vec![mend])
}

fn of_report(report: &Report) -> Finding {
    let error = report.error().cloned().unwrap_or_default();
    let causes = error.causes.iter().map(|cause| format!(": {cause}")).collect::<String>();
    Finding {
        subject: "Daemon".to_owned(),
        verdict: Verdict::Problem.into(),
        message: format!("{}{causes}", error.message),
        mends: error.hints,
    }
}

/// The worst that was found, in a word.
fn worst(answer: &DoctorResponse) -> String {
    let worst = answer.findings.iter().map(Finding::verdict).max_by_key(|verdict| *verdict as i32);
    word(worst.unwrap_or_default()).to_owned()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Problem => "problem",
        Verdict::Warning => "warning",
        Verdict::Ok | Verdict::Unspecified => "ok",
    }
}

fn render(answer: &DoctorResponse, look: &Look) -> String {
    let mut page = Page::titled(look, "Doctor");
    for finding in &answer.findings {
        let text = format!("{}: {}", escape::line(&finding.subject), escape::line(&finding.message));
        page.line(&match finding.verdict() {
            Verdict::Problem => paint::red(format!("✗ {text}")),
            Verdict::Warning => paint::yellow(format!("⚠ {text}")),
            Verdict::Ok | Verdict::Unspecified => format!("{} {text}", paint::green("✓")),
        });
        for mend in &finding.mends {
            page.line(&format!("    → {}", escape::line(mend)));
        }
    }
    page.rule().line(&summary(answer));
    page.text()
}

fn summary(answer: &DoctorResponse) -> String {
    let count = |wanted: Verdict| answer.findings.iter().filter(|finding| finding.verdict() == wanted).count();
    match (count(Verdict::Problem), count(Verdict::Warning)) {
        (0, 0) => paint::green("✓ All is well"),
        (0, warnings) => format!("No problems, {warnings} to think about"),
        (problems, warnings) => paint::red(format!("{problems} to mend, {warnings} to think about")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_is_a_line_and_its_mends_stand_below() {
        let finding = |verdict: Verdict, message: &str, mends: &[&str]| Finding {
            subject: "Clock".to_owned(),
            verdict: verdict.into(),
            message: message.to_owned(),
            mends: mends.iter().map(|mend| (*mend).to_owned()).collect(),
        };
        let findings = vec![
            finding(Verdict::Ok, "agrees", &[]),
            finding(Verdict::Warning, "60 s behind", &["set it"]),
            finding(Verdict::Problem, "stopped", &["wind it", "or buy one"]),
        ];
        let answer = DoctorResponse { findings };
        assert_eq!(
            Look::plain().finish(&render(&answer, &Look::plain())),
            "Doctor\n\
             ────────────────────────────────────────────────\n\
             ✓ Clock: agrees\n\
             ⚠ Clock: 60 s behind\n\
             \x20   → set it\n\
             ✗ Clock: stopped\n\
             \x20   → wind it\n\
             \x20   → or buy one\n\
             ────────────────────────────────────────────────\n\
             1 to mend, 1 to think about\n"
        );
        assert_eq!(worst(&answer), "problem");
    }

    #[test]
    fn another_version_is_worth_a_thought() {
        assert_eq!(compared(("1.0.0", 1), ("1.0.0", 1)).verdict(), Verdict::Ok);
        assert_eq!(compared(("1.1.0", 1), ("1.0.0", 1)).verdict(), Verdict::Warning);
    }
}
