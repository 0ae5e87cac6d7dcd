//! `deployer tenant edit`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{AllowedNames, EditTenantRequest, EditTenantResponse, Mode, TenantRules};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::output::value;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id
    pub id: String,
    /// The name that people see
    #[arg(long, value_name = "NAME")]
    pub display_name: Option<String>,
    /// Whom to write to
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
    /// The team's AWS account, 12 digits
    #[arg(long, value_name = "ID")]
    pub account_id: Option<String>,
    /// The team's AWS region; the regions that its stacks may name are --regions
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The team
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,
    /// The department
    #[arg(long, value_name = "DEPARTMENT")]
    pub department: Option<String>,
    /// Whether costs are tracked
    #[arg(long, value_name = "yes|no", value_parser = prompt::yes_or_no)]
    pub cost_tracking: Option<bool>,
    /// US dollars a month; 0 lifts the limit
    #[arg(long, value_name = "USD")]
    pub monthly_cost_limit: Option<u32>,
    /// How many stacks it may have
    #[arg(long, value_name = "N")]
    pub max_stacks: Option<u32>,
    /// How many services it may have
    #[arg(long, value_name = "N")]
    pub max_services: Option<u32>,
    /// The environments that its stacks may name, such as staging,production; `any` for no limit
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub environments: Option<Vec<String>>,
    /// The regions that its stacks may name, such as eu-central-1,us-east-1; `any` for no limit
    #[arg(long, value_name = "REGIONS", value_delimiter = ',')]
    pub regions: Option<Vec<String>>,
    /// Whether a run on production needs another person's approval
    #[arg(long, value_name = "yes|no", value_parser = prompt::yes_or_no)]
    pub require_approval: Option<bool>,
    /// What happens at the monthly cost limit
    #[arg(long, value_name = "warn|deny", value_parser = ["warn", "deny"])]
    pub cost_limit: Option<String>,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let request = EditTenantRequest {
        context: guest.call(Mode::Admin)?,
        id: args.id,
        display_name: args.display_name,
        email: args.email,
        account_id: args.account_id,
        region: args.region,
        team: args.team,
        department: args.department,
        cost_tracking: args.cost_tracking,
        monthly_cost_limit: args.monthly_cost_limit,
        max_stacks: args.max_stacks,
        max_services: args.max_services,
        environments: args.environments.map(allowed),
        regions: args.regions.map(allowed),
        require_approval: args.require_approval,
        cost_limit: args.cost_limit,
    };
    let edited = client.edit(request).await?.into_inner();
    guest.terminal.answer(&edited, &Shapes { quiet: id, text: render })?;
    Ok(exit::DONE)
}

fn allowed(names: Vec<String>) -> AllowedNames {
    let names = names.into_iter().map(|name| name.trim().to_owned());
    AllowedNames { names: names.filter(|name| !name.is_empty() && name != "any").collect() }
}

fn id(edited: &EditTenantResponse) -> String {
    edited.tenant.clone().unwrap_or_default().id
}

fn render(edited: &EditTenantResponse, look: &Look) -> String {
    let (tenant, rules) = (edited.tenant.clone().unwrap_or_default(), edited.rules.clone().unwrap_or_default());
    let limits = tenant.limits.unwrap_or_default();
    let mut page = Page::new(look);
    page.done(&format!("Changed {}", tenant.id)).blank();
    page.field("Display Name", &tenant.display_name).field_if("Email", &tenant.email);
    page.field_if("AWS Account", &tenant.account_id).field_if("Region", &tenant.region);
    page.field_if("Team", &tenant.team).field_if("Department", &tenant.department);
    page.section("Limits").sub("Cost Tracking", yes_no(limits.cost_tracking));
    let limit = limits.monthly_cost_limit.map_or_else(|| "none".to_owned(), |limit| value::dollars(limit.into()));
    page.sub("Monthly Cost Limit", &limit);
    page.sub("Max Stacks", &limits.max_stacks.to_string()).sub("Max Services", &limits.max_services.to_string());
    show_rules(&mut page, &rules);
    page.text()
}

/// What a tenant may deploy to, and how.
pub fn show_rules(page: &mut Page<'_>, rules: &TenantRules) {
    page.section("Rules").sub("Environments", &or_any(&rules.environments)).sub("Regions", &or_any(&rules.regions));
    page.sub("Approval for Production", yes_no(rules.require_approval));
    page.sub("At the Cost Limit", &rules.cost_limit);
}

fn yes_no(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn or_any(names: &[String]) -> String {
    if names.is_empty() { "any".to_owned() } else { names.join(", ") }
}
