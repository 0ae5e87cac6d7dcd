//! What an engine is asked to do, with every value known.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::deployed::{DeployedCommand, DeployedModule, DeployedStack, RecordedText};
use super::step::Step;
use crate::cloudformation::{self, OperationToken, StackPlace, StackTemplate};
use crate::error::{Error, Reason, Result};
use crate::expression::{Resolved, Resolver, Scope, Template};
use crate::manifest::{CommandDefinition, Component, Definition, TerraformDefinition, TypedDefinition};
use crate::name::ComponentId;
use crate::source::SourceHash;
use crate::template::{self, Compiled, TemplateRequest};

/// What a step runs for a create, an update or the second half of a replace.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// What its engine is to do.
    pub work: Work,
    /// The parts of the inputs hash, for the state.
    pub inputs: BTreeMap<String, String>,
    /// The inputs hash, for the state.
    pub inputs_hash: String,
    /// What a later destroy needs, for the state; holds no sensitive value.
    pub definition: Value,
    /// Whether, now that all is known, it turns out to be deployed like this already.
    pub unchanged: bool,
}

/// What an engine is to make so, by engine.
#[derive(Debug, Clone)]
pub enum Work {
    /// Commands.
    Command(CommandWork),
    /// A CloudFormation stack.
    Cloudformation(StackWork),
    /// A Terraform module.
    Terraform(ModuleWork),
}

/// Commands to be run.
#[derive(Debug, Clone)]
pub struct CommandWork {
    /// The commands as the file has them.
    pub command: CommandDefinition,
    /// The component's `environment:` with every value known.
    pub environment: BTreeMap<String, Resolved>,
}

/// A CloudFormation stack to be made so.
#[derive(Debug, Clone)]
pub struct StackWork {
    /// Which stack, and where.
    pub place: StackPlace,
    /// Its template.
    pub template: StackTemplate,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, Resolved>,
    /// The tags that say whose it is; all that is in it gets them too.
    pub tags: BTreeMap<&'static str, String>,
}

/// A Terraform module to be made so, taken away, or looked at.
#[derive(Debug, Clone)]
pub struct ModuleWork {
    /// The module's directory, relative to the stack's.
    pub directory: String,
    /// The source that it is read from.
    pub source: Option<SourceHash>,
    /// The values of its variables.
    pub variables: BTreeMap<String, Resolved>,
    /// Where its providers work unless they say otherwise.
    pub region: Option<String>,
    /// The role that is assumed for it.
    pub role_arn: Option<String>,
}

impl ModuleWork {
    /// Whether both are the same apart from the values of their variables.
    pub fn is_worked_on_like(&self, other: &Self) -> bool {
        let apart = |work: &Self| (work.directory.clone(), work.source, work.region.clone(), work.role_arn.clone());
        apart(self) == apart(other)
    }
}

/// What a step runs for a delete or the first half of a replace; also what a check runs.
#[derive(Debug, Clone)]
pub enum Removal {
    /// A command.
    Command(CommandRun),
    /// A CloudFormation stack.
    Cloudformation(StackRemoval),
    /// A Terraform module.
    Terraform(ModuleWork),
}

/// A stack that is to be deleted, or looked at.
#[derive(Debug, Clone)]
pub struct StackRemoval {
    /// Which stack, and where.
    pub place: StackPlace,
    /// What becomes of the data in it.
    pub data: DataFate,
}

/// What becomes of the data in a stack that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataFate {
    /// The policies of a template that is the team's own decide alone.
    AsItsTemplateSays,
    /// What the component's file does not keep goes, a bucket with all that is in it.
    AsItsFileSays,
    /// All of it goes, also what the file keeps: somebody said so for this deletion.
    Deleted,
}

/// One command to be run.
#[derive(Debug, Clone)]
pub struct CommandRun {
    /// The shell text; none where there is nothing to be run.
    pub text: Option<String>,
    /// The component's `environment:`.
    pub environment: BTreeMap<String, Resolved>,
    /// How long it may take.
    pub timeout: Option<Duration>,
}

