//! `deployer audit`.

use deployer_proto::v1::audit_service_client::AuditServiceClient;
use deployer_proto::v1::{AuditEvent, AuditPhase, AuditScope, ListAuditRequest, ListAuditResponse, Mode};

use crate::Outcome;
use crate::args::since;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, table};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which events.
    #[command(flatten)]
    pub filter: FilterArgs,
}

// Which events are shown. No doc comment: it would become the help of the commands that have these.
#[derive(Debug, clap::Args)]
pub struct FilterArgs {
    /// From when on: 24h, 7d, 2024-01-15 or 2024-01-15T10:00:00Z; `all` for everything
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub since: String,
    /// Only actions that begin so, such as tenant. or lock.unlock
    #[arg(long, value_name = "ACTION", default_value = "", hide_default_value = true)]
    pub action: String,
    /// Only what this actor or cloud principal did
    #[arg(long, value_name = "WHO", default_value = "", hide_default_value = true)]
    pub by: String,
    /// Only what failed or was refused
    #[arg(long)]
    pub failed: bool,
    /// How many events at most, the newest
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: u32,
}

impl FilterArgs {
    /// The request for a scope.
    pub fn request(&self, guest: &Guest, scope: AuditScope, mode: Mode) -> Result<ListAuditRequest, Report> {
        let since = match self.since.as_str() {
            "all" => String::new(),
            text => since(text, guest.terminal.out.now)
                .map_err(|why| Report::usage(format!("--since {text} is no time")).hint(why))?
                .to_string(),
        };
        Ok(ListAuditRequest {
            context: guest.call(mode)?,
            scope: scope.into(),
            since,
            action: self.action.clone(),
            by: self.by.clone(),
            failed: self.failed,
            limit: self.limit,
            ..ListAuditRequest::default()
        })
    }
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let request = args.filter.request(guest, AuditScope::Platform, Mode::Admin)?;
    listed(guest, request).await
}

/// Asks, and prints the answer.
pub async fn listed(guest: &Guest, request: ListAuditRequest) -> Outcome {
    let mut client = AuditServiceClient::new(guest.channel().await?);
    let answer = client.list(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: ids, text: render })?;
    Ok(exit::DONE)
}

fn ids(answer: &ListAuditResponse) -> String {
    answer.events.iter().map(|event| event.id.as_str()).collect::<Vec<_>>().join("\n")
}

fn render(answer: &ListAuditResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.heading("Audit");
    if answer.events.is_empty() {
        page.rule().line("Nothing was recorded.");
        return page.text();
    }
    let rows: Vec<Vec<String>> = answer.events.iter().map(cells).collect();
    format!("{}{}", page.text(), table::render(&["TIME", "ACTION", "SUBJECT", "BY", "RESULT"], &rows, look))
}

fn cells(event: &AuditEvent) -> Vec<String> {
    let result = match event.phase() {
        AuditPhase::Succeeded => "done".to_owned(),
        AuditPhase::Failed if event.reason.is_empty() => "failed".to_owned(),
        AuditPhase::Failed => event.reason.clone(),
        AuditPhase::Intent | AuditPhase::Unspecified => "no result".to_owned(),
    };
    let at = event.at.parse::<jiff::Timestamp>();
    let at = at.map_or_else(|_| event.at.clone(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string());
    vec![at, event.action.clone(), event.subject.clone(), event.actor.clone(), result]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_say_who_did_what_and_how_it_ended() {
        let event = |phase: AuditPhase, reason: &str| AuditEvent {
            at: "2024-01-20T14:30:00.123Z".to_owned(),
            action: "tenant.rotate".to_owned(),
            phase: phase.into(),
            actor: "alice@company.com".to_owned(),
            subject: "web-team".to_owned(),
            reason: reason.to_owned(),
            ..AuditEvent::default()
        };
        let events = vec![
            event(AuditPhase::Succeeded, ""),
            event(AuditPhase::Failed, "NOT_FOUND"),
            event(AuditPhase::Intent, ""),
        ];
        let text = Look::plain().finish(&render(&ListAuditResponse { events }, &Look::plain()));
        for part in [
            "2024-01-20 14:30:00  tenant.rotate  web-team  alice@company.com  done",
            "alice@company.com  NOT_FOUND",
            "alice@company.com  no result",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
}
