//! Shows a stack's file as it is understood. Needs no session.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;

use super::target::{Loaded, Target};

/// Finds and reads the stack file.
pub async fn show_stack(caller: &Caller, target: &Target) -> Result<Loaded> {
    target.load(caller).await
}
