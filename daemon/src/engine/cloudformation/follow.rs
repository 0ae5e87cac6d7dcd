//! Following an operation to its end: its events as they come, patiently, whatever the network does.

use std::time::Duration;

use deployer_domain::cloudformation::{StackDescription, StackEvent, Standing, standing};
use deployer_domain::engine::{EngineResult, Failure};
use deployer_domain::object::{PortError, PortResult};

use super::{Operation, failed};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// How long the provider may be out of reach before its operation is left alone.
const PATIENCE: Duration = Duration::from_secs(900);

/// The last event of a stack that is known.
pub(super) struct Mark(Option<String>);

impl Mark {
    /// Before anything.
    pub(super) fn at_the_beginning() -> Self {
        Self(None)
    }

    /// After all that has happened so far.
    pub(super) async fn at_the_end_of(operation: &Operation<'_>, stack: &StackDescription) -> EngineResult<Self> {
        let newest = operation.stacks.newest_event(&stack.id).await;
        newest.map(Self).map_err(|error| failed("read the events of", operation.name(), &error))
    }
}

/// How an operation ended.
pub(super) struct Ended {
    /// The stack after it.
    pub stack: StackDescription,
    /// What failed first.
    first: Option<StackEvent>,
    /// How the stack's own events of the operation ended, oldest first.
    pub of_stack: Vec<StackEvent>,
    /// Whether it was cancelled because the run was.
    pub cancelled: bool,
}

impl Ended {
    /// Why it failed: the first resource that did, else what the stack itself says.
    pub(super) fn why(&self) -> String {
        let told = |event: &&StackEvent| !event.reason.is_empty() && says_why(&event.status);
        match (&self.first, self.of_stack.iter().find(told)) {
            (Some(event), _) => {
                format!("{} ({}) {}: {}", event.resource, event.resource_type, event.status, event.reason)
            }
            (None, Some(event)) => event.reason.clone(),
            (None, None) if self.stack.reason.is_empty() => format!("the stack is {}", self.stack.status),
            (None, None) => self.stack.reason.clone(),
        }
    }
}

/// Whether a stack's own event of this status tells why its operation failed.
fn says_why(status: &str) -> bool {
    status.ends_with("_FAILED") || status.ends_with("ROLLBACK_IN_PROGRESS")
}

/// Which operation is followed.
#[derive(Clone, Copy)]
pub(super) enum Whose<'a> {
    /// Our own with this token: a cancelled run cancels it where that is possible.
    Ours(&'a str),
    /// An earlier holder's with this token.
    Earlier(&'a str),
    /// Whatever is under way.
    Anyones,
}

impl Whose<'_> {
    fn takes(self, event: &StackEvent) -> bool {
        match self {
            Self::Ours(token) | Self::Earlier(token) => event.token == token,
            Self::Anyones => true,
        }
    }
}

struct Following<'a, 'b> {
    operation: &'a Operation<'b>,
    id: &'a str,
    whose: Whose<'a>,
    mark: Mark,
    first: Option<StackEvent>,
    of_stack: Vec<StackEvent>,
}

