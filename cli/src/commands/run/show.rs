//! `deployer run show`.

use deployer_proto::v1::{Run, ShowRunRequest};

use super::list::status;
use crate::Outcome;
use crate::args::WhichRun;
use crate::commands::history;
use crate::exit;
use crate::follow;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, escape, value};

/// Runs it.
pub async fn run(guest: &Guest, args: WhichRun) -> Outcome {
    let owner = args.owner();
    let request = ShowRunRequest { context: guest.call(owner.mode())?, id: args.id, tenant: owner.tenant() };
    let run = follow::client(guest).await?.show(request).await?.into_inner();
    guest.terminal.answer(&run, &Shapes { quiet: |run| status(run.status()).to_owned(), text: render })?;
    Ok(exit::DONE)
}

fn render(run: &Run, look: &Look) -> String {
    let mut page = Page::titled(look, &format!("Run {}", run.id));
    page.field("Stack", &format!("{}/{}", run.stack, run.environment)).field_if("Tenant", &run.tenant);
    page.field("Operation", history::operation(run.operation())).field("Status", status(run.status()));
    page.field_if("Why", &run.message);
    page.field("Changes", &history::changes(run.counts));
    page.field_if("Actor", &run.actor).field_if("Host", &run.host);
    page.field("Started", &value::moment(&run.started, look.now));
    page.field("Took", &value::between(&run.started, &run.ended, look.now)).rule();
    if run.owned && run.ended.is_empty() {
        page.line(&format!("Watch it: deployer run attach {}", escape::line(&run.id)));
    }
    page.text()
}

#[cfg(test)]
mod tests {
    use super::super::list::tests::running;
    use super::*;

    #[test]
    fn a_running_run_says_how_to_watch_it() {
        assert_eq!(
            Look::plain().finish(&render(&running(), &Look::plain())),
            "Run 01JD8Z3W9Q4V7M2K6H5T1R0XYZ\n\
             ────────────────────────────────────────────────\n\
             Stack: demo/staging\n\
             Tenant: payments-team\n\
             Operation: apply\n\
             Status: running\n\
             Changes: -\n\
             Actor: alice@company.com\n\
             Host: build-7\n\
             Started: 2024-01-15T11:47:56Z (12m 4s ago)\n\
             Took: 12m 4s\n\
             ────────────────────────────────────────────────\n\
             Watch it: deployer run attach 01JD8Z3W9Q4V7M2K6H5T1R0XYZ\n"
        );
    }
}
