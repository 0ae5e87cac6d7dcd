//! Deleting a stack.

use deployer_domain::cloudformation::{StackDescription, Standing, aftermath, standing};
use deployer_domain::engine::{EngineResult, Failure};
use deployer_domain::plan::DataFate;

use super::follow::{Mark, Whose};
use super::{Operation, failed};

impl Operation<'_> {
    /// Deletes the stack, if it is there.
    pub(super) async fn remove(&self, data: DataFate) -> EngineResult<()> {
        let Some(mut stack) = self.describe().await? else { return Ok(()) };
        if standing(Some(&stack.status)) == Standing::Busy {
            self.tell(&format!("waiting for an operation that is under way ({})", stack.status));
            let mark = Mark::at_the_end_of(self, &stack).await?;
            stack = self.follow(&stack.id, mark, Whose::Anyones).await?.stack;
        }
        if stack.status == "DELETE_COMPLETE" {
            return Ok(());
        }
        if stack.status != "REVIEW_IN_PROGRESS" {
            self.check_own(&stack)?;
        }
        self.discard_older("").await?;
        if stack.status != "REVIEW_IN_PROGRESS" {
            self.let_go(&stack, data).await?;
        }
        self.delete(&stack).await
    }

    /// Deletes a stack and waits until it is gone. It is protected until the very last moment, and again when the
    /// deletion failed.
    pub(super) async fn delete(&self, stack: &StackDescription) -> EngineResult<()> {
        let mark = Mark::at_the_end_of(self, stack).await?;
        self.pass_gate().await?;
        if stack.protected {
            let opened = self.stacks.protect(&stack.id, false).await;
            opened.map_err(|error| failed("take the protection from", self.name(), &error))?;
        }
        self.pass_gate().await?;
        let token = self.engine.token.as_str();
        let asked = self.stacks.delete(&stack.id, token).await;
        asked.map_err(|error| failed("delete", self.name(), &error))?;
        let ended = self.follow(&stack.id, mark, Whose::Ours(token)).await?;
        if ended.stack.status == "DELETE_COMPLETE" {
            return Ok(());
        }
        if let Err(error) = self.stacks.protect(&stack.id, true).await {
            tracing::warn!(stack = self.name(), %error, "a stack is not protected any more");
        }
        Err(Failure::Failed(format!("{}; {}", ended.why(), aftermath(&ended.stack.status, self.name()))))
    }

    /// Refuses a stack whose tags name another component; the run's other names are in the stack's own name.
    fn check_own(&self, stack: &StackDescription) -> EngineResult<()> {
        let own =
            [("deployer:service", self.id.service.to_string()), ("deployer:component", self.id.component.to_string())];
        self.check_owner(stack, &own.into())?;
        let others = ["deployer:tenant", "deployer:stack", "deployer:environment"];
        match others.iter().find(|name| !stack.tags.contains_key(**name)) {
            None => Ok(()),
            Some(name) => Err(Failure::Failed(format!(
                "the stack {} has no tag {name}, so it may be somebody else's; nothing was done",
                self.name()
            ))),
        }
    }
}
