//! `deployer tenant policy`.

use deployer_proto::v1::tenant_service_client::TenantServiceClient;
use deployer_proto::v1::{Mode, TenantPolicyRequest, TenantRole};

use crate::Outcome;
use crate::exit;
use crate::guest::Guest;
use crate::output::Shapes;
use crate::output::page::Page;
use crate::output::paint::Look;
use crate::prompt;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tenant's id
    pub id: String,
    /// Who may assume the role: the exact ARN of a role or user; can be given several times
    #[arg(long = "principal", value_name = "ARN")]
    pub principals: Vec<String>,
    /// Make the role, or change the one that is there
    #[arg(long)]
    pub apply: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Runs it.
pub async fn run(guest: &Guest, args: Args) -> Outcome {
    if args.apply {
        prompt::confirm(guest, args.yes, "making a tenant's role").await?;
    }
    let mut client = TenantServiceClient::new(guest.channel().await?);
    let request = TenantPolicyRequest {
        context: guest.call(Mode::Admin)?,
        id: args.id,
        principals: args.principals,
        apply: args.apply,
    };
    let role = client.policy(request).await?.into_inner();
    guest.terminal.answer(&role, &Shapes { quiet: |role| role.arn.clone(), text: render })?;
    Ok(exit::DONE)
}

fn render(role: &TenantRole, look: &Look) -> String {
    let mut page = Page::titled(look, &format!("Role: {}", role.name));
    page.field("ARN", &role.arn);
    page.section("Who may assume it");
    match role.trust.as_str() {
        "" => page.line("  Nobody is named yet: name people and pipelines with --principal ARN."),
        trust => page.line(trust),
    };
    page.section("What it may do").line(&role.permissions).blank();
    match role.applied.as_str() {
        "" => page.line(
            "Nothing was changed. --apply makes it so; infrastructure/ has the same for CloudFormation and Terraform.",
        ),
        done => page.done(&format!("The role was {done}")),
    };
    page.line(&format!("The team signs in with `deployer login --tenant {} --role-arn {}`.", role.tenant, role.arn));
    page.rule();
    page.text()
}
