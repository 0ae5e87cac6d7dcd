//! `deployer admin rotate-password`.

use deployer_proto::v1::session_service_client::SessionServiceClient;
use deployer_proto::v1::{Mode, OtpProposal, PasswordRotated, ProposeOtpRequest, RotatePasswordRequest};
use tonic::transport::Channel;

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::prompt::{self, Question, SecretQuestion};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Read the new password, at least 12 characters, from stdin; otherwise it is asked for [env: DEPLOYER_NEW_ADMIN_PASSWORD]
    #[arg(long)]
    pub password_stdin: bool,
    /// Ask for a one-time password at every sign-in from now on. Shows a key for an authenticator app, and asks for its first
    /// code before anything is changed. Without a terminal the key is your own, 16 characters or more of base32 in
    /// DEPLOYER_NEW_OTP_KEY. Once more, it replaces the app; to switch it off, take `totp` out of the admin secret with the
    /// provider's tools (see "An authenticator app that was lost" in the page on operations)
    #[arg(long)]
    pub enable_otp: bool,
    /// The first code of the new key; otherwise it is asked for [env: DEPLOYER_NEW_OTP]
    #[arg(long, value_name = "CODE", requires = "enable_otp")]
    pub otp: Option<String>,
}

/// The variable with a key of one's own, and the one with its first code.
const OWN_KEY: &str = "DEPLOYER_NEW_OTP_KEY";
const CODE: &str = "DEPLOYER_NEW_OTP";

/// How often a code may be mistyped.
const TRIES: usize = 3;

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let given = args.otp.is_some() || guest.surroundings.value(CODE).is_some();
    if args.enable_otp && guest.surroundings.value(OWN_KEY).is_none() && (given || !guest.terminal.interactive) {
        return Err(no_key());
    }
    let question = Question::new("New Admin Password", "--password-stdin", "DEPLOYER_NEW_ADMIN_PASSWORD");
    let password = prompt::secret(guest, SecretQuestion { question, from_stdin: args.password_stdin, twice: true });
    let password = password.await?;
    let mut client = SessionServiceClient::new(guest.channel().await?);
    let mut request = RotatePasswordRequest {
        context: guest.call(Mode::Admin)?,
        password,
        enable_otp: args.enable_otp,
        ..RotatePasswordRequest::default()
    };
    if args.enable_otp {
        request.otp_key = key(guest, &mut client).await?;
    }
    let rotated = rotate(guest, &mut client, request, args.otp).await?;
    guest.terminal.answer(&rotated, &Shapes { quiet: |rotated| rotated.otp_key.clone(), text: render })?;
    Ok(exit::DONE)
}

fn no_key() -> Report {
    Report::usage("--enable-otp needs a key whose first code is known, and nobody can be asked for it")
        .hint(format!("set {OWN_KEY} to a key of your own (base32), and give its code with --otp or {CODE}"))
        .hint("or run it on a terminal: it shows a new key and asks for its code")
}

/// The key that is to be enrolled: one's own, or a new one, which is shown.
async fn key(guest: &Guest, client: &mut SessionServiceClient<Channel>) -> Result<String, Report> {
    let own = guest.surroundings.value(OWN_KEY).unwrap_or_default().to_owned();
    let is_own = !own.is_empty();
    let request = ProposeOtpRequest { context: guest.call(Mode::Admin)?, otp_key: own };
    let proposed = client.propose_otp(request).await?.into_inner();
    if !is_own {
        guest.terminal.before_a_question(&shown(&proposed, &guest.terminal.err));
    }
    Ok(proposed.otp_key)
}

fn shown(proposed: &OtpProposal, look: &Look) -> String {
    let mut page = Page::new(look);
    page.blank().line("Enter this key into an authenticator app now:");
    page.field("Key", &proposed.otp_key).field("Address", &proposed.otp_uri);
    page.line(&paint::yellow("⚠ It is not shown again. Nothing is changed before the app's first code was given."));
    page.blank();
    page.text()
}

/// Changes the password; a code that was mistyped is asked for again.
async fn rotate(
    guest: &Guest,
    client: &mut SessionServiceClient<Channel>,
    mut request: RotatePasswordRequest,
    given: Option<String>,
) -> Result<PasswordRotated, Report> {
    let can_be_asked = given.is_none() && guest.surroundings.value(CODE).is_none() && guest.terminal.interactive;
    let mut left = if request.enable_otp && can_be_asked { TRIES } else { 1 };
    loop {
        if request.enable_otp {
            request.otp = prompt::text(guest, given.clone(), Question::new("Code of the app", "--otp", CODE)).await?;
        }
        left -= 1;
        match client.rotate_password(request.clone()).await.map_err(Report::from) {
            Err(report) if left > 0 && report.is_about("Wrong", "--otp") => {
                guest.terminal.warn("that is not the code of this key, and nothing was changed");
            }
            answered => return answered.map(tonic::Response::into_inner),
        }
    }
}

fn render(rotated: &PasswordRotated, look: &Look) -> String {
    let mut page = Page::new(look);
    page.done("Admin password replaced");
    page.line("  Other admins must sign in again within half a minute; this session goes on.");
    if !rotated.otp_key.is_empty() {
        page.line("  Every sign-in needs a code of the authenticator app from now on (--otp CODE).");
    }
    page.text()
}
