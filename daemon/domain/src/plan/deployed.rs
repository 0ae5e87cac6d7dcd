//! What the state records of a deployed component, by engine: all that is needed to take it away or to look after it
//! without the file.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::work::{CommandRun, DataFate, ModuleWork, Removal, StackRemoval};
use crate::cloudformation::StackPlace;
use crate::error::{Error, Reason, Result};
use crate::expression::{Resolved, Resolver, Template, Unresolved};
use crate::manifest::CommandDefinition;
use crate::name::ComponentId;
use crate::source::SourceHash;
use crate::state::{ComponentState, EngineKind};

/// A value as the state records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RecordedText {
    /// The value it had.
    Value(String),
    /// It had a sensitive value: how it was written.
    Expression(String),
}

impl RecordedText {
    /// How a value is recorded that was written like this.
    pub fn of(value: Option<&Resolved>, written: &Template) -> Self {
        match value {
            Some(Resolved::Plain(text)) => Self::Value(text.clone()),
            _ => Self::Expression(written.source().to_owned()),
        }
    }

    /// The value again; `part` is what messages call it.
    fn resolve(&self, id: &ComponentId, part: &str, resolver: &Resolver) -> Result<Resolved> {
        match self {
            Self::Value(text) => Ok(Resolved::Plain(text.clone())),
            Self::Expression(source) => {
                let template = Template::parse(source).unwrap_or_else(|_| Template::literal(source));
                resolver.resolve_deployed(&template).map_err(|unresolved| cannot_resolve(id, part, &unresolved))
            }
        }
    }
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

/// A component that is a CloudFormation stack, as the state records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployedStack {
    /// Which stack, and where.
    #[serde(flatten)]
    pub place: StackPlace,
    /// The values that went into it, by what messages call them, such as `parameters.QueueArn`.
    #[serde(default)]
    pub values: BTreeMap<String, RecordedText>,
}

/// A component that is a Terraform module, as the state records it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployedModule {
    /// The module's directory, relative to the stack's.
    pub directory: String,
    /// The source that it was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceHash>,
    /// Where its providers worked unless they said otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The role that was assumed for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The values of its variables, by what messages call them, such as `variables.target`.
    #[serde(default)]
    pub values: BTreeMap<String, RecordedText>,
}

/// What a deployed component is, by engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deployed {
    /// Commands.
    Command(DeployedCommand),
    /// A CloudFormation stack.
    Cloudformation(DeployedStack),
    /// A Terraform module.
    Terraform(DeployedModule),
}

impl Deployed {
    /// Reads the record of a deployed component.
    pub fn read(id: &ComponentId, state: &ComponentState) -> Result<Self> {
        let read = match state.engine {
            EngineKind::Command if state.definition.is_null() => Ok(Self::Command(DeployedCommand::default())),
            EngineKind::Command => DeployedCommand::deserialize(&state.definition).map(Self::Command),
            EngineKind::Cloudformation => DeployedStack::deserialize(&state.definition).map(Self::Cloudformation),
            EngineKind::Terraform => DeployedModule::deserialize(&state.definition).map(Self::Terraform),
        };
        read.map_err(|error| {
            Error::new(Reason::Internal, format!("the state's definition of {id} could not be read")).caused_by(error)
        })
    }

    /// What its engine needs to take it away.
    pub fn removal(&self, id: &ComponentId, data: DataFate, resolver: &Resolver) -> Result<Removal> {
        match self {
            Self::Command(command) => command.run(id, command.destroy.as_ref(), resolver).map(Removal::Command),
            Self::Cloudformation(stack) => Ok(stack.removal(data)),
            Self::Terraform(module) => module.work(id, resolver).map(Removal::Terraform),
        }
    }

    /// What its engine needs to look how it is.
    pub fn checking(&self, id: &ComponentId, resolver: &Resolver) -> Result<Removal> {
        match self {
            Self::Command(command) => command.run(id, command.check.as_ref(), resolver).map(Removal::Command),
            Self::Cloudformation(stack) => Ok(stack.removal(DataFate::AsItsTemplateSays)),
            Self::Terraform(module) => module.work(id, resolver).map(Removal::Terraform),
        }
    }
}

/// The recorded values of a component, by what messages call them; none where its record cannot be read.
pub(super) fn recorded_values(state: &ComponentState) -> BTreeMap<String, RecordedText> {
    match state.engine {
        EngineKind::Command => {
            let command = DeployedCommand::deserialize(&state.definition).unwrap_or_default();
            command.environment.into_iter().map(|(name, text)| (format!("environment.{name}"), text)).collect()
        }
        EngineKind::Cloudformation | EngineKind::Terraform => {
            let values = state.definition.get("values").cloned().unwrap_or_default();
            serde_json::from_value(values).unwrap_or_default()
        }
    }
}

impl DeployedCommand {
    /// How a command is recorded once it ran with these values.
    pub fn of(command: &CommandDefinition, environment: &BTreeMap<String, Resolved>) -> Self {
        let record =
            |(name, written): (&String, &Template)| (name.clone(), RecordedText::of(environment.get(name), written));
        Self {
            apply: command.apply.clone(),
            destroy: command.destroy.clone(),
            check: command.check.clone(),
            environment: command.environment.iter().map(record).collect(),
            timeout_ms: command.timeout.map(|timeout| timeout.as_millis() as u64),
        }
    }

    /// The form in which the state keeps it.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn run(&self, id: &ComponentId, text: Option<&String>, resolver: &Resolver) -> Result<CommandRun> {
        let timeout = self.timeout_ms.map(Duration::from_millis);
        if text.is_none() {
            return Ok(CommandRun { text: None, environment: BTreeMap::new(), timeout });
        }
        let mut environment = BTreeMap::new();
        for (name, recorded) in &self.environment {
            environment.insert(name.clone(), recorded.resolve(id, &format!("environment.{name}"), resolver)?);
        }
        Ok(CommandRun { text: text.cloned(), environment, timeout })
    }
}

impl DeployedStack {
    fn removal(&self, data: DataFate) -> Removal {
        Removal::Cloudformation(StackRemoval { place: self.place.clone(), data })
    }
}

impl DeployedModule {
    /// How a module is recorded that is made so with these values.
    pub(super) fn of(work: &ModuleWork, values: BTreeMap<String, RecordedText>) -> Self {
        let ModuleWork { directory, source, region, role_arn, .. } = work.clone();
        Self { directory, source, region, role_arn, values }
    }

    fn work(&self, id: &ComponentId, resolver: &Resolver) -> Result<ModuleWork> {
        let Self { directory, source, region, role_arn, values } = self.clone();
        let value = |(part, recorded): (String, RecordedText)| {
            let name = part.strip_prefix("variables.").unwrap_or(&part).to_owned();
            recorded.resolve(id, &part, resolver).map(|value| (name, value))
        };
        let variables = values.into_iter().map(value).collect::<Result<_>>()?;
        Ok(ModuleWork { directory, source, variables, region, role_arn })
    }
}

/// Says that a value of a component cannot be worked out.
pub(super) fn cannot_resolve(id: &ComponentId, part: &str, unresolved: &Unresolved) -> Error {
    let error = Error::new(Reason::InvalidRequest, format!("{id}: {part} has no value")).caused_by(unresolved);
    match &unresolved.hint {
        Some(hint) => error.hint(hint.clone()),
        None => error,
    }
}
