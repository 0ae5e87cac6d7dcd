//! `deployer session`, and what all sign-ins share.

use deployer_proto::v1::session_service_client::SessionServiceClient;
use deployer_proto::v1::{Backend, Mode, Session, ShowSessionRequest};

use crate::Outcome;
use crate::args::BackendArgs;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::{Shapes, escape, value};
use crate::prompt::{self, Question};
use crate::report::Report;

#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs it.
pub async fn run(guest: &Guest, _args: Args) -> Outcome {
    show(guest, Mode::Tenant).await
}

/// Shows the session of a mode.
pub async fn show(guest: &Guest, mode: Mode) -> Outcome {
    let mut client = SessionServiceClient::new(guest.channel().await?);
    let request = ShowSessionRequest { context: guest.call(mode)?, mode: mode.into() };
    let session = client.show(request).await?.into_inner();
    warn(guest, &session);
    guest.terminal.answer(&session, &Shapes { quiet: |session| session.context_name.clone(), text: render })?;
    Ok(exit::DONE)
}

/// Passes the session's warnings on.
pub fn warn(guest: &Guest, session: &Session) {
    session.warnings.iter().for_each(|warning| guest.terminal.warn(warning));
}

/// Asks which backend to sign in to.
pub async fn backend(guest: &Guest, args: &BackendArgs) -> Result<Backend, Report> {
    let bucket = Question::new("S3 Bucket", "--backend or --bucket", "DEPLOYER_BACKEND or DEPLOYER_BUCKET")
        .help("a bucket's name, or local:PATH for a backend without AWS");
    let address = match args.address(&guest.surroundings)? {
        Some(address) => address,
        None => address_of(&prompt::text(guest, None, bucket).await?),
    };
    let region = match args.region(&guest.surroundings) {
        Some(region) => region,
        None if address.starts_with("local:") => String::new(),
        None => region(guest).await?,
    };
    Ok(args.message(address, region))
}

/// On a terminal the region is asked for, as in the reference; elsewhere the AWS configuration says it.
async fn region(guest: &Guest) -> Result<String, Report> {
    let usual = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(|name| guest.surroundings.value(name));
    let default = match usual {
        _ if !guest.terminal.interactive => String::new(),
        Some(usual) => usual.to_owned(),
        None => "us-east-1".to_owned(),
    };
    let question = Question::new("Region", "--region", "DEPLOYER_REGION").or(default);
    prompt::text(guest, None, question).await
}

fn address_of(typed: &str) -> String {
    if typed.contains(':') { typed.to_owned() } else { format!("s3://{typed}") }
}

/// Where a session lies, as a sentence.
pub fn saved(session: &Session) -> String {
    match session.saved_to.as_str() {
        "" => "Session not saved: it ends with this command".to_owned(),
        place => format!("Session saved to {}", escape::line(place)),
    }
}

/// What a tenant's storage path is called on its backend.
pub fn path_label(session: &Session) -> &'static str {
    if session.backend_type == "local" { "Path" } else { "S3 Path" }
}

/// A prefix as the reference writes it: with its final slash.
pub fn folder(prefix: &str) -> String {
    if prefix.is_empty() || prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") }
}

fn render(session: &Session, look: &Look) -> String {
    let mut page = Page::titled(look, "Session");
    page.field("Mode", if session.mode() == Mode::Admin { "ADMIN" } else { "TENANT" });
    page.field_if("Context", &session.context_name);
    if let Some(tenant) = &session.tenant {
        page.field("Tenant", &format!("{} ({})", tenant.display_name, tenant.id));
        page.field("Version", &tenant.version);
    }
    page.section("Backend").sub_if("Type", &session.backend_type);
    page.sub_if(if session.backend_type == "local" { "File" } else { "Bucket" }, &session.bucket);
    page.sub_if("Region", &session.region).sub_if("Prefix", &folder(&session.prefix));
    if !session.lock_table.is_empty() || !session.lock_prefix.is_empty() {
        page.section("Locks").sub_if("Table", &session.lock_table).sub_if("Prefix", &session.lock_prefix);
    }
    if !session.account_id.is_empty() {
        page.section("AWS").sub("Account", &session.account_id);
    }
    page.blank();
    page.field_if("Authenticated", &value::moment(&session.authenticated, look.now));
    page.field_if("Expires", &value::moment(&session.expires, look.now));
    page.field_if("Ends in any case", &value::moment(&session.hard_expires, look.now));
    page.field_if("Saved to", &session.saved_to);
    page.field_if("Isolation", &session.isolation);
    page.rule();
    page.text()
}

#[cfg(test)]
pub mod tests {
    use deployer_proto::v1::TenantIdentity;

    use super::*;

    /// The reference's tenant session.
    pub fn tenant_session() -> Session {
        Session {
            mode: Mode::Tenant.into(),
            context_name: "notifications-team@company-deployer-state".to_owned(),
            tenant: Some(TenantIdentity {
                id: "notifications-team".to_owned(),
                display_name: "Notifications Team".to_owned(),
                email: "notifications-team@company.com".to_owned(),
                version: "v1".to_owned(),
            }),
            backend_type: "s3".to_owned(),
            bucket: "company-deployer-state".to_owned(),
            region: "us-east-1".to_owned(),
            prefix: "tenants/notifications-team/v1".to_owned(),
            lock_table: "company-deployer-locks".to_owned(),
            lock_prefix: "tenant:notifications-team".to_owned(),
            account_id: "123456789012".to_owned(),
            authenticated: "2024-01-15T12:00:00Z".to_owned(),
            expires: "2024-01-22T12:00:00Z".to_owned(),
            hard_expires: "2024-02-14T12:00:00Z".to_owned(),
            saved_to: "the OS keyring".to_owned(),
            isolation: "advisory".to_owned(),
            ..Session::default()
        }
    }

    #[test]
    fn a_session_shows_the_fields_of_the_reference() {
        assert_eq!(
            Look::plain().finish(&render(&tenant_session(), &Look::plain())),
            "Session\n\
             ────────────────────────────────────────────────\n\
             Mode: TENANT\n\
             Context: notifications-team@company-deployer-state\n\
             Tenant: Notifications Team (notifications-team)\n\
             Version: v1\n\
             \n\
             Backend:\n\
             \x20 Type: s3\n\
             \x20 Bucket: company-deployer-state\n\
             \x20 Region: us-east-1\n\
             \x20 Prefix: tenants/notifications-team/v1/\n\
             \n\
             Locks:\n\
             \x20 Table: company-deployer-locks\n\
             \x20 Prefix: tenant:notifications-team\n\
             \n\
             AWS:\n\
             \x20 Account: 123456789012\n\
             \n\
             Authenticated: 2024-01-15T12:00:00Z (0s ago)\n\
             Expires: 2024-01-22T12:00:00Z (in 7d)\n\
             Ends in any case: 2024-02-14T12:00:00Z (in 30d)\n\
             Saved to: the OS keyring\n\
             Isolation: advisory\n\
             ────────────────────────────────────────────────\n"
        );
    }

    #[test]
    fn what_is_typed_for_a_bucket_may_be_an_address() {
        assert_eq!(address_of("company-state"), "s3://company-state");
        assert_eq!(address_of("s3://x"), "s3://x");
        assert_eq!(address_of("local:./data"), "local:./data");
    }
}
