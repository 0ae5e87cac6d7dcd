//! `deployer login`.

use deployer_proto::v1::session_service_client::SessionServiceClient;
use deployer_proto::v1::{LoginEvent, LoginRequest, Mode, Session, login_event};

use crate::Outcome;
use crate::args::BackendArgs;
use crate::commands::session;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::steps::Steps;
use crate::prompt::{self, Question, SecretQuestion};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id [env: DEPLOYER_TENANT]
    #[arg(long, value_name = "TENANT")]
    pub tenant: Option<String>,
    /// Read the tenant's secret from stdin; otherwise it is asked for [env: DEPLOYER_SECRET]
    #[arg(long)]
    pub secret_stdin: bool,
    /// Which backend.
    #[command(flatten)]
    pub backend: BackendArgs,
    /// Role to assume for the tenant's storage [env: DEPLOYER_ROLE_ARN]
    #[arg(long, value_name = "ARN")]
    pub role_arn: Option<String>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let request = request(guest, args).await?;
    let mut steps = Steps::new(&guest.terminal, "Authenticating...", "Authentication successful");
    match signed_in(guest, request, &mut steps).await {
        Ok(session) => {
            steps.succeeded();
            session::warn(guest, &session);
            guest.terminal.answer(&session, &Shapes { quiet: |session| session.context_name.clone(), text: render })?;
            Ok(exit::DONE)
        }
        Err(report) => {
            steps.failed();
            Err(report)
        }
    }
}

async fn request(guest: &Guest, args: Args) -> Result<LoginRequest, Report> {
    if guest.terminal.interactive {
        guest.terminal.progress(&title(&guest.terminal.err));
    }
    let tenant = Question::new("Tenant Name", "--tenant", "DEPLOYER_TENANT");
    let tenant = prompt::text(guest, args.tenant, tenant).await?;
    let question = Question::new("Tenant Secret", "--secret-stdin", "DEPLOYER_SECRET");
    let secret = SecretQuestion { question, from_stdin: args.secret_stdin, twice: false };
    let secret = prompt::secret(guest, secret).await?;
    let mut backend = session::backend(guest, &args.backend).await?;
    let role = args.role_arn.or_else(|| guest.surroundings.value("DEPLOYER_ROLE_ARN").map(str::to_owned));
    backend.role_arn = role.unwrap_or_default();
    Ok(LoginRequest { context: guest.call(Mode::Unspecified)?, backend: Some(backend), tenant, secret })
}

fn title(look: &Look) -> String {
    let mut page = Page::new(look);
    page.blank().heading("Tenant Authentication").rule().blank();
    page.text()
}

async fn signed_in(guest: &Guest, request: LoginRequest, steps: &mut Steps<'_>) -> Result<Session, Report> {
    let mut client = SessionServiceClient::new(guest.channel().await?);
    let mut events = client.login(request).await?.into_inner();
    while let Some(LoginEvent { event }) = events.message().await? {
        match event {
            Some(login_event::Event::Step(step)) => steps.done(&step),
            Some(login_event::Event::Done(session)) => return Ok(session),
            None => {}
        }
    }
    Err(Report::unreachable("the daemon ended the sign-in without an answer"))
}

fn render(session: &Session, look: &Look) -> String {
    let tenant = session.tenant.clone().unwrap_or_default();
    let mut page = Page::new(look);
    page.rule().done(&format!("Logged in as: {}", tenant.id)).blank();
    page.field("Tenant", &tenant.display_name).field_if("Email", &tenant.email);
    page.field(session::path_label(session), &session::folder(&session.prefix)).field("Version", &tenant.version);
    page.blank().line(&session::saved(session));
    page.commands(
        "Available commands",
        &[
            ("deployer stack init", "Create new stack"),
            ("deployer apply", "Deploy stack"),
            ("deployer status", "Check stack status"),
            ("deployer tenant details", "View tenant details"),
            ("deployer logout", "Logout"),
        ],
    );
    page.rule();
    page.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_looks_as_in_the_reference() {
        assert_eq!(
            Look::plain().finish(&render(&session::tests::tenant_session(), &Look::plain())),
            "────────────────────────────────────────────────\n\
             ✓ Logged in as: notifications-team\n\
             \n\
             Tenant: Notifications Team\n\
             Email: notifications-team@company.com\n\
             S3 Path: tenants/notifications-team/v1/\n\
             Version: v1\n\
             \n\
             Session saved to the OS keyring\n\
             \n\
             Available commands:\n\
             \x20 deployer stack init     - Create new stack\n\
             \x20 deployer apply          - Deploy stack\n\
             \x20 deployer status         - Check stack status\n\
             \x20 deployer tenant details - View tenant details\n\
             \x20 deployer logout         - Logout\n\
             ────────────────────────────────────────────────\n"
        );
    }
}
