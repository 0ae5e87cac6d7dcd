//! Asking what an apply would do, without leaving anything behind.

use super::Operation;
use deployer_domain::cloudformation::{Standing, standing};
use deployer_domain::engine::{EngineResult, Failure};
use deployer_domain::plan::{Proposal, StackWork};

impl Operation<'_> {
    /// Makes a change set, reads it, and deletes it again.
    pub(super) async fn propose(&self, work: &StackWork) -> EngineResult<Proposal> {
        let stack = self.describe().await?;
        let status = stack.as_ref().map(|stack| stack.status.as_str());
        let create = match standing(status) {
            Standing::Absent => true,
            Standing::Stable => false,
            // What comes of the operation, or of what it left, cannot be known before.
            _ => return Err(Failure::Left(format!("the stack is {}", status.unwrap_or_default()))),
        };
        if let (false, Some(stack)) = (create, &stack) {
            self.check_owner(stack, &work.tags)?;
        }
        let name = self.engine.token.as_str();
        let proposed = self.change_set(work, name, create).await;
        self.discard(name).await;
        if create {
            self.take_back_empty().await;
        }
        Ok(proposed?.unwrap_or_default())
    }

    /// Deletes the stack that a change set alone has made. A stack that somebody is about to fill is protected, and has
    /// a change set besides.
    async fn take_back_empty(&self) {
        let Ok(Some(stack)) = self.describe().await else { return };
        let Ok(others) = self.stacks.change_sets(&stack.id).await else { return };
        if stack.status != "REVIEW_IN_PROGRESS" || stack.protected || !others.is_empty() {
            return;
        }
        if let Err(error) = self.stacks.delete(&stack.id, self.engine.token.as_str()).await {
            tracing::warn!(stack = self.name(), %error, "a stack that only a plan has made is still there");
        }
    }
}
