//! Lists the stacks of the tenant that is signed in.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;

use super::stack_summaries::{StackSummary, summaries};
use super::{Ports, authorise};

/// Reads all states of the tenant, sorted by stack and environment.
pub async fn list_stacks(ports: &Ports, caller: &Caller) -> Result<Vec<StackSummary>> {
    let access = authorise::tenant(ports, caller).await?;
    summaries(&access.backend, &access.space).await
}
