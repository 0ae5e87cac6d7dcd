//! The stack file as a value: what a team wants to be deployed.
//!
//! ```text
//! SourceFile::decode(name, bytes)            bytes of stack.yaml and services/*.yaml -> text, size and UTF-8 checked
//! Manifest::parse(&main, &services)          -> Manifest, or every Problem at once with file, line, column, hint
//!     .choose_environment(given)             -> &EnvironmentName (the only one where none is given)
//!     .components, .component(id), .graph()
//! parse_variables(&file)                     a --var-file -> Given
//! Values::resolve(&manifest, environment, &[&var_file, &vars])   default < environment < --var-file < --var
//! plan::plan_apply(&manifest, PlanInput)     -> Plan     (plan::plan_destroy needs no manifest)
//! ```
//!
//! The fields of the file, and what each may hold, stand in one table (`table.rs`); the reader and the JSON Schema are
//! both made from it.

mod build;
mod check;
mod definition;
mod field;
pub(crate) mod known;
mod reading;
pub(crate) mod rule;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod typed;
mod types;
mod uses;
mod values;

pub use definition::{
    CloudformationDefinition, CommandDefinition, Definition, InputPattern, TerraformDefinition, TypedDefinition,
};
pub use field::{Field, Kind, OutputField};
pub(crate) use reading::{Fields, Read, ReadValue, Reading};
pub use rule::Rule;
pub use table::{COMMON_FIELDS, COMPONENT_TYPES, ComponentType, SERVICE_FIELDS, STACK_FIELDS};
pub(crate) use table::{optional, required};
pub use template::{SCHEMA_FILE, stack_template};
pub(crate) use types::cidr;
pub use values::{Given, Value, Values, parse_variables};

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Problem, Reason, Result};
use crate::graph::Graph;
use crate::name::{ComponentId, EnvironmentName, ServiceName, StackName};
use crate::nearest::did_you_mean;
pub use crate::yaml::SourceFile;

/// A stack as its file describes it. It is valid: references exist, nothing depends on itself.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The stack's name.
    pub name: StackName,
    /// What it is for.
    pub description: Option<String>,
    /// Its variables.
    pub variables: BTreeMap<String, Variable>,
    /// Where it may run.
    pub environments: BTreeMap<EnvironmentName, Environment>,
    /// Its services, with what each is for.
    pub services: BTreeMap<ServiceName, Option<String>>,
    /// Its components in the order of the file.
    pub components: Vec<Component>,
    graph: Graph,
}

/// A place in one of the stack's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: u32,
    /// The column, counted from 1.
    pub column: u32,
}

impl Place {
    /// A problem at this place.
    pub fn problem(&self, message: impl Into<String>, hint: Option<String>) -> Problem {
        Problem { file: self.file.to_string(), line: self.line, column: self.column, message: message.into(), hint }
    }
}

/// A variable as the file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// What it is for.
    pub description: Option<String>,
    /// Its value where nothing else gives one.
    pub default: Option<String>,
    /// Whether its value is kept out of plans, events, logs and state.
    pub sensitive: bool,
    /// Where it is declared.
    pub place: Place,
}

/// An environment as the file declares it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// Values of variables in it.
    pub variables: BTreeMap<String, String>,
    /// Its region.
    pub region: Option<String>,
    /// The network it runs in.
    pub network: Option<Network>,
    /// The role that engines assume.
    pub role_arn: Option<String>,
    /// The account that engines must reach.
    pub account_id: Option<String>,
}

/// An existing network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Network {
    pub vpc_id: String,
    pub public_subnet_ids: Vec<String>,
    pub private_subnet_ids: Vec<String>,
}

/// One component.
#[derive(Debug, Clone)]
pub struct Component {
    /// Its name.
    pub id: ComponentId,
    /// Where it stands.
    pub place: Place,
    /// Its type.
    pub component_type: &'static ComponentType,
    /// What it is for.
    pub description: Option<String>,
    /// What it needs first: `dependsOn` and the components it refers to, sorted, each once.
    pub dependencies: Vec<ComponentId>,
    /// What `destroy` does to it.
    pub on_destroy: OnDestroy,
    /// What its engine is to do.
    pub definition: Definition,
}

/// What `destroy` does to a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDestroy {
    /// It is kept unless `--delete-data` is given.
    Retain,
    /// It is deleted.
    Delete,
}

impl Manifest {
    /// Reads a stack's main file and the files of `services/`, and answers with everything that is wrong at once.
    pub fn parse(main: &SourceFile, services: &[SourceFile]) -> std::result::Result<Self, Vec<Problem>> {
        build::manifest(main, services)
    }

    /// [`Manifest::parse`] with the error that an operation answers.
    pub fn read(main: &SourceFile, services: &[SourceFile]) -> Result<Self> {
        Self::parse(main, services).map_err(|problems| invalid(&main.name, problems))
    }

    /// One component.
    pub fn component(&self, id: &ComponentId) -> Option<&Component> {
        self.graph.index_of(id).map(|index| &self.components[index])
    }

    /// What depends on what; the graph's indices are those of `components`.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The environment that is meant: an exact name, or the only one where none is given.
    pub fn choose_environment(&self, given: Option<&str>) -> Result<&EnvironmentName> {
        let names = || self.environments.keys().map(EnvironmentName::as_str);
        let Some(given) = given else {
            let mut all = self.environments.keys();
            return match (all.next(), all.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(Error::new(Reason::InvalidRequest, format!("which environment of `{}`?", self.name))
                    .fact("Environments", names().collect::<Vec<_>>().join(", "))
                    .hint("name one with --environment or DEPLOYER_ENVIRONMENT")),
            };
        };
        self.environments.keys().find(|name| name.as_str() == given).ok_or_else(|| {
            let shown: String = given.chars().take(40).collect();
            let message = format!("the stack `{}` has no environment {shown:?}", self.name);
            let error = Error::new(Reason::NotFound, message);
            match did_you_mean(given, names()) {
                Some(hint) => error.hint(hint),
                None => error,
            }
        })
    }
}

/// The error of a file that a person wrote, with its problems.
pub fn invalid(file: &str, problems: Vec<Problem>) -> Error {
    let count = problems.len();
    let noun = if count == 1 { "problem" } else { "problems" };
    Error::new(Reason::ManifestInvalid, format!("{file} is not valid: {count} {noun}")).problems(problems)
}
