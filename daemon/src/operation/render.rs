//! Answers the CloudFormation templates that typed components become. Changes nothing.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::expression::Scope;
use deployer_domain::manifest::Values;
use deployer_domain::name::{EnvironmentName, StackName};
use deployer_domain::template::{Rendered, render_all};

use super::target::Target;
use super::{Ports, authorise};

/// The templates of one environment.
#[derive(Debug, Clone)]
pub struct RenderedStack {
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The templates, in an order in which they could be deployed.
    pub templates: Vec<Rendered>,
}

/// Compiles what the target names.
pub async fn render(ports: &Ports, caller: &Caller, target: &Target) -> Result<RenderedStack> {
    let access = authorise::tenant(ports, caller).await?;
    let manifest = target.load(caller).await?.manifest;
    let environment = manifest.choose_environment(target.environment.as_deref())?.clone();
    let given = target.given(caller).await?;
    let values = Values::resolve(&manifest, &environment, &[&given])?;
    let described = manifest.environments.get(&environment).cloned().unwrap_or_default();
    let region = Some(access.tenant.aws.region.clone()).filter(|region| !region.is_empty());
    let scope = Scope {
        tenant: access.space.id().clone(),
        stack: manifest.name.clone(),
        environment: environment.clone(),
        region: described.region.or(region),
        role_arn: described.role_arn,
        network: described.network,
    };
    let templates = render_all(&manifest, &target.selection(), scope, values)?;
    Ok(RenderedStack { stack: manifest.name, environment, templates })
}
