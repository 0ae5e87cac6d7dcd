//! The logs of what is deployed: those of the provider and what commands printed, interleaved by time.

mod groups;
mod printed;
mod trouble;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::StackSpace;
use deployer_domain::logs::LogLine;
use deployer_domain::name::ComponentId;
use deployer_domain::plan::{Deployed, Selection};
use deployer_domain::state::{ComponentState, EngineKind, StateDocument};
use jiff::Timestamp;

use super::stack_access::reference;
use super::target::{Place, Target, not_deployed};
use super::view::View;
use super::{Ports, bounded};
use groups::Group;
use printed::{Printed, Printers};
use trouble::{Tried, Trouble};

/// How far back the provider's logs are read where the caller does not say.
const RECENT: Duration = Duration::from_secs(3600);
/// How often new lines are looked for.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked for what logs, and for runs of others.
const LOOK_EVERY: Duration = Duration::from_secs(3);
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

/// What whoever reads logs is told.
#[derive(Debug)]
pub enum Told {
    /// A line.
    Line(LogLine),
    /// That there is nothing to be followed just now, and what is waited for; or that there is again.
    Notice(String),
}

/// Lines of logs, in the order of their times.
pub struct Logs {
    whose: Whose,
    sources: Vec<Source>,
    notice: Option<String>,
    follow: bool,
    looked: Instant,
    trouble: Trouble,
}

/// Whose logs are read, by whom.
struct Whose {
    ports: Ports,
    caller: Caller,
    view: View,
    space: StackSpace,
    selection: Selection,
    /// From when on log groups are read.
    from: Timestamp,
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
    let from = asked.since.unwrap_or_else(|| ports.clock.now().checked_sub(RECENT).unwrap_or(Timestamp::UNIX_EPOCH));
    let space = view.stack(&place.stack, &place.environment);
    let selection = asked.target.selection();
    let whose = Whose { ports: ports.clone(), caller: caller.clone(), view, space, selection, from };
    let state = whose.view.state(&whose.space).await?.map(|(state, _)| state);
    let missing = match &state {
        None => Some(not_deployed(&whose.view, &place.stack, &place.environment).await),
        Some(state) => whose.selection.check(&state.components.keys().collect()).err(),
    };
    let notice = match missing {
        Some(error) if asked.follow && error.reason == Reason::NotFound => Some(waits(&place, state.is_some(), &error)),
        Some(error) => return Err(error),
        None => None,
    };
    let printing = state.iter().flat_map(|state| whose.chosen(state));
    let printing = printing.filter(|(_, component)| component.engine != EngineKind::Cloudformation);
    let printing: BTreeSet<ComponentId> = printing.map(|(id, _)| id.clone()).collect();
    let mut kinds = Vec::new();
    if asked.follow || !printing.is_empty() {
        let printers = Printers { deployed: printing, later: asked.follow.then(|| whose.selection.clone()) };
        kinds.push(Kind::Printed(
            Printed::open(ports, &whose.view, (whose.space.clone(), printers), asked.since).await?,
        ));
    }
    let sources = kinds.into_iter().map(Source::new).collect();
    let (follow, looked, trouble) = (asked.follow, Instant::now(), Trouble::default());
    let mut logs = Logs { whose, sources, notice, follow, looked, trouble };
    logs.take_up(state.as_ref()).await?;
    Ok(logs)
}

/// Says what is not there yet, with what may be wrong about that.
fn waits(place: &Place, deployed: bool, error: &Error) -> String {
    let what = match deployed {
        false => format!("No deploy of {}/{} yet: waiting for one.", place.stack, place.environment),
        true => format!("Not there yet: {}. Waiting for it.", error.message),
    };
    error.hints.iter().fold(what, |what, hint| format!("{what}\n  Hint: {hint}"))
}

impl Whose {
    fn chosen<'a>(&'a self, state: &'a StateDocument) -> impl Iterator<Item = (&'a ComponentId, &'a ComponentState)> {
        state.components.iter().filter(|(id, _)| self.selection.names(id))
    }

    /// The log group of a component that is a CloudFormation stack.
    async fn group(&self, id: &ComponentId, component: &ComponentState, name: String) -> Result<Option<Group>> {
        let Deployed::Cloudformation(stack) = Deployed::read(id, component)? else { return Ok(None) };
        let reference = reference(&self.view.backend.place, &stack.place);
        let reader = self.ports.backends.logs(&reference, &self.caller).await?;
        Ok(Some(Group::new(id.clone(), reader, name, self.from)))
    }
}

