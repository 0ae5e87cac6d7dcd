//! `deployer admin login`.

use deployer_proto::v1::session_service_client::SessionServiceClient;
use deployer_proto::v1::{AdminLoginRequest, LoginEvent, Mode, Session, login_event};

use crate::Outcome;
use crate::args::BackendArgs;
use crate::commands::session;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::prompt::{self, Question, SecretQuestion};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which backend.
    #[command(flatten)]
    pub backend: BackendArgs,
    /// Read the admin password from stdin; otherwise it is asked for [env: DEPLOYER_ADMIN_PASSWORD]
    #[arg(long)]
    pub password_stdin: bool,
    /// The one-time password, where the admin secret asks for one; otherwise it is asked for [env: DEPLOYER_OTP]
    #[arg(long, value_name = "CODE")]
    pub otp: Option<String>,
    /// The name of the admin secret [default: /deployer/admin-credentials]
    #[arg(long, value_name = "NAME")]
    pub admin_secret: Option<String>,
}

/// The variable that says the one-time password.
const OTP: &str = "DEPLOYER_OTP";

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let request = request(guest, args).await?;
    guest.terminal.progress("\nValidating credentials...\n");
    let session = match signed_in(guest, request.clone()).await {
        Err(report) if guest.terminal.interactive && report.is_about("Missing", "--otp") => {
            let otp = prompt::text(guest, None, Question::new("One-time Password", "--otp", OTP)).await?;
            signed_in(guest, AdminLoginRequest { otp, ..request }).await?
        }
        answered => answered?,
    };
    session::warn(guest, &session);
    guest.terminal.answer(&session, &Shapes { quiet: |session| session.context_name.clone(), text: render })?;
    Ok(exit::DONE)
}

async fn request(guest: &Guest, args: Args) -> Result<AdminLoginRequest, Report> {
    if guest.terminal.interactive {
        guest.terminal.progress(&title(&guest.terminal.err));
    }
    let backend = session::backend(guest, &args.backend).await?;
    let question = Question::new("Admin Password", "--password-stdin", "DEPLOYER_ADMIN_PASSWORD");
    let password = SecretQuestion { question, from_stdin: args.password_stdin, twice: false };
    let password = prompt::secret(guest, password).await?;
    Ok(AdminLoginRequest {
        context: guest.call(Mode::Unspecified)?,
        backend: Some(backend),
        password,
        otp: args.otp.or_else(|| guest.surroundings.value(OTP).map(str::to_owned)).unwrap_or_default(),
        admin_secret: args.admin_secret.unwrap_or_default(),
    })
}

fn title(look: &Look) -> String {
    let mut page = Page::new(look);
    page.blank().heading("Admin Authentication").rule().blank();
    page.text()
}

async fn signed_in(guest: &Guest, request: AdminLoginRequest) -> Result<Session, Report> {
    let mut client = SessionServiceClient::new(guest.channel().await?);
    let mut events = client.admin_login(request).await?.into_inner();
    while let Some(LoginEvent { event }) = events.message().await? {
        if let Some(login_event::Event::Done(session)) = event {
            return Ok(session);
        }
    }
    Err(Report::unreachable("the daemon ended the sign-in without an answer"))
}

fn render(session: &Session, look: &Look) -> String {
    let mut page = Page::new(look);
    page.done("Admin authentication successful").blank();
    page.line(&session::saved(session)).line("Mode: ADMIN");
    page.commands(
        "Available commands",
        &[
            ("deployer tenant init", "Create new tenant"),
            ("deployer tenant list", "List all tenants"),
            ("deployer tenant show", "Show tenant details"),
            ("deployer admin session", "Show this session"),
            ("deployer admin logout", "Logout from admin mode"),
        ],
    );
    page.text()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_s_sign_in_looks_as_in_the_reference() {
        let session = Session { saved_to: "the OS keyring".to_owned(), ..Session::default() };
        assert_eq!(
            Look::plain().finish(&render(&session, &Look::plain())),
            "✓ Admin authentication successful\n\
             \n\
             Session saved to the OS keyring\n\
             Mode: ADMIN\n\
             \n\
             Available commands:\n\
             \x20 deployer tenant init   - Create new tenant\n\
             \x20 deployer tenant list   - List all tenants\n\
             \x20 deployer tenant show   - Show tenant details\n\
             \x20 deployer admin session - Show this session\n\
             \x20 deployer admin logout  - Logout from admin mode\n"
        );
    }
}
