//! One component in a plan, and what its engine needs.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::inputs::{self, Part};
use super::{SensitiveKey, StepReason};
use crate::error::{Error, Reason, Result};
use crate::expression::{Resolved, Resolver, Template, Unresolved};
use crate::manifest::{CommandDefinition, Component, Definition};
use crate::name::ComponentId;
use crate::source::InputHashes;
use crate::state::{Action, ComponentState, EngineKind};

/// One component in a plan.
#[derive(Debug, Clone)]
pub struct Step {
    /// The component.
    pub component: ComponentId,
    /// Its type, such as `command`.
    pub component_type: String,
    /// Its engine.
    pub engine: EngineKind,
    /// What is done to it.
    pub action: Action,
    /// Why; empty where nothing is done.
    pub reasons: Vec<StepReason>,
    /// The steps that come first.
    pub after: Vec<ComponentId>,
    /// Whether the state's record of it changes although the action is `None`.
    pub record: bool,
    /// What is wanted; none for a delete.
    pub wanted: Option<Component>,
    /// What is deployed; none for a create.
    pub deployed: Option<ComponentState>,
    /// The hashes of the files of `inputs:`, by glob.
    pub files: BTreeMap<String, String>,
}

/// What a step runs for a create, an update or the second half of a replace.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The commands as the file has them.
    pub command: CommandDefinition,
    /// The component's `environment:` with every value known.
    pub environment: BTreeMap<String, Resolved>,
    /// The parts of the inputs hash, for the state.
    pub inputs: BTreeMap<String, String>,
    /// The inputs hash, for the state.
    pub inputs_hash: String,
    /// What a later destroy needs, for the state; holds no sensitive value.
    pub definition: Value,
    /// Whether, now that all is known, it turns out to be deployed like this already.
    pub unchanged: bool,
}

/// What a step runs for a delete or the first half of a replace; also what a check runs.
#[derive(Debug, Clone)]
pub struct Removal {
    /// The shell text; none where there is nothing to be run.
    pub text: Option<String>,
    /// The component's `environment:`.
    pub environment: BTreeMap<String, Resolved>,
    /// How long it may take.
    pub timeout: Option<Duration>,
}

/// A command component as the state records it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployedCommand {
    /// The shell text that made it so.
    #[serde(default)]
    pub apply: String,
    /// The shell text that takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destroy: Option<String>,
    /// The shell text that checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<String>,
    /// Its environment.
    #[serde(default)]
    pub environment: BTreeMap<String, RecordedText>,
    /// How long one command may take, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

/// A value of `environment:` as the state records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecordedText {
    /// The value it had.
    Value(String),
    /// It had a sensitive value: how it was written.
    Expression(String),
}

impl Step {
    /// Whether it may turn out that there is nothing to do, once values that are not known yet are known.
    pub fn conditional(&self) -> bool {
        let unknown = |reason: &StepReason| matches!(reason, StepReason::Changed(change) if change.is_unknown());
        self.action == Action::Update && !self.reasons.is_empty() && self.reasons.iter().all(unknown)
    }

    /// What to run for a create, an update or the second half of a replace, once its dependencies told their outputs.
    pub fn prepare(&self, resolver: &Resolver, key: &SensitiveKey) -> Result<Prepared> {
        let Some(component) = &self.wanted else {
            return Err(Error::new(Reason::Internal, format!("{} is not to be applied", self.component)));
        };
        let Definition::Command(command) = &component.definition;
        let environment = resolve_environment(&self.component, &command.environment, resolver)?;
        if let Some((name, _)) = environment.iter().find(|(_, value)| value.expose().is_none()) {
            let message = format!("{}: environment.{name} is still not known", self.component);
            return Err(Error::new(Reason::Internal, message));
        }
        let parts = inputs::parts(component, &environment, |glob| self.files.get(glob).cloned(), key);
        let inputs = Part::hashes(&parts);
        let inputs_hash = inputs::hash(&inputs);
        let definition = DeployedCommand::of(command, &environment).to_value();
        let unchanged =
            self.conditional() && self.deployed.as_ref().is_some_and(|state| state.inputs_hash == inputs_hash);
        Ok(Prepared { command: command.clone(), environment, inputs, inputs_hash, definition, unchanged })
    }

