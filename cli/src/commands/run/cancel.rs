//! `deployer run cancel`.

use deployer_proto::v1::{Run, RunStatus};

use super::list::status;
use crate::Outcome;
use crate::args::WhichRun;
use crate::exit;
use crate::follow;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, escape};

/// Runs it.
pub async fn run(guest: &Guest, args: WhichRun) -> Outcome {
    let run = follow::cancelled(guest, &args.owner(), args.id).await?;
    guest.terminal.answer(&run, &Shapes { quiet: |run| status(run.status()).to_owned(), text: render })?;
    Ok(exit::DONE)
}

fn render(run: &Run, look: &Look) -> String {
    let mut page = Page::new(look);
    match run.status() {
        RunStatus::Cancelling | RunStatus::Running | RunStatus::Waiting => {
            page.done(&format!("Run {} is being cancelled", run.id));
            page.line(&format!("Watch it: deployer run attach {}", escape::line(&run.id)))
        }
        RunStatus::Cancelled => page.done(&format!("Run {} was cancelled", run.id)),
        other => page.line(&format!("Run {} had ended: {}", escape::line(&run.id), status(other))),
    };
    page.text()
}
