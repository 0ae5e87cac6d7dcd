//! Bringing to its end what an earlier holder of the lock had asked for, without starting anything.

use std::time::Instant;

use deployer_domain::cloudformation::{StackDescription, Standing, aftermath, standing, succeeded};
use deployer_domain::engine::{Adopted, EngineResult};
use deployer_domain::state::{Action, Intent};

use super::follow::{Ended, Mark, Whose};
use super::{Operation, failed};

impl Operation<'_> {
    /// Resolves an intent: makes sure that what has not begun never begins, waits for what has, and tells how it ended.
    pub(super) async fn adopt(&self, intent: &Intent, token: &str) -> EngineResult<Adopted> {
        let begun = Instant::now();
        let deletes = intent.action == Action::Delete;
        let Some(stack) = self.describe().await? else {
            return Ok(if deletes { Adopted::Done(None) } else { Adopted::Unfinished });
        };
        self.discard_older("").await?;
        if standing(Some(&stack.status)) == Standing::Absent {
            return Ok(if deletes { Adopted::Done(None) } else { Adopted::Unfinished });
        }
        if deletes && standing(Some(&stack.status)) != Standing::Busy {
            return self.protect_again(&stack).await;
        }
        let ended = self.ended(&stack, token).await?;
        let gone = ended.stack.status == "DELETE_COMPLETE";
        if deletes {
            return match ended.of_stack.is_empty() && !gone {
                // What was under way only came before the deletion.
                true => self.protect_again(&ended.stack).await,
                false if gone => Ok(Adopted::Done(None)),
                false => Ok(Adopted::Failed(self.failure(&ended))),
            };
        }
        // Only what began under this very token is the operation's result.
        let Some(last) = ended.of_stack.last() else { return Ok(Adopted::Unfinished) };
        Ok(if gone {
            Adopted::Unfinished
        } else if succeeded(&last.status) && succeeded(&ended.stack.status) {
            self.tell("the operation of an earlier run was finished by CloudFormation");
            Adopted::Done(Some(self.outcome(&ended.stack, begun).await?))
        } else {
            Adopted::Failed(self.failure(&ended))
        })
    }

    fn failure(&self, ended: &Ended) -> String {
        format!("{}; {}", ended.why(), aftermath(&ended.stack.status, self.name()))
    }

    async fn ended(&self, stack: &StackDescription, token: &str) -> EngineResult<Ended> {
        if standing(Some(&stack.status)) == Standing::Busy {
            self.tell(&format!("waiting for the operation of an earlier run ({})", stack.status));
        }
        self.follow(&stack.id, Mark::at_the_beginning(), Whose::Earlier(token)).await
    }

    /// A deletion that was about to be asked for is refused from now on.
    async fn protect_again(&self, stack: &StackDescription) -> EngineResult<Adopted> {
        let protected = self.stacks.protect(&stack.id, true).await;
        protected.map_err(|error| failed("protect", self.name(), &error))?;
        Ok(Adopted::Unfinished)
    }
}
