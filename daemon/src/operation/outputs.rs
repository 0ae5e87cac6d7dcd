//! Answers the outputs of the last apply.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;
use deployer_domain::name::{EnvironmentName, StackName};
use deployer_domain::run::{NamedOutput, named_outputs};

use super::Ports;
use super::target::{Target, not_deployed};
use super::view::View;

/// The outputs of one environment.
#[derive(Debug, Clone)]
pub struct DeployedOutputs {
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The outputs, sorted by component, then name.
    pub outputs: Vec<NamedOutput>,
}

/// Reads the outputs from the state.
pub async fn outputs(ports: &Ports, caller: &Caller, target: &Target) -> Result<DeployedOutputs> {
    let view = View::of(ports, caller, target.tenant.as_ref()).await?;
    let place = target.place(&view, caller).await?;
    let Some((mut state, _)) = view.state(&view.stack(&place.stack, &place.environment)).await? else {
        return Err(not_deployed(&view, &place.stack, &place.environment).await);
    };
    let selection = target.selection();
    state.components.retain(|id, _| selection.names(id));
    Ok(DeployedOutputs { stack: place.stack, environment: place.environment, outputs: named_outputs(&state) })
}
