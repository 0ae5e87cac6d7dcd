//! Making a stack so: whatever it stands in is brought to where a change set can be made, then that is executed.

use std::time::Instant;

use deployer_domain::cloudformation::{StackDescription, Standing, aftermath, standing, succeeded};
use deployer_domain::engine::{EngineResult, Failure};
use deployer_domain::plan::{Outcome, Proposal, ResourceAction, StackWork};
use deployer_domain::state::Output;

use super::follow::{Mark, Whose};
use super::{Operation, failed};

/// How often a stack is brought on before a change set can be made.
const TURNS: usize = 4;

impl Operation<'_> {
    /// Creates or updates the stack.
    pub(super) async fn apply(&self, work: &StackWork) -> EngineResult<Outcome> {
        let begun = Instant::now();
        let stack = self.made_ready(work).await?;
        let token = self.engine.token.as_str();
        if stack.is_some() {
            self.discard_older(token).await?;
        }
        let create = standing(stack.as_ref().map(|stack| stack.status.as_str())) == Standing::Absent;
        let proposal = self.change_set(work, token, create).await?;
        let stack = self.there().await?;
        let Some(proposal) = proposal else {
            self.discard(token).await;
            return Ok(Outcome { unchanged: true, ..self.outcome(&stack, begun).await? });
        };
        if let Err(refusal) = self.compare(&proposal) {
            self.discard(token).await;
            return Err(refusal);
        }
        self.tell(&summary(&proposal));
        let mark = Mark::at_the_end_of(self, &stack).await?;
        if let Err(stopped) = self.execute(&stack).await {
            self.discard(token).await;
            return Err(stopped);
        }
        let ended = self.follow(&stack.id, mark, Whose::Ours(token)).await?;
        if succeeded(&ended.stack.status) {
            return self.outcome(&ended.stack, begun).await;
        }
        let why = ended.why();
        if ended.cancelled {
            self.tell(&aftermath(&ended.stack.status, self.name()));
            return Err(Failure::Cancelled);
        }
        Err(Failure::Failed(format!("{why}; {}", aftermath(&ended.stack.status, self.name()))))
    }

    /// Brings the stack to where a change set can be made; answers it where it is there.
    async fn made_ready(&self, work: &StackWork) -> EngineResult<Option<StackDescription>> {
        for _ in 0..TURNS {
            let Some(stack) = self.describe().await? else { return Ok(None) };
            let stands = standing(Some(&stack.status));
            if stands != Standing::Absent {
                self.check_owner(&stack, &work.tags)?;
            }
            match stands {
                Standing::Absent | Standing::Stable => return Ok(Some(stack)),
                Standing::Busy => {
                    self.tell(&format!("waiting for an operation that is under way ({})", stack.status));
                    let mark = Mark::at_the_end_of(self, &stack).await?;
                    drop(self.follow(&stack.id, mark, Whose::Anyones).await?);
                }
                Standing::NeverMade => {
                    self.tell(&format!("deleting what is left of an earlier attempt ({})", stack.status));
                    self.delete(&stack).await?;
                }
                Standing::RollbackFailed => self.continue_rollback(&stack).await?,
                Standing::HalfDeleted => {
                    let why = "a deletion of it failed before, so it can only be deleted again: destroy it first";
                    return Err(Failure::Failed(format!("{why} ({})", stack.reason)));
                }
            }
        }
        Err(Failure::Failed(format!("the stack {} does not come to a standstill: apply again later", self.name())))
    }

    async fn continue_rollback(&self, stack: &StackDescription) -> EngineResult<()> {
        self.tell("continuing a rollback that had failed (UPDATE_ROLLBACK_FAILED)");
        let mark = Mark::at_the_end_of(self, stack).await?;
        self.pass_gate().await?;
        let token = format!("{}-rollback", self.engine.token);
        let asked = self.stacks.continue_rollback(&stack.id, &token).await;
        asked.map_err(|error| failed("continue the rollback of", self.name(), &error))?;
        let ended = self.follow(&stack.id, mark, Whose::Ours(&token)).await?;
        match ended.stack.status.as_str() {
            "UPDATE_ROLLBACK_COMPLETE" => Ok(()),
            status => Err(Failure::Failed(format!("{}; {}", ended.why(), aftermath(status, self.name())))),
        }
    }

    async fn there(&self) -> EngineResult<StackDescription> {
        let gone = || Failure::Failed(format!("the stack {} is gone: run it again", self.name()));
        self.describe().await?.ok_or_else(gone)
    }

    /// Executes our change set, unless the lock was lost or the run cancelled at this very moment.
    async fn execute(&self, stack: &StackDescription) -> EngineResult<()> {
        if !stack.protected {
            let protected = self.stacks.protect(&stack.id, true).await;
            protected.map_err(|error| failed("protect", self.name(), &error))?;
        }
        self.pass_gate().await?;
        let token = self.engine.token.as_str();
        match self.stacks.execute(self.name(), token, token).await {
            Ok(()) => Ok(()),
            Err(error) => {
                // An answer that got lost looks like an error; what matters is whether it began.
                let now = self.describe().await?.map(|stack| stack.status).unwrap_or_default();
                let began = standing(Some(&now)) == Standing::Busy || now != stack.status;
                if began { Ok(()) } else { Err(failed("change", self.name(), &error)) }
            }
        }
    }

    /// Refuses a change set that is not what was confirmed.
    fn compare(&self, proposal: &Proposal) -> EngineResult<()> {
        match self.engine.approved.0.get(self.id) {
            Some(approved) if *approved != proposal.digest() => Err(Failure::Failed(
                "CloudFormation would do something else now than what was confirmed: plan again, and look at it"
                    .to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// What there is now.
    pub(super) async fn outcome(&self, stack: &StackDescription, begun: Instant) -> EngineResult<Outcome> {
        let resources = self.stacks.resources(&stack.id).await;
        let resources = resources.map_err(|error| failed("list what is in", self.name(), &error))?;
        let mut outcome = Outcome { resources, ..Outcome::default() };
        for (name, value) in &stack.outputs {
            if self.engine.redactor.finds(value) {
                self.tell(&format!("the output {name} holds a sensitive value: it is not recorded"));
            } else {
                outcome.outputs.insert(name.clone(), Output::Value(value.clone()));
            }
        }
        outcome.duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(outcome)
    }
}

/// What a change set will do, in one line; what is dangerous is loud.
fn summary(proposal: &Proposal) -> String {
    let number = |actions: &[ResourceAction]| {
        proposal.resources.iter().filter(|change| actions.contains(&change.action)).count()
    };
    let counts = [
        (number(&[ResourceAction::Add]), "to add"),
        (number(&[ResourceAction::Modify, ResourceAction::Dynamic]), "to modify"),
        (number(&[ResourceAction::Replace, ResourceAction::MayReplace]), "to REPLACE"),
        (number(&[ResourceAction::Remove]), "to REMOVE"),
        (number(&[ResourceAction::Import]), "to import"),
    ];
    let counts = counts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}"));
    let mut text = counts.collect::<Vec<_>>().join(", ");
    if proposal.resources.iter().any(|change| change.permissions) {
        text.push_str("; PERMISSIONS change");
    }
    text
}
