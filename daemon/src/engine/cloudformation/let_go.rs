//! Letting data go before its stack is deleted: a template that keeps it would leave it behind, owned by nobody.

use std::collections::BTreeMap;

use deployer_domain::cloudformation::{
    ChangeSetRequest, LettingGo, StackDescription, StackTemplate, Standing, TemplateBody, aftermath, deletes_a_bucket,
    letting_go, standing, succeeded,
};
use deployer_domain::engine::{EngineResult, Failure};
use deployer_domain::plan::DataFate;

use super::follow::{Mark, Whose};
use super::{Operation, failed, refused};

impl Operation<'_> {
    /// Sees to it that a deletion of the stack deletes what is to go.
    pub(super) async fn let_go(&self, stack: &StackDescription, data: DataFate) -> EngineResult<()> {
        if data == DataFate::AsItsTemplateSays {
            return Ok(());
        }
        let template = self.stacks.template(&stack.id).await;
        let mut template = template.map_err(|error| failed("read the template of", self.name(), &error))?;
        // A stack that cannot be updated was never whole, or is half deleted.
        if data == DataFate::Deleted
            && standing(Some(&stack.status)) == Standing::Stable
            && let Some(without) = letting_go(&template).map_err(|error| self.unreadable(&error))?
        {
            self.update(stack, &without).await?;
            template = without.text;
        }
        if deletes_a_bucket(&template).map_err(|error| self.unreadable(&error))? {
            self.empty_buckets(stack).await?;
        }
        Ok(())
    }

    /// Updates the stack to a template that keeps nothing, under a token that is not the deletion's.
    async fn update(&self, stack: &StackDescription, without: &LettingGo) -> EngineResult<()> {
        self.tell("letting its data go: nothing of it is kept or protected any more");
        let token = format!("{}-data", self.engine.token);
        let text = StackTemplate { text: without.text.as_str().into() };
        let template = match text.is_long() {
            false => TemplateBody::Text(text.text.clone()),
            true => TemplateBody::Link(self.engine.access.upload(&text).await.map_err(|error| refused(&error))?),
        };
        let request = ChangeSetRequest {
            stack: self.name().to_owned(),
            name: token.clone(),
            create: false,
            template,
            parameters: BTreeMap::new(),
            kept_parameters: without.parameters.clone(),
            capabilities: text.capabilities(),
            tags: stack.tags.clone(),
        };
        if self.make(&request).await?.is_none() {
            self.discard(&token).await;
            return Ok(());
        }
        let mark = Mark::at_the_end_of(self, stack).await?;
        self.pass_gate().await?;
        let asked = self.stacks.execute(self.name(), &token, &token).await;
        asked.map_err(|error| failed("let the data go of", self.name(), &error))?;
        let ended = self.follow(&stack.id, mark, Whose::Ours(&token)).await?;
        if succeeded(&ended.stack.status) {
            return Ok(());
        }
        if ended.cancelled {
            return Err(Failure::Cancelled);
        }
        Err(Failure::Failed(format!("{}; {}", ended.why(), aftermath(&ended.stack.status, self.name()))))
    }

    async fn empty_buckets(&self, stack: &StackDescription) -> EngineResult<()> {
        let resources = self.stacks.resources(&stack.id).await;
        let resources = resources.map_err(|error| failed("list what is in", self.name(), &error))?;
        for bucket in resources.iter().filter(|resource| resource.resource_type == "AWS::S3::Bucket") {
            let mut deleted = 0;
            loop {
                self.pass_gate().await?;
                let some = self.stacks.empty_bucket(&bucket.id).await;
                match some.map_err(|error| failed("empty the bucket of", self.name(), &error))? {
                    0 => break,
                    some => deleted += some,
                }
                self.tell(&format!("emptying {}: {deleted} objects and versions deleted", bucket.id));
            }
        }
        Ok(())
    }

    fn unreadable(&self, error: &serde_json::Error) -> Failure {
        Failure::Failed(format!("the template of the stack {} cannot be read: {error}; nothing was done", self.name()))
    }
}
