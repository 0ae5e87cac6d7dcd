//! `deployer lock list`.

use deployer_proto::v1::lock_service_client::LockServiceClient;
use deployer_proto::v1::{ListLocksRequest, ListLocksResponse, Lock, Mode, StackTarget};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, table, value};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// As an admin: the tenant to look at
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mode = if args.tenant.is_some() { Mode::Admin } else { Mode::Tenant };
    let target = StackTarget { tenant: args.tenant.unwrap_or_default(), ..StackTarget::default() };
    let mut client = LockServiceClient::new(guest.channel().await?);
    let request = ListLocksRequest { context: guest.call(mode)?, target: Some(target) };
    let answer = client.list(request).await?.into_inner();
    guest.terminal.answer(&answer, &Shapes { quiet: places, text: render })?;
    Ok(exit::DONE)
}

fn places(answer: &ListLocksResponse) -> String {
    answer.locks.iter().map(place).collect::<Vec<_>>().join("\n")
}

fn place(lock: &Lock) -> String {
    format!("{}/{}", lock.stack, lock.environment)
}

fn render(answer: &ListLocksResponse, look: &Look) -> String {
    let mut page = Page::new(look);
    page.heading("Locks");
    if answer.locks.is_empty() {
        page.rule().line("Nothing is locked.");
        return page.text();
    }
    let rows: Vec<Vec<String>> = answer.locks.iter().map(|lock| cells(lock, look)).collect();
    let headers = ["STACK", "HELD BY", "FOR", "OPERATION", "HEARTBEAT", "RUN"];
    format!("{}{}", page.text(), table::render(&headers, &rows, look))
}

fn cells(lock: &Lock, look: &Look) -> Vec<String> {
    vec![
        place(lock),
        holder(lock),
        value::between(&lock.locked_at, "", look.now),
        lock.operation.clone(),
        heartbeat(lock),
        lock.run.clone(),
    ]
}

/// Who holds a lock and where.
pub fn holder(lock: &Lock) -> String {
    let who = if lock.locked_by.is_empty() { "somebody" } else { &lock.locked_by };
    if lock.host.is_empty() { who.to_owned() } else { format!("{who} on {}", lock.host) }
}

/// How old the last heartbeat is, and what that means.
pub fn heartbeat(lock: &Lock) -> String {
    let verdict = if lock.looks_alive { "alive" } else { "looks dead" };
    format!("{} ago ({verdict})", value::seconds(u64::from(lock.heartbeat_age_seconds)))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The lock of the product's example error.
    pub fn held() -> Lock {
        Lock {
            key: "tenant:n:stack:demo:env:production".to_owned(),
            stack: "demo".to_owned(),
            environment: "production".to_owned(),
            state: "HELD".to_owned(),
            locked_by: "alice@company.com".to_owned(),
            host: "build-7".to_owned(),
            pid: 77,
            run: "01JD".to_owned(),
            operation: "apply".to_owned(),
            locked_at: "2024-01-15T11:47:56Z".to_owned(),
            heartbeat_age_seconds: 3,
            looks_alive: true,
            fencing_token: 9,
            ..Lock::default()
        }
    }

    #[test]
    fn locks_say_who_holds_them_and_whether_they_live() {
        let rule = "─".repeat(86);
        assert_eq!(
            Look::plain().finish(&render(&ListLocksResponse { locks: vec![held()] }, &Look::plain())),
            format!(
                "Locks\n{rule}\n\
                 STACK            HELD BY                       FOR     OPERATION  HEARTBEAT       RUN\n{rule}\n\
                 demo/production  alice@company.com on build-7  12m 4s  apply      3s ago (alive)  01JD\n{rule}\n"
            )
        );
    }
}
