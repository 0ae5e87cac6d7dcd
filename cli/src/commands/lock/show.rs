//! `deployer lock show`.

use deployer_proto::v1::lock_service_client::LockServiceClient;
use deployer_proto::v1::{Lock, Mode, ShowLockRequest, StackTarget};

use super::list::{heartbeat, holder};
use crate::Outcome;
use crate::args::PlaceArgs;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, value};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which lock.
    #[command(flatten)]
    pub place: PlaceArgs,
    /// As an admin: the tenant to look at
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mode = if args.tenant.is_some() { Mode::Admin } else { Mode::Tenant };
    let target = StackTarget { tenant: args.tenant.unwrap_or_default(), ..args.place.target(&guest.surroundings) };
    let mut client = LockServiceClient::new(guest.channel().await?);
    let request = ShowLockRequest { context: guest.call(mode)?, target: Some(target) };
    let lock = client.show(request).await?.into_inner();
    guest.terminal.answer(&lock, &Shapes { quiet: |lock| lock.state.clone(), text: render })?;
    Ok(exit::DONE)
}

/// A lock with all that is known of it.
pub fn render(lock: &Lock, look: &Look) -> String {
    let mut page = Page::titled(look, &format!("Lock: {}/{}", lock.stack, lock.environment));
    match lock.state.as_str() {
        "HELD" => held(lock, look, &mut page),
        "" => {
            page.field("State", "never locked");
        }
        other => {
            page.field("State", &value::capital(&other.to_lowercase()));
            page.field_if("Unlocked by", &lock.unlocked_by).field_if("Reason", &lock.unlock_reason);
        }
    }
    page.field_if("Key", &lock.key);
    if lock.fencing_token > 0 {
        page.field("Fencing token", &lock.fencing_token.to_string());
    }
    page.rule();
    page.text()
}

fn held(lock: &Lock, look: &Look, page: &mut Page<'_>) {
    page.field("State", "Held").field("Held by", &holder(lock));
    page.field_if("Run", &lock.run).field_if("Operation", &lock.operation);
    page.field("Since", &value::moment(&lock.locked_at, look.now)).field("Last heartbeat", &heartbeat(lock));
    if lock.ours {
        page.field("Holder", &format!("this computer's daemon ({})", lock.holder_state.to_lowercase()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::list::tests::held;
    use super::*;

    #[test]
    fn a_lock_shows_its_holder() {
        assert_eq!(
            Look::plain().finish(&render(&held(), &Look::plain())),
            "Lock: demo/production\n\
             ────────────────────────────────────────────────\n\
             State: Held\n\
             Held by: alice@company.com on build-7\n\
             Run: 01JD\n\
             Operation: apply\n\
             Since: 2024-01-15T11:47:56Z (12m 4s ago)\n\
             Last heartbeat: 3s ago (alive)\n\
             Key: tenant:n:stack:demo:env:production\n\
             Fencing token: 9\n\
             ────────────────────────────────────────────────\n"
        );
    }

    #[test]
    fn a_lock_that_never_was_says_so() {
        let lock = Lock { stack: "demo".to_owned(), environment: "x".to_owned(), ..Lock::default() };
        assert!(render(&lock, &Look::plain()).contains("State: never locked\n"));
    }
}
