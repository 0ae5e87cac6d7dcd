//! `deployer tenant init`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{CreateTenantEvent, CreateTenantRequest, Mode, TenantCreated, create_tenant_event};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::page::Page;
use crate::output::paint::{self, Look};
use crate::output::steps::Steps;
use crate::output::{Shapes, escape};
use crate::prompt::{self, Question};
use crate::report::Report;

mod many;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id, such as web-team. At a terminal a name is asked for where it is left out, and the id made from it
    pub name: Option<String>,
    /// Create the tenants of a file at once: all of them or none (see the guide of platform admins)
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "name", "display_name", "email", "account_id", "region", "team", "department", "secret_prefix",
        "cost_tracking", "monthly_cost_limit", "max_stacks", "max_services", "state_version",
    ])]
    pub from: Option<String>,
    /// The name that people see [env: DEPLOYER_TENANT_DISPLAY_NAME] [default: made from the name]
    #[arg(long, value_name = "NAME")]
    pub display_name: Option<String>,
    /// Whom to write to [env: DEPLOYER_TENANT_EMAIL]
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// The team's AWS account, 12 digits [env: DEPLOYER_TENANT_ACCOUNT_ID]
    #[arg(long, value_name = "ID")]
    pub account_id: Option<String>,
    /// The team's AWS region [default: the backend's]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The team [default: the id without -team]
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,
    /// The department
    #[arg(long, value_name = "DEPARTMENT")]
    pub department: Option<String>,
    /// What the tenant's secret starts with, such as ntfy
    #[arg(long, value_name = "PREFIX")]
    pub secret_prefix: Option<String>,
    /// Whether costs are tracked [env: DEPLOYER_TENANT_COST_TRACKING]
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = prompt::yes_or_no)]
    pub cost_tracking: Option<bool>,
    /// US dollars a month [env: DEPLOYER_TENANT_MONTHLY_COST_LIMIT] [default: none]
    #[arg(long, value_name = "USD")]
    pub monthly_cost_limit: Option<u32>,
    /// How many stacks it may have [default: 100]
    #[arg(long, value_name = "N")]
    pub max_stacks: Option<u32>,
    /// How many services it may have [default: 500]
    #[arg(long, value_name = "N")]
    pub max_services: Option<u32>,
    /// The version namespace of its state [env: DEPLOYER_TENANT_STATE_VERSION] [default: v1]
    #[arg(long, value_name = "VERSION")]
    pub state_version: Option<String>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    if let Some(file) = args.from {
        return many::run(guest, file).await;
    }
    let request = request(guest, args).await?;
    let mut steps = Steps::new(&guest.terminal, "Creating tenant...", "Tenant created successfully");
    match created(guest, request, &mut steps).await {
        Ok(done) => {
            steps.succeeded();
            let shown = guest.terminal.answer(&done, &Shapes { quiet: |done| done.secret.clone(), text: render });
            shown.map_err(|report| super::unseen(done.tenant.as_ref(), &report))?;
            Ok(exit::DONE)
        }
        Err(report) => {
            steps.failed();
            Err(report)
        }
    }
}

async fn request(guest: &Guest, args: Args) -> Result<CreateTenantRequest, Report> {
    if guest.terminal.interactive {
        guest.terminal.progress(&title(&guest.terminal.err));
    }
    // What a script or a command says is the id itself; what a person is asked for is a name.
    let given = args.name.or_else(|| guest.surroundings.value(NAME.variable).map(str::to_owned));
    let id = given.clone().unwrap_or_default();
    let name = prompt::text(guest, given, NAME.checked(name)).await?;
    let display_name = prompt::text(guest, args.display_name, DISPLAY_NAME.or(title_case(&name))).await?;
    let email = prompt::text(guest, args.email, EMAIL.or(String::new()).checked(email)).await?;
    let account_id = prompt::text(guest, args.account_id, ACCOUNT.or(String::new()).checked(account)).await?;
    let cost_tracking = prompt::yes_no(guest, args.cost_tracking, COST_TRACKING.or("yes".to_owned())).await?;
    let given_limit = args.monthly_cost_limit.map(|limit| limit.to_string());
    let limit = prompt::text(guest, given_limit, COST_LIMIT.or(String::new()).checked(limit)).await?;
    let state_version =
        prompt::text(guest, args.state_version, STATE_VERSION.or("v1".to_owned()).checked(version)).await?;
    Ok(CreateTenantRequest {
        context: guest.call(Mode::Admin)?,
        name,
        display_name,
        email,
        account_id,
        region: args.region.unwrap_or_default(),
        team: args.team.unwrap_or_default(),
        department: args.department.unwrap_or_default(),
        secret_prefix: args.secret_prefix.unwrap_or_default(),
        cost_tracking,
        monthly_cost_limit: parse_limit(&limit)?,
        max_stacks: args.max_stacks,
        max_services: args.max_services,
        state_version,
        id,
    })
}