    /// What to run for a delete or the first half of a replace; none where nothing is deployed.
    pub fn removal(&self, resolver: &Resolver) -> Result<Option<Removal>> {
        let Some(state) = &self.deployed else { return Ok(None) };
        let command = DeployedCommand::read(&self.component, state)?;
        command.removal(&self.component, resolver).map(Some)
    }

    pub(super) fn file_hashes(component: &Component, inputs: &InputHashes) -> BTreeMap<String, String> {
        let Definition::Command(command) = &component.definition;
        command.inputs.iter().map(|pattern| (pattern.glob.clone(), inputs.of(&pattern.glob))).collect()
    }
}

impl DeployedCommand {
    /// How a command is recorded once it ran with these values.
    pub fn of(command: &CommandDefinition, environment: &BTreeMap<String, Resolved>) -> Self {
        let record = |name: &String, template: &Template| match environment.get(name) {
            Some(Resolved::Plain(text)) => RecordedText::Value(text.clone()),
            _ => RecordedText::Expression(template.source().to_owned()),
        };
        Self {
            apply: command.apply.clone(),
            destroy: command.destroy.clone(),
            check: command.check.clone(),
            environment: command.environment.iter().map(|(name, text)| (name.clone(), record(name, text))).collect(),
            timeout_ms: command.timeout.map(|timeout| timeout.as_millis() as u64),
        }
    }

    /// Reads the record of a deployed component.
    pub fn read(id: &ComponentId, state: &ComponentState) -> Result<Self> {
        if state.engine != EngineKind::Command {
            let message = format!("{id} is a `{}`, which this version cannot run", state.component_type);
            return Err(
                Error::new(Reason::InvalidRequest, message).hint("use the version that deployed it, or a newer one")
            );
        }
        if state.definition.is_null() {
            return Ok(Self::default());
        }
        Self::deserialize(&state.definition).map_err(|error| {
            Error::new(Reason::Internal, format!("the state's definition of {id} could not be read")).caused_by(error)
        })
    }

    /// The form in which the state keeps it.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What to run to take it away.
    pub fn removal(&self, id: &ComponentId, resolver: &Resolver) -> Result<Removal> {
        self.run(id, self.destroy.as_ref(), resolver)
    }

    /// What to run to check it; the text is none where it has no check.
    pub fn checking(&self, id: &ComponentId, resolver: &Resolver) -> Result<Removal> {
        self.run(id, self.check.as_ref(), resolver)
    }

    fn run(&self, id: &ComponentId, text: Option<&String>, resolver: &Resolver) -> Result<Removal> {
        let timeout = self.timeout_ms.map(Duration::from_millis);
        if text.is_none() {
            return Ok(Removal { text: None, environment: BTreeMap::new(), timeout });
        }
        let mut environment = BTreeMap::new();
        for (name, recorded) in &self.environment {
            let value = match recorded {
                RecordedText::Value(text) => Resolved::Plain(text.clone()),
                RecordedText::Expression(source) => {
                    let template = Template::parse(source).unwrap_or_else(|_| Template::literal(source));
                    resolver.resolve_deployed(&template).map_err(|unresolved| cannot_resolve(id, name, &unresolved))?
                }
            };
            environment.insert(name.clone(), value);
        }
        Ok(Removal { text: text.cloned(), environment, timeout })
    }
}

/// The values of an `environment:`, as far as they are known.
pub(super) fn resolve_environment(
    id: &ComponentId,
    templates: &BTreeMap<String, Template>,
    resolver: &Resolver,
) -> Result<BTreeMap<String, Resolved>> {
    let resolve = |(name, template): (&String, &Template)| match resolver.resolve(template) {
        Ok(value) => Ok((name.clone(), value)),
        Err(unresolved) => Err(cannot_resolve(id, name, &unresolved)),
    };
    templates.iter().map(resolve).collect()
}

fn cannot_resolve(id: &ComponentId, name: &str, unresolved: &Unresolved) -> Error {
    let error =
        Error::new(Reason::InvalidRequest, format!("{id}: environment.{name} has no value")).caused_by(unresolved);
    match &unresolved.hint {
        Some(hint) => error.hint(hint.clone()),
        None => error,
    }
}
