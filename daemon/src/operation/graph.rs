//! Draws the graph of a stack file. Needs no session.

use deployer_domain::caller::Caller;
use deployer_domain::drawing::{Format, draw};
use deployer_domain::error::Result;
use deployer_domain::name::StackName;

use super::target::Target;

/// Draws a stack, or the selected part of it with what that depends on.
pub async fn graph(caller: &Caller, target: &Target, format: Format) -> Result<(StackName, String)> {
    let manifest = target.load(caller).await?.manifest;
    let (name, selection) = (manifest.name.clone(), target.selection());
    let drawing = super::busy(move || draw(&manifest, &selection, format)).await??;
    Ok((name, drawing))
}