const NAME: Question = Question::new("Tenant Name", "NAME", "DEPLOYER_TENANT");
const DISPLAY_NAME: Question = Question::new("Display Name", "--display-name", "DEPLOYER_TENANT_DISPLAY_NAME");
const EMAIL: Question = Question::new("Contact Email", "--email", "DEPLOYER_TENANT_EMAIL");
const ACCOUNT: Question =
    Question::new("AWS Account ID (for IAM policies)", "--account-id", "DEPLOYER_TENANT_ACCOUNT_ID");
const COST_TRACKING: Question =
    Question::new("Enable cost tracking", "--cost-tracking", "DEPLOYER_TENANT_COST_TRACKING");
const COST_LIMIT: Question =
    Question::new("Monthly cost limit (USD)", "--monthly-cost-limit", "DEPLOYER_TENANT_MONTHLY_COST_LIMIT");
const STATE_VERSION: Question = Question::new("State version", "--state-version", "DEPLOYER_TENANT_STATE_VERSION");

/// A name that an id can be made of: the daemon makes it, and has the last word.
fn name(text: &str) -> Result<(), String> {
    let id: String = text.to_lowercase().replace([' ', '_'], "-");
    let begins = id.starts_with(|c: char| c.is_ascii_lowercase());
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    match begins && id.chars().all(plain) && (3..=40).contains(&id.len()) && id != "admin" {
        true => Ok(()),
        false => Err("3 to 40 letters, digits, hyphens and blanks, a letter first, such as Web Team".to_owned()),
    }
}

fn email(text: &str) -> Result<(), String> {
    let parts = text.split_once('@').is_some_and(|(who, at)| !who.is_empty() && !at.is_empty() && !at.contains('@'));
    match text.is_empty() || parts && !text.contains(char::is_whitespace) {
        true => Ok(()),
        false => Err("write it as team@company.com; leave it empty if there is none".to_owned()),
    }
}

fn version(text: &str) -> Result<(), String> {
    let number = text.strip_prefix('v').filter(|number| !number.starts_with('0') && (1..=3).contains(&number.len()));
    match number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())) {
        true => Ok(()),
        false => Err("write it as v1, v2, …".to_owned()),
    }
}

fn account(text: &str) -> Result<(), String> {
    match text.is_empty() || text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(()),
        false => Err("an AWS account has 12 digits; leave it empty if there is none yet".to_owned()),
    }
}

fn limit(text: &str) -> Result<(), String> {
    parse_limit(text).map(drop).map_err(|_| "whole US dollars, such as 5000; leave it empty for no limit".to_owned())
}

fn title(look: &Look) -> String {
    let mut page = Page::new(look);
    page.blank().heading("Create New Tenant").rule().blank();
    page.text()
}

fn title_case(name: &str) -> String {
    let words = name.split(['-', '_', ' ']).filter(|word| !word.is_empty());
    words.map(crate::output::value::capital).collect::<Vec<_>>().join(" ")
}

fn parse_limit(text: &str) -> Result<Option<u32>, Report> {
    let digits = text.trim().trim_start_matches('$').replace(',', "");
    match digits.as_str() {
        "" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| {
            Report::usage(format!("the monthly cost limit must be whole US dollars, not {text}"))
                .hint("give --monthly-cost-limit 5000, or leave it empty for no limit")
        }),
    }
}

async fn created(guest: &Guest, request: CreateTenantRequest, steps: &mut Steps<'_>) -> Result<TenantCreated, Report> {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let mut events = client.create(request).await?.into_inner();
    while let Some(CreateTenantEvent { event }) = events.message().await? {
        match event {
            Some(create_tenant_event::Event::Step(step)) => steps.done(&step),
            Some(create_tenant_event::Event::Done(done)) => return Ok(done),
            None => {}
        }
    }
    Err(Report::unreachable("the daemon ended the creation without an answer")
        .hint("look whether the tenant exists: `deployer tenant list`"))
}