impl Operation<'_> {
    /// Follows an operation to its end. A cancelled run cancels an update of its own and leaves everything else to the
    /// provider; a lost lock leaves everything to it.
    pub(super) async fn follow(&self, id: &str, mark: Mark, whose: Whose<'_>) -> EngineResult<Ended> {
        let mut following = Following { operation: self, id, whose, mark, first: None, of_stack: Vec::new() };
        let (mut pause, mut cancelled) = (FIRST_PAUSE, false);
        let mut reached = tokio::time::Instant::now();
        loop {
            match following.look().await {
                Ok((Some(stack), _)) if following.is_over(&stack) => {
                    let _last = following.events().await;
                    let Following { first, of_stack, .. } = following;
                    return Ok(Ended { stack, first, of_stack, cancelled });
                }
                Ok((Some(stack), news)) => {
                    if news || !following.of_stack.is_empty() {
                        reached = tokio::time::Instant::now();
                    } else if reached.elapsed() > PATIENCE {
                        return Err(Failure::Left("it was asked for, and nothing is seen of it".to_owned()));
                    }
                    pause = if news { FIRST_PAUSE * 2 } else { pause };
                    if self.engine.cancel.is_cancelled() && !cancelled {
                        match whose {
                            Whose::Ours(_) => cancelled = self.cancel(&stack).await?,
                            Whose::Earlier(_) | Whose::Anyones => return Err(Failure::Cancelled),
                        }
                    }
                }
                Ok((None, _)) => return Err(Failure::Failed(format!("the stack {} is gone", self.name()))),
                Err(error) if error.is_passing() && reached.elapsed() < PATIENCE => pause = LONGEST_PAUSE,
                Err(error) => {
                    let why = format!("cannot follow it ({error}); CloudFormation goes on by itself");
                    return Err(Failure::Left(format!("{why}, the next run takes up its result")));
                }
            }
            let waiting = tokio::time::sleep(pause);
            tokio::select! {
                () = waiting => {}
                () = self.engine.cancel.cancelled(), if !cancelled => {}
                () = self.engine.gate.lost() => {
                    return Err(Failure::Left("the lock was lost: CloudFormation goes on by itself".to_owned()));
                }
            }
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Answers whether the operation is being cancelled; what cannot be cancelled is left to the provider.
    async fn cancel(&self, stack: &StackDescription) -> EngineResult<bool> {
        // It is as good as over, or taken back already.
        if stack.status.starts_with("UPDATE_ROLLBACK") || stack.status.contains("CLEANUP") {
            return Ok(true);
        }
        if stack.status == "UPDATE_IN_PROGRESS" {
            self.engine.gate.pass().await.map_err(|_| Failure::CutOff)?;
            match self.stacks.cancel_update(&stack.id).await {
                Ok(()) => {
                    self.tell("cancelling the update; CloudFormation takes it back");
                    return Ok(true);
                }
                // It came to its end, or to its clean-up, at the same moment.
                Err(error) => tracing::info!(stack = self.name(), %error, "an update was not cancelled"),
            }
        }
        Err(Failure::Left(format!(
            "CloudFormation cannot cancel this ({}) and goes on by itself; the next run waits for it and takes up its result",
            stack.status
        )))
    }
}

impl Following<'_, '_> {
    /// Whether the operation has ended. One that was only just asked for may not have begun yet: then the stack still
    /// stands as it stood before.
    fn is_over(&self, stack: &StackDescription) -> bool {
        let begun = !self.of_stack.is_empty() || !matches!(self.whose, Whose::Ours(_));
        stack.status == "DELETE_COMPLETE" || begun && standing(Some(&stack.status)) != Standing::Busy
    }

    /// Tells what is new; answers the stack, and whether something was.
    async fn look(&mut self) -> PortResult<(Option<StackDescription>, bool)> {
        let news = self.events().await?;
        let stack = self.operation.stacks.describe(self.id).await?;
        Ok((stack, news))
    }

    async fn events(&mut self) -> Result<bool, PortError> {
        let events = self.operation.stacks.events(self.id, self.mark.0.as_deref()).await?;
        if let Some(last) = events.last() {
            self.mark = Mark(Some(last.id.clone()));
        }
        let news = !events.is_empty();
        for event in events {
            if self.whose.takes(&event) {
                self.take(event);
            }
        }
        Ok(news)
    }

    fn take(&mut self, event: StackEvent) {
        if event.of_stack {
            self.of_stack.push(event);
            return;
        }
        let reason = if event.reason.is_empty() { String::new() } else { format!(": {}", event.reason) };
        self.operation.tell(&format!("{} {}{reason}", event.resource, event.status));
        let consequence = event.reason.contains("cancelled") || event.status.starts_with("DELETE");
        if event.status.ends_with("_FAILED")
            && (self.first.is_none() && !consequence || event.status == "DELETE_FAILED")
        {
            self.first = Some(event);
        }
    }
}