/// The names of a component's log groups.
fn groups(component: &ComponentState) -> impl Iterator<Item = &str> {
    let is_stack = component.engine == EngineKind::Cloudformation;
    let groups = component.resources.iter().filter(move |resource| is_stack && resource.resource_type == LOG_GROUP);
    groups.map(|resource| resource.id.as_str())
}

impl Logs {
    /// What comes next; `None` after the last line that there is, unless they are followed.
    pub async fn next(&mut self) -> Result<Option<Told>> {
        loop {
            if let Some(notice) = self.notice.take() {
                return Ok(Some(Told::Notice(notice)));
            }
            let filled = self.fill().await;
            self.note(Tried::Reading, filled)?;
            let first = self.sources.iter_mut().filter(|source| !source.waiting.is_empty());
            if let Some(source) = first.min_by_key(|source| source.waiting[0].time) {
                return Ok(source.waiting.pop_front().map(Told::Line));
            }
            if self.notice.is_some() {
                continue;
            }
            if !self.follow {
                return Ok(None);
            }
            tokio::time::sleep(ASK_EVERY).await;
            if self.looked.elapsed() >= LOOK_EVERY {
                let looked = self.look().await;
                self.note(Tried::Looking, looked)?;
            }
            self.sources.iter_mut().for_each(|source| source.dry = false);
        }
    }

    /// Whoever follows goes on through what passes.
    fn note(&mut self, tried: Tried, result: Result<()>) -> Result<()> {
        if !self.follow {
            return result;
        }
        let told = self.trouble.take(tried, result)?;
        self.notice = told.or(self.notice.take());
        Ok(())
    }

    /// Looks for what came, and for what is gone.
    async fn look(&mut self) -> Result<()> {
        self.looked = Instant::now();
        let state = self.whose.view.state(&self.whose.space).await?;
        self.take_up(state.as_ref().map(|(state, _)| state)).await
    }

    /// Takes up the log groups that a state has, and gives up those that it has not: only when all of them could be read to
    /// their ends, so that nothing is cut off.
    async fn take_up(&mut self, state: Option<&StateDocument>) -> Result<()> {
        let there: BTreeMap<(&ComponentId, &str), &ComponentState> = state
            .iter()
            .flat_map(|state| self.whose.chosen(state))
            .flat_map(|(id, component)| groups(component).map(move |name| ((id, name), component)))
            .collect();
        let could_be_read = self.trouble == Trouble::None;
        self.sources.retain(|source| !could_be_read || source.group().is_none_or(|group| there.contains_key(&group)));
        let known: BTreeSet<(ComponentId, String)> =
            self.sources.iter().filter_map(Source::group).map(|(id, name)| (id.clone(), name.to_owned())).collect();
        for ((id, name), component) in there {
            if !known.contains(&(id.clone(), name.to_owned()))
                && let Some(group) = self.whose.group(id, component, name.to_owned()).await?
            {
                self.sources.push(Source::new(Kind::Group(group)));
            }
        }
        Ok(())
    }

    /// Asks those that have nothing waiting, all at once: only then it is known whose line comes next.
    async fn fill(&mut self) -> Result<()> {
        while self.sources.iter().any(Source::is_wanting) {
            let sources = std::mem::take(&mut self.sources);
            let asked = bounded::map(sources, |source| async move { Ok(source.filled().await) }).await?;
            let (sources, asked): (Vec<_>, Vec<_>) = asked.into_iter().unzip();
            self.sources = sources;
            asked.into_iter().collect::<Result<()>>()?;
        }
        Ok(())
    }
}

impl Source {
    fn new(kind: Kind) -> Self {
        Self { kind, waiting: VecDeque::new(), dry: false }
    }

    /// Whose log group it is, if it is one.
    fn group(&self) -> Option<(&ComponentId, &str)> {
        match &self.kind {
            Kind::Group(group) => Some((&group.component, &group.name)),
            Kind::Printed(_) => None,
        }
    }

    fn is_wanting(&self) -> bool {
        self.waiting.is_empty() && !self.dry
    }

    /// The source with what it has, where it had nothing waiting, and whether it could be asked.
    async fn filled(mut self) -> (Self, Result<()>) {
        if !self.is_wanting() {
            return (self, Ok(()));
        }
        let more = match &mut self.kind {
            Kind::Group(group) => group.more().await,
            Kind::Printed(printed) => printed.more().await,
        };
        let result = more.map(|lines| self.waiting = lines.into());
        // Who cannot be asked is asked again after the pause, and not for each line of the others.
        self.dry = self.waiting.is_empty();
        (self, result)
    }
}

fn unreadable(what: &str, error: &deployer_domain::object::PortError) -> Error {
    let reason = if error.is_passing() { Reason::BackendUnavailable } else { Reason::EngineFailed };
    Error::new(reason, format!("cannot read {what}")).caused_by(error)
}
