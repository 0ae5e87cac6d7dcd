//! What an engine is to do, by engine, and what all of them have in common: texts that count as they are written,
//! values that may hold expressions, and files whose content counts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::Place;
use crate::expression::Template;

/// What an engine is to do, by engine.
#[derive(Debug, Clone)]
pub enum Definition {
    /// Commands.
    Command(CommandDefinition),
    /// The team's own CloudFormation template.
    Cloudformation(CloudformationDefinition),
    /// The team's own Terraform or OpenTofu module.
    Terraform(TerraformDefinition),
    /// A type that is compiled to a CloudFormation template.
    Typed(TypedDefinition),
}

/// What the commands of a component are.
#[derive(Debug, Clone)]
pub struct CommandDefinition {
    /// The shell text that makes it so.
    pub apply: String,
    /// The shell text that takes it away again.
    pub destroy: Option<String>,
    /// The shell text that exits with 0 when all is well.
    pub check: Option<String>,
    /// What the commands find in their environment.
    pub environment: BTreeMap<String, Template>,
    /// The files whose content counts, as globs relative to the stack's directory.
    pub inputs: Vec<InputPattern>,
    /// How long one command may take.
    pub timeout: Option<Duration>,
}

/// A CloudFormation template of the team's own.
#[derive(Debug, Clone)]
pub struct CloudformationDefinition {
    /// The template's file.
    pub template: InputPattern,
    /// The values of its parameters.
    pub parameters: BTreeMap<String, Template>,
}

/// A Terraform module of the team's own.
#[derive(Debug, Clone)]
pub struct TerraformDefinition {
    /// The module's directory.
    pub source: InputPattern,
    /// The values of its variables.
    pub variables: BTreeMap<String, Template>,
}

/// The fields of a type that is compiled to a template.
#[derive(Debug, Clone, Default)]
pub struct TypedDefinition {
    /// The fields as the file has them, as JSON; a text with an expression stands here as it was written.
    pub fields: Value,
    /// The texts in `fields` by where they stand, such as `environment.QUEUE_URL` or `subnets.0`.
    pub values: BTreeMap<String, Template>,
}

/// A path or glob of files whose content counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputPattern {
    /// The glob, with `/`, relative to the stack's directory.
    pub glob: String,
    /// Where it stands.
    pub place: Place,
}

impl Definition {
    /// The texts that count as they are written, with what messages call them.
    pub fn texts(&self) -> Vec<(&'static str, &str)> {
        let Self::Command(command) = self else { return Vec::new() };
        let texts =
            [("apply", Some(&command.apply)), ("destroy", command.destroy.as_ref()), ("check", command.check.as_ref())];
        texts.into_iter().filter_map(|(name, text)| Some((name, text?.as_str()))).collect()
    }

    /// The values that may hold expressions, with what messages call them, such as `environment.PORT`.
    pub fn values(&self) -> Vec<(String, &Template)> {
        let (prefix, values) = match self {
            Self::Command(command) => ("environment.", &command.environment),
            Self::Cloudformation(stack) => ("parameters.", &stack.parameters),
            Self::Terraform(module) => ("variables.", &module.variables),
            Self::Typed(typed) => ("", &typed.values),
        };
        values.iter().map(|(name, value)| (format!("{prefix}{name}"), value)).collect()
    }

    /// The field that names files whose content counts.
    pub const fn files_field(&self) -> &'static str {
        match self {
            Self::Command(_) | Self::Typed(_) => "inputs",
            Self::Cloudformation(_) => "template",
            Self::Terraform(_) => "source",
        }
    }

    /// The files whose content counts.
    pub fn files(&self) -> &[InputPattern] {
        match self {
            Self::Command(command) => &command.inputs,
            Self::Cloudformation(stack) => std::slice::from_ref(&stack.template),
            Self::Terraform(module) => std::slice::from_ref(&module.source),
            Self::Typed(_) => &[],
        }
    }

    /// How long one operation may take.
    pub const fn timeout(&self) -> Option<Duration> {
        match self {
            Self::Command(command) => command.timeout,
            _ => None,
        }
    }
}
