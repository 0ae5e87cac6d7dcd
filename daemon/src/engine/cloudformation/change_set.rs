//! Making change sets, and getting rid of those that must not run.

use std::collections::BTreeSet;
use std::time::Duration;

use deployer_domain::cloudformation::{ChangeSet, ChangeSetRequest, PLAN_PREFIX, TOKEN_PREFIX, TemplateBody};
use deployer_domain::engine::{EngineResult, Failure};
use deployer_domain::plan::{Proposal, StackWork};

use super::{Operation, failed, refused};

/// How long a change set may take to be made.
const PATIENCE: Duration = Duration::from_secs(600);

impl Operation<'_> {
    /// Makes a change set and waits for it; nothing where it would change nothing.
    pub(super) async fn change_set(
        &self,
        work: &StackWork,
        name: &str,
        create: bool,
    ) -> EngineResult<Option<Proposal>> {
        let template = match work.template.is_long() {
            false => TemplateBody::Text(work.template.text.clone()),
            true => {
                let link = self.engine.access.upload(&work.template).await;
                TemplateBody::Link(link.map_err(|error| refused(&error))?)
            }
        };
        let request = ChangeSetRequest {
            stack: self.name().to_owned(),
            name: name.to_owned(),
            create,
            template,
            parameters: work.parameters.clone(),
            kept_parameters: BTreeSet::new(),
            capabilities: work.template.capabilities(),
            tags: work.tags.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        };
        self.make(&request).await
    }

    /// Makes what is requested and waits for it; nothing where it would change nothing.
    pub(super) async fn make(&self, request: &ChangeSetRequest) -> EngineResult<Option<Proposal>> {
        let made = self.stacks.create_change_set(request).await;
        made.map_err(|error| failed("make a change set of", self.name(), &error))?;
        self.ready(&request.name).await
    }

    async fn ready(&self, name: &str) -> EngineResult<Option<Proposal>> {
        let begun = tokio::time::Instant::now();
        let mut pause = Duration::from_millis(50);
        loop {
            match self.stacks.change_set(self.name(), name).await {
                Ok(Some(ChangeSet::Ready(resources))) => return Ok(Some(Proposal { resources })),
                Ok(Some(ChangeSet::Empty)) => return Ok(None),
                Ok(Some(ChangeSet::Failed(why))) => {
                    return Err(Failure::Failed(format!("CloudFormation refuses the template: {why}")));
                }
                Ok(None) => return Err(Failure::Failed(format!("the change set {name} is gone: run it again"))),
                Ok(Some(ChangeSet::Pending)) => {}
                Err(error) if error.is_passing() => {}
                Err(error) => return Err(failed("look at the change set of", self.name(), &error)),
            }
            if begun.elapsed() > PATIENCE {
                return Err(Failure::Failed(format!("the change set {name} was not made within {PATIENCE:?}")));
            }
            if self.engine.cancel.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return Err(Failure::Cancelled);
            }
            pause = (pause * 3 / 2).min(Duration::from_secs(2));
        }
    }

    /// Deletes a change set; one that cannot be deleted is left for the next run to delete.
    pub(super) async fn discard(&self, name: &str) {
        if let Err(error) = self.stacks.delete_change_set(self.name(), name).await {
            tracing::warn!(stack = self.name(), name, %error, "a change set was not deleted");
        }
    }

    /// Deletes what earlier holders of the lock have made and not executed: what is deleted can never run.
    pub(super) async fn discard_older(&self, ours: &str) -> EngineResult<()> {
        let names = self.stacks.change_sets(self.name()).await;
        let names = names.map_err(|error| failed("list the change sets of", self.name(), &error))?;
        let older =
            |name: &&String| name.starts_with(TOKEN_PREFIX) && !name.starts_with(PLAN_PREFIX) && name.as_str() != ours;
        for name in names.iter().filter(older) {
            let deleted = self.stacks.delete_change_set(self.name(), name).await;
            deleted.map_err(|error| failed("delete an older change set of", self.name(), &error))?;
        }
        Ok(())
    }
}
