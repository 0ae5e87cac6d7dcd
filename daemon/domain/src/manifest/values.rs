//! The values of variables: default < environment < `--var-file` < `--var`.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use super::Manifest;
use crate::error::{Error, Problem, Reason, Result};
use crate::expression::{Resolved, is_variable_name};
use crate::name::EnvironmentName;
use crate::nearest::did_you_mean;
use crate::state::{RecordedVariable, StateDocument};
use crate::yaml::{self, SourceFile};

/// Values that a person gave, by variable; any of them may turn out to be sensitive.
pub type Given = BTreeMap<String, SecretString>;

/// The value of one variable.
#[derive(Debug, Clone)]
pub enum Value {
    /// It may be shown and stored.
    Plain(String),
    /// It is never shown or stored.
    Sensitive(SecretString),
}

/// The values of a stack's variables in one environment.
#[derive(Debug, Clone, Default)]
pub struct Values(BTreeMap<String, Value>);

impl FromIterator<(String, Value)> for Values {
    fn from_iter<T: IntoIterator<Item = (String, Value)>>(values: T) -> Self {
        Self(values.into_iter().collect())
    }
}

impl Values {
    /// Works the values out from what was given, later ones over earlier ones; all that is wrong is said at once.
    pub fn resolve(manifest: &Manifest, environment: &EnvironmentName, given: &[&Given]) -> Result<Self> {
        let unknown = unknown_variables(manifest, given);
        if !unknown.is_empty() {
            let error = Error::new(Reason::InvalidRequest, format!("unknown variable {}", quoted(&unknown)));
            let hint = did_you_mean(&unknown[0], manifest.variables.keys().map(String::as_str));
            return Err(
                error.hint(hint.unwrap_or_else(|| "declare it under `variables:` in the stack file".to_owned()))
            );
        }
        let of_environment = manifest.environments.get(environment).map(|e| &e.variables);
        let mut values = BTreeMap::new();
        let mut unset = Vec::new();
        for (name, variable) in &manifest.variables {
            let found =
                given.iter().rev().find_map(|given| given.get(name)).map(|secret| secret.expose_secret().to_owned());
            let found = found.or_else(|| of_environment.and_then(|e| e.get(name).cloned()));
            match found.or_else(|| variable.default.clone()) {
                Some(text) if variable.sensitive => drop(values.insert(name.clone(), Value::Sensitive(text.into()))),
                Some(text) => drop(values.insert(name.clone(), Value::Plain(text))),
                None => unset.push(name.clone()),
            }
        }
        if unset.is_empty() { Ok(Self(values)) } else { Err(unset_variables(manifest, environment, &unset)) }
    }

    /// The values for a destroy without the file: what the last apply recorded, and over it what was given.
    ///
    /// What was not recorded as plain counts as sensitive.
    pub fn of_state(state: &StateDocument, given: &Given) -> Self {
        let mut values = BTreeMap::new();
        for (name, recorded) in &state.variables {
            if let RecordedVariable::Value(text) = recorded {
                values.insert(name.clone(), Value::Plain(text.clone()));
            }
        }
        for (name, secret) in given {
            let value = match values.get(name) {
                Some(_) => Value::Plain(secret.expose_secret().to_owned()),
                None => Value::Sensitive(secret.clone()),
            };
            values.insert(name.clone(), value);
        }
        Self(values)
    }

    /// What a variable stands for.
    pub fn resolve_one(&self, name: &str) -> Option<Resolved> {
        self.0.get(name).map(|value| match value {
            Value::Plain(text) => Resolved::Plain(text.clone()),
            Value::Sensitive(secret) => Resolved::Sensitive(secret.clone()),
        })
    }

    /// All variables by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The sensitive values, for masking them in what an engine prints.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.0.values().filter_map(|value| match value {
            Value::Sensitive(secret) => Some(secret),
            Value::Plain(_) => None,
        })
    }
}

fn unknown_variables(manifest: &Manifest, given: &[&Given]) -> Vec<String> {
    let mut names: Vec<String> = given.iter().flat_map(|given| given.keys().cloned()).collect();
    names.retain(|name| !manifest.variables.contains_key(name));
    names.sort();
    names.dedup();
    names
}

fn unset_variables(manifest: &Manifest, environment: &EnvironmentName, unset: &[String]) -> Error {
    let noun = if unset.len() == 1 { "variable has" } else { "variables have" };
    let message = format!("{} {noun} no value in environment `{environment}`: {}", unset.len(), quoted(unset));
    let problems = unset.iter().filter_map(|name| {
        let variable = manifest.variables.get(name)?;
        Some(variable.place.problem(format!("the variable `{name}` has no default"), variable.description.clone()))
    });
    Error::new(Reason::InvalidRequest, message)
        .problems(problems)
        .hint(format!("give it with --var {}=VALUE, a --var-file, or environments.{environment}.variables", unset[0]))
}

fn quoted(names: &[String]) -> String {
    let shown = names.iter().map(|name| format!("`{}`", name.chars().take(64).collect::<String>().escape_debug()));
    shown.collect::<Vec<_>>().join(", ")
}

/// Reads a `--var-file`: a YAML or JSON mapping of variables to values.
pub fn parse_variables(file: &SourceFile) -> std::result::Result<Given, Vec<Problem>> {
    let problem = |at: yaml::Position, message: String, hint: &str| Problem {
        file: file.name.clone(),
        line: at.line,
        column: at.column,
        message,
        hint: Some(hint.to_owned()),
    };
    let root = yaml::parse(file)?;
    let entries = match root.value {
        yaml::Value::Null => Vec::new(),
        yaml::Value::Mapping(entries) => entries,
        _ => return Err(vec![problem(root.at, "a file of variables is a mapping".to_owned(), "write NAME: value")]),
    };
    let (mut given, mut problems) = (Given::new(), Vec::new());
    for entry in entries {
        let called = entry.value.called();
        match entry.value.value {
            _ if !is_variable_name(&entry.key) => {
                problems.push(problem(entry.at, format!("{:?} is no name of a variable", entry.key), NAME_RULE));
            }
            yaml::Value::Scalar(scalar) => drop(given.insert(entry.key, scalar.text.into())),
            _ => {
                let message = format!("the variable `{}` is {called}, not a text", entry.key);
                problems.push(problem(entry.value.at, message, "write NAME: value; \"\" for an empty text"));
            }
        }
    }
    if problems.is_empty() { Ok(given) } else { Err(problems) }
}

const NAME_RULE: &str = "use letters, digits and `_`, not beginning with a digit";
