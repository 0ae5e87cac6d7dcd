//! `deployer admin rotate-password`.

use deployer_proto::v1::session_service_client::SessionServiceClient;
use deployer_proto::v1::{Mode, PasswordRotated, RotatePasswordRequest};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::prompt::{self, Question, SecretQuestion};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Read the new password from stdin; otherwise it is asked for [env: DEPLOYER_NEW_ADMIN_PASSWORD]
    #[arg(long)]
    pub password_stdin: bool,
    /// Ask for a one-time password at every sign-in from now on; prints the key for an authenticator app
    #[arg(long)]
    pub enable_otp: bool,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let question = Question::new("New Admin Password", "--password-stdin", "DEPLOYER_NEW_ADMIN_PASSWORD");
    let password = prompt::secret(guest, SecretQuestion { question, from_stdin: args.password_stdin, twice: true });
    let password = password.await?;
    let mut client = SessionServiceClient::new(guest.channel().await?);
    let request = RotatePasswordRequest { context: guest.call(Mode::Admin)?, password, enable_otp: args.enable_otp };
    let rotated = client.rotate_password(request).await?.into_inner();
    guest.terminal.answer(&rotated, &Shapes { quiet: |rotated| rotated.otp_key.clone(), text: render })?;
    Ok(exit::DONE)
}

fn render(rotated: &PasswordRotated, look: &Look) -> String {
    let mut page = Page::new(look);
    page.done("Admin password replaced");
    page.line("  Other admins must sign in again within half a minute; this session goes on.");
    if !rotated.otp_key.is_empty() {
        page.blank().line("Enter this key into an authenticator app now:");
        page.field("Key", &rotated.otp_key).field("Address", &rotated.otp_uri);
        page.line(&paint::yellow("⚠ It is not shown again. Every sign-in needs a code from now on (--otp CODE)."));
    }
    page.text()
}
