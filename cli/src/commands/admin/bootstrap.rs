//! `deployer admin bootstrap`.

use deployer_proto::v1::session_service_client::SessionServiceClient;
use deployer_proto::v1::{BootstrapDone, BootstrapEvent, BootstrapRequest, Mode, bootstrap_event};

use crate::Outcome;
use crate::args::BackendArgs;
use crate::commands::session;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::output::steps::Steps;
use crate::output::{Shapes, escape};
use crate::prompt::{self, Question, SecretQuestion};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which backend.
    #[command(flatten)]
    pub backend: BackendArgs,
    /// The lock table's name [default: derived from the bucket's]
    #[arg(long, value_name = "TABLE")]
    pub table: Option<String>,
    /// Read the first admin password, at least 12 characters, from stdin; otherwise it is asked for [env: DEPLOYER_ADMIN_PASSWORD]
    #[arg(long)]
    pub password_stdin: bool,
    /// The name of the admin secret [default: /deployer/admin-credentials]
    #[arg(long, value_name = "NAME")]
    pub admin_secret: Option<String>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let request = request(guest, args).await?;
    let mut steps = Steps::new(&guest.terminal, "Preparing backend...", "Backend ready");
    match prepared(guest, request, &mut steps).await {
        Ok(done) => {
            steps.succeeded();
            let quiet = |done: &BootstrapDone| done.backend.clone().unwrap_or_default().address;
            guest.terminal.answer(&done, &Shapes { quiet, text: render })?;
            Ok(exit::DONE)
        }
        Err(report) => {
            steps.failed();
            Err(report)
        }
    }
}

async fn request(guest: &Guest, args: Args) -> Result<BootstrapRequest, Report> {
    if guest.terminal.interactive {
        guest.terminal.progress(&title(&guest.terminal.err));
    }
    let backend = session::backend(guest, &args.backend).await?;
    let question = Question::new("Admin Password", "--password-stdin", "DEPLOYER_ADMIN_PASSWORD")
        .or(String::new())
        .help("leave it empty where the backend has an admin password already");
    let password = SecretQuestion { question, from_stdin: args.password_stdin, twice: true };
    let password = prompt::secret(guest, password).await?;
    Ok(BootstrapRequest {
        context: guest.call(Mode::Unspecified)?,
        backend: Some(backend),
        lock_table: args.table.unwrap_or_default(),
        admin_secret: args.admin_secret.unwrap_or_default(),
        password,
    })
}

fn title(look: &Look) -> String {
    let mut page = Page::new(look);
    page.blank().heading("Backend Setup").rule().blank();
    page.text()
}

async fn prepared(guest: &Guest, request: BootstrapRequest, steps: &mut Steps<'_>) -> Result<BootstrapDone, Report> {
    let mut client = SessionServiceClient::new(guest.channel().await?);
    let mut events = client.bootstrap(request).await?.into_inner();
    while let Some(BootstrapEvent { event }) = events.message().await? {
        match event {
            Some(bootstrap_event::Event::Step(step)) => steps.done(&step),
            Some(bootstrap_event::Event::Done(done)) => return Ok(done),
            None => {}
        }
    }
    Err(Report::unreachable("the daemon ended the set-up without an answer").hint("run it again: it can be repeated"))
}

fn render(done: &BootstrapDone, look: &Look) -> String {
    let mut page = Page::new(look);
    for part in &done.parts {
        if part.created {
            page.done(&format!("Created {}", part.what));
        } else {
            page.line(&paint::dim(format!("✓ {} was there already", escape::line(&part.what))));
        }
    }
    if done.password_kept {
        page.blank().warning("There was an admin password already, and it is kept: the one given now is not used.");
        page.line("  To replace it, sign in with the old one: deployer admin rotate-password");
    }
    page.blank().line(&format!("Next: {}", escape::line(&sign_in(done))));
    page.text()
}

/// The command that signs in to what was made, as it was named.
fn sign_in(done: &BootstrapDone) -> String {
    let backend = done.backend.clone().unwrap_or_default();
    let flags =
        [("--region", &backend.region), ("--profile", &backend.profile), ("--admin-secret", &done.admin_secret)];
    let said = flags.iter().filter(|(_, value)| !value.is_empty()).map(|(flag, value)| format!(" {flag} {value}"));
    format!("deployer admin login --backend {}{}", backend.address, said.collect::<String>())
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::{Backend, BootstrapPart};

    use super::*;

    #[test]
    fn a_backend_s_parts_say_whether_they_are_new() {
        let part = |what: &str, created| BootstrapPart { what: what.to_owned(), created };
        let done = BootstrapDone {
            backend: Some(Backend { address: "s3://company-deployer-state".to_owned(), ..Backend::default() }),
            lock_table: "company-deployer-locks".to_owned(),
            parts: vec![part("S3 bucket: company-deployer-state", true), part("tenants.yaml", false)],
            admin_secret: "/ours/admin".to_owned(),
            password_kept: false,
        };
        assert_eq!(
            Look::plain().finish(&render(&done, &Look::plain())),
            "✓ Created S3 bucket: company-deployer-state\n\
             ✓ tenants.yaml was there already\n\
             \n\
             Next: deployer admin login --backend s3://company-deployer-state --admin-secret /ours/admin\n"
        );
        let kept = BootstrapDone { password_kept: true, ..done };
        assert!(render(&kept, &Look::plain()).contains("it is kept: the one given now is not used"));
    }
}