fn render(done: &TenantCreated, look: &Look) -> String {
    let tenant = done.tenant.clone().unwrap_or_default();
    let address = done.backend.clone().unwrap_or_default().address;
    let bucket = address.strip_prefix("s3://");
    let mut page = Page::new(look);
    page.rule().done("Tenant Created").blank();
    page.field("Tenant ID", &tenant.id);
    page.field("Tenant Secret", &done.secret);
    let indent = " ".repeat("Tenant Secret: ".len());
    page.line(&format!("{indent}{}", "^".repeat(done.secret.chars().count())));
    page.line(&paint::yellow(format!("{indent}SAVE THIS - IT CANNOT BE RECOVERED")));
    page.blank().field(if bucket.is_some() { "S3 Path" } else { "Path" }, &done.storage_path);
    page.field("Lock Prefix", &done.lock_prefix);
    page.section("Share with team").sub("Tenant", &tenant.id).sub("Secret", &done.secret);
    match bucket {
        Some(bucket) => page.sub("Bucket", bucket).sub_if("Region", &done.region),
        None => page.sub("Backend", &address),
    };
    page.rule().blank();
    page.line(&paint::yellow("⚠ IMPORTANT: Store the tenant secret securely."));
    page.line("   It cannot be retrieved later. If lost, use 'deployer tenant rotate'.");
    let place = match bucket {
        Some(bucket) if done.region.is_empty() => format!("--bucket {bucket}"),
        Some(bucket) => format!("--bucket {bucket} --region {}", done.region),
        None => format!("--backend {address}"),
    };
    page.blank().line(&escape::line(&format!("Next: deployer login --tenant {} {place}", tenant.id)));
    page.text()
}

#[cfg(test)]
mod tests {
    use deployer_proto::v1::{Backend, Tenant};

    use super::*;

    fn created_tenant(address: &str) -> TenantCreated {
        TenantCreated {
            tenant: Some(Tenant { id: "notifications-team".to_owned(), ..Tenant::default() }),
            secret: "ntfy_7Kx9pLmQ2wR8vN3jH6tY4bZ1cF5aS0dG".to_owned(),
            storage_path: "s3://company-deployer-state/tenants/notifications-team/v1/".to_owned(),
            lock_prefix: "tenant:notifications-team:".to_owned(),
            backend: Some(Backend { address: address.to_owned(), ..Backend::default() }),
            region: "us-east-1".to_owned(),
        }
    }

    #[test]
    fn a_new_tenant_looks_as_in_the_reference() {
        let done = created_tenant("s3://company-deployer-state");
        assert_eq!(
            Look::plain().finish(&render(&done, &Look::plain())),
            "────────────────────────────────────────────────\n\
             ✓ Tenant Created\n\
             \n\
             Tenant ID: notifications-team\n\
             Tenant Secret: ntfy_7Kx9pLmQ2wR8vN3jH6tY4bZ1cF5aS0dG\n\
             \x20              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n\
             \x20              SAVE THIS - IT CANNOT BE RECOVERED\n\
             \n\
             S3 Path: s3://company-deployer-state/tenants/notifications-team/v1/\n\
             Lock Prefix: tenant:notifications-team:\n\
             \n\
             Share with team:\n\
             \x20 Tenant: notifications-team\n\
             \x20 Secret: ntfy_7Kx9pLmQ2wR8vN3jH6tY4bZ1cF5aS0dG\n\
             \x20 Bucket: company-deployer-state\n\
             \x20 Region: us-east-1\n\
             ────────────────────────────────────────────────\n\
             \n\
             ⚠ IMPORTANT: Store the tenant secret securely.\n\
             \x20  It cannot be retrieved later. If lost, use 'deployer tenant rotate'.\n\
             \n\
             Next: deployer login --tenant notifications-team --bucket company-deployer-state --region us-east-1\n"
        );
    }

    #[test]
    fn a_backend_without_buckets_is_shared_by_its_address() {
        let text = render(&created_tenant("local:/srv/deployer"), &Look::plain());
        assert!(text.contains("\n  Backend: local:/srv/deployer\n") && !text.contains("Bucket"), "{text}");
    }

    #[test]
    fn what_cannot_be_right_is_refused_while_its_question_is_there() {
        for (check, good, bad) in [
            (
                name as prompt::Check,
                vec!["Web Team", "web_team", "abc"],
                vec!["", "ab", "9lives", "a/b", "Bäcker", "Admin"],
            ),
            (email, vec!["", "team@company.com"], vec!["bad", "@", "a@", "a b@c", "a@b@c"]),
            (version, vec!["v1", "v999"], vec!["", "1", "v0", "v01", "v+1", "v1000"]),
        ] {
            assert!(good.iter().all(|text| check(text).is_ok()), "{good:?}");
            assert!(bad.iter().all(|text| check(text).is_err()), "{bad:?}");
        }
    }

    #[test]
    fn a_name_suggests_what_people_see() {
        assert_eq!(title_case("notifications-team"), "Notifications Team");
        assert_eq!(parse_limit("$5,000").unwrap(), Some(5000));
        assert_eq!(parse_limit("").unwrap(), None);
        assert!(parse_limit("much").is_err());
    }
}
