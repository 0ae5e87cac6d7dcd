//! Lists the stacks of the tenant that is signed in.

use deployer_domain::caller::Caller;
use deployer_domain::error::Result;

use super::stack_summaries::{StackSummary, summaries};
use super::{Ports, authorise};

/// Lists the stacks of the tenant that is signed in, sorted by stack and environment.
pub async fn tenant_stacks(ports: &Ports, caller: &Caller) -> Result<Vec<StackSummary>> {
    let access = authorise::tenant(ports, caller).await?;
    summaries(&access.backend, &access.space).await
}
