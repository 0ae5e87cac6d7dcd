//! The logs of what is deployed: those of the provider and what commands printed, interleaved by time.

mod groups;
mod printed;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::logs::LogLine;
use deployer_domain::name::ComponentId;
use deployer_domain::plan::Deployed;
use deployer_domain::state::{EngineKind, StateDocument};
use jiff::Timestamp;

use super::stack_access::reference;
use super::target::{Target, not_deployed};
use super::view::View;
use super::{Ports, bounded};
use groups::Group;
use printed::Printed;

/// How far back the provider's logs are read where the caller does not say.
const RECENT: Duration = Duration::from_secs(3600);
/// How often new lines are looked for.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// What a log group is to CloudFormation.
const LOG_GROUP: &str = "AWS::Logs::LogGroup";

/// Which logs.
#[derive(Debug, Clone)]
pub struct AskedLogs {
    /// Of what.
    pub target: Target,
    /// Whether to wait for more.
    pub follow: bool,
    /// From when on; else the last hour of the provider's logs, and of commands what their last run printed.
    pub since: Option<Timestamp>,
}

/// Lines of logs, in the order of their times.
pub struct Logs {
    sources: Vec<Source>,
    follow: bool,
}

struct Source {
    kind: Kind,
    waiting: VecDeque<LogLine>,
    /// Whether there was nothing more when it was last asked.
    dry: bool,
}

enum Kind {
    Group(Group),
    Printed(Printed),
}

/// Opens the logs of an environment, or of the selected part of it.
pub async fn logs(ports: &Ports, caller: &Caller, asked: &AskedLogs) -> Result<Logs> {
    let view = View::of(ports, caller, asked.target.tenant.as_ref()).await?;
    let place = asked.target.place(&view, caller).await?;
    let space = view.stack(&place.stack, &place.environment);
    let Some((state, _)) = view.state(&space).await? else {
        return Err(not_deployed(&view, &place.stack, &place.environment).await);
    };
    let selection = asked.target.selection();
    selection.check(&state.components.keys().collect())?;
    let chosen: Vec<ComponentId> = state.components.keys().filter(|id| selection.names(id)).cloned().collect();
    let from = asked.since.unwrap_or_else(|| ports.clock.now().checked_sub(RECENT).unwrap_or(Timestamp::UNIX_EPOCH));
    let mut kinds = Vec::new();
    for id in &chosen {
        kinds.extend(groups(ports, caller, &view, (&state, id), from).await?.into_iter().map(Kind::Group));
    }
    let printing: BTreeSet<ComponentId> =
        chosen.into_iter().filter(|id| state.components[id].engine != EngineKind::Cloudformation).collect();
    if !printing.is_empty() {
        kinds.push(Kind::Printed(Printed::open(ports, &view, (space, printing), asked.since).await?));
    }
    let sources = kinds.into_iter().map(|kind| Source { kind, waiting: VecDeque::new(), dry: false }).collect();
    Ok(Logs { sources, follow: asked.follow })
}

/// The log groups of a component that is a CloudFormation stack.
async fn groups(
    ports: &Ports,
    caller: &Caller,
    view: &View,
    (state, id): (&StateDocument, &ComponentId),
    from: Timestamp,
) -> Result<Vec<Group>> {
    let component = &state.components[id];
    let names = component.resources.iter().filter(|resource| resource.resource_type == LOG_GROUP);
    let names: Vec<String> = names.map(|resource| resource.id.clone()).collect();
    if names.is_empty() || component.engine != EngineKind::Cloudformation {
        return Ok(Vec::new());
    }
    let Deployed::Cloudformation(stack) = Deployed::read(id, component)? else { return Ok(Vec::new()) };
    let reference = reference(&view.backend.place, &stack.place);
    let reader = ports.backends.logs(&reference, caller).await?;
    let group = |name| Group::new(id.clone(), Arc::clone(&reader), name, from);
    Ok(names.into_iter().map(group).collect())
}

impl Logs {
    /// The next line; `None` after the last one that there is, unless they are followed.
    pub async fn next(&mut self) -> Result<Option<LogLine>> {
        loop {
            self.fill().await?;
            let first = self.sources.iter_mut().filter(|source| !source.waiting.is_empty());
            if let Some(source) = first.min_by_key(|source| source.waiting[0].time) {
                return Ok(source.waiting.pop_front());
            }
            if !self.follow {
                return Ok(None);
            }
            tokio::time::sleep(ASK_EVERY).await;
            self.sources.iter_mut().for_each(|source| source.dry = false);
        }
    }

    /// Asks those that have nothing waiting, all at once: only then it is known whose line comes next.
    async fn fill(&mut self) -> Result<()> {
        while self.sources.iter().any(Source::is_wanting) {
            let sources = std::mem::take(&mut self.sources);
            self.sources = bounded::map(sources, |source| async move { source.filled().await }).await?;
        }
        Ok(())
    }
}

impl Source {
    fn is_wanting(&self) -> bool {
        self.waiting.is_empty() && !self.dry
    }

    async fn filled(mut self) -> Result<Self> {
        if self.is_wanting() {
            self.waiting = match &mut self.kind {
                Kind::Group(group) => group.more().await?.into(),
                Kind::Printed(printed) => printed.more().await?.into(),
            };
            self.dry = self.waiting.is_empty();
        }
        Ok(self)
    }
}

fn unreadable(what: &str, error: &deployer_domain::object::PortError) -> Error {
    let reason = if error.is_passing() { Reason::BackendUnavailable } else { Reason::EngineFailed };
    Error::new(reason, format!("cannot read {what}")).caused_by(error)
}