impl Work {
    /// Puts together what an engine needs; the values are by what [`Definition::values`] calls them.
    pub(super) fn of(
        step: &Step,
        component: &Component,
        values: &BTreeMap<String, Resolved>,
        resolver: &Resolver,
    ) -> Result<Self> {
        let scope = resolver.scope();
        match &component.definition {
            Definition::Command(command) => {
                Ok(Self::Command(CommandWork { command: command.clone(), environment: named(values, "environment.") }))
            }
            Definition::Cloudformation(_) => Ok(Self::Cloudformation(StackWork {
                place: place(&component.id, scope)?,
                template: own_template(step, component)?,
                parameters: named(values, "parameters."),
                tags: template::tags(&component.id, scope),
            })),
            Definition::Typed(typed) => {
                let compiled = compile(component, typed, values, resolver)?;
                Ok(Self::Cloudformation(StackWork {
                    place: place(&component.id, scope)?,
                    template: StackTemplate { text: compiled.text().into() },
                    parameters: compiled.parameters,
                    tags: template::tags(&component.id, scope),
                }))
            }
            Definition::Terraform(definition) => {
                let variables = named(values, "variables.");
                Ok(Self::Terraform(ModuleWork { variables, ..module(step, definition, scope) }))
            }
        }
    }

    /// What the state records of it; holds no sensitive value.
    pub(super) fn record(&self, definition: &Definition, values: &BTreeMap<String, Resolved>) -> Value {
        let recorded = || {
            let record = |(part, written): (String, &Template)| {
                let recorded = RecordedText::of(values.get(&part), written);
                (part, recorded)
            };
            definition.values().into_iter().map(record).collect()
        };
        match self {
            Self::Command(work) => DeployedCommand::of(&work.command, &work.environment).to_value(),
            Self::Cloudformation(work) => {
                let deployed = DeployedStack { place: work.place.clone(), values: recorded() };
                serde_json::to_value(deployed).unwrap_or_default()
            }
            Self::Terraform(work) => serde_json::to_value(DeployedModule::of(work, recorded())).unwrap_or_default(),
        }
    }

    /// What a successor needs to find the operation again.
    pub fn handle(&self, token: &OperationToken) -> BTreeMap<String, String> {
        match self {
            Self::Command(_) | Self::Terraform(_) => BTreeMap::new(),
            Self::Cloudformation(work) => work.place.handle(token),
        }
    }
}

impl Removal {
    /// What a successor needs to find the operation again.
    pub fn handle(&self, token: &OperationToken) -> BTreeMap<String, String> {
        match self {
            Self::Command(_) | Self::Terraform(_) => BTreeMap::new(),
            Self::Cloudformation(stack) => stack.place.handle(token),
        }
    }
}

/// The template of a typed component, with the values of its parameters as far as they are known.
pub(super) fn compile(
    component: &Component,
    typed: &TypedDefinition,
    values: &BTreeMap<String, Resolved>,
    resolver: &Resolver,
) -> Result<Compiled> {
    template::compile(&TemplateRequest {
        component: &component.id,
        place: &component.place,
        component_type: component.component_type,
        on_destroy: component.on_destroy,
        fields: &typed.fields,
        written: &typed.values,
        values,
        variables: resolver.values(),
        scope: resolver.scope(),
    })
}

/// A module, without the values of its variables.
pub(super) fn module(step: &Step, definition: &TerraformDefinition, scope: &Scope) -> ModuleWork {
    ModuleWork {
        directory: definition.source.glob.clone(),
        source: step.source,
        variables: BTreeMap::new(),
        region: scope.region.clone(),
        role_arn: scope.role_arn.clone(),
    }
}

/// The values with this prefix, by what is left of their names.
fn named(values: &BTreeMap<String, Resolved>, prefix: &str) -> BTreeMap<String, Resolved> {
    let named = |(part, value): (&String, &Resolved)| Some((part.strip_prefix(prefix)?.to_owned(), value.clone()));
    values.iter().filter_map(named).collect()
}

/// The stack of a component.
pub(super) fn place(id: &ComponentId, scope: &Scope) -> Result<StackPlace> {
    let Some(region) = scope.region.clone() else {
        let message = format!("{id}: the environment `{}` has no region", scope.environment);
        return Err(Error::new(Reason::InvalidRequest, message).hint("give it one with `region:`"));
    };
    Ok(StackPlace { stack_name: cloudformation::stack_name(id, scope), region, role_arn: scope.role_arn.clone() })
}

fn own_template(step: &Step, component: &Component) -> Result<StackTemplate> {
    let text = step
        .template
        .clone()
        .ok_or_else(|| Error::new(Reason::Internal, format!("{}: its template was not read", component.id)))?;
    Ok(StackTemplate { text: Arc::clone(&text) })
}
