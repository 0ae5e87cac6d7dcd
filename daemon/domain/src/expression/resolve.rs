//! What references stand for, and what becomes of a text once they are known.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::{Part, Reference, Template};
use crate::manifest::{Network, Values};
use crate::name::{ComponentId, EnvironmentName, StackName, TenantId};
use crate::nearest::did_you_mean;
use crate::state::Output;

/// A text whose references were looked up.
#[derive(Debug, Clone)]
pub enum Resolved {
    /// It may be shown and stored.
    Plain(String),
    /// It came from a sensitive variable: it is never shown or stored.
    Sensitive(SecretString),
    /// It needs an output that is only known after apply; this is the expression.
    Unknown(String),
}

impl Resolved {
    /// The text for handing it to an engine; `None` while it is not known.
    pub fn expose(&self) -> Option<&str> {
        match self {
            Self::Plain(text) => Some(text),
            Self::Sensitive(secret) => Some(secret.expose_secret()),
            Self::Unknown(_) => None,
        }
    }

    /// The text as it may be shown.
    pub fn shown(&self) -> Shown {
        match self {
            Self::Plain(text) => Shown::Plain(text.clone()),
            Self::Sensitive(_) => Shown::Sensitive,
            Self::Unknown(_) => Shown::Unknown,
        }
    }
}

/// A value as a plan shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The value.
    Plain(String),
    /// There is a value, and it is nobody's business.
    Sensitive,
    /// It is only known after apply.
    Unknown,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => write!(f, "{text:?}"),
            Self::Sensitive => f.write_str("(sensitive)"),
            Self::Unknown => f.write_str("(known after apply)"),
        }
    }
}

/// What the plain names stand for, and where engines work.
#[derive(Debug, Clone)]
pub struct Scope {
    /// `${tenant}`.
    pub tenant: TenantId,
    /// `${stack}`.
    pub stack: StackName,
    /// `${environment}`.
    pub environment: EnvironmentName,
    /// `${region}`, where one is known.
    pub region: Option<String>,
    /// The role that engines assume.
    pub role_arn: Option<String>,
    /// The network that components run in.
    pub network: Option<Network>,
}

/// The outputs of one component.
#[derive(Debug, Clone)]
pub enum Outputs {
    /// They are known.
    Known(BTreeMap<String, Output>),
    /// They will be known when the component was applied.
    Pending,
}

/// Why a reference stands for nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{reference}`: {why}")]
pub struct Unresolved {
    /// The reference.
    pub reference: Reference,
    /// Why.
    pub why: String,
    /// What would be right.
    pub hint: Option<String>,
}

type Known = BTreeMap<ComponentId, Outputs>;

/// Knows what references stand for; learns outputs while a run goes on.
#[derive(Debug, Clone)]
pub struct Resolver {
    scope: Scope,
    values: Values,
    outputs: Known,
    deployed: Known,
}

impl Resolver {
    /// A resolver that knows the variables and the outputs of what is deployed already.
    pub fn new(scope: Scope, values: Values, deployed: BTreeMap<ComponentId, Outputs>) -> Self {
        Self { scope, values, outputs: deployed.clone(), deployed }
    }

    /// The plain names.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The variables.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Learns the outputs of a component, or that they are not known now.
    pub fn learn(&mut self, component: ComponentId, outputs: Outputs) {
        self.outputs.insert(component, outputs);
    }

    /// Looks the references of a text up, as they are for what is applied now.
    pub fn resolve(&self, template: &Template) -> Result<Resolved, Unresolved> {
        self.resolve_with(template, &self.outputs)
    }

    /// Looks the references of a text up, as they were when the plan was made: for what is taken away.
    pub fn resolve_deployed(&self, template: &Template) -> Result<Resolved, Unresolved> {
        self.resolve_with(template, &self.deployed)
    }

    fn resolve_with(&self, template: &Template, outputs: &Known) -> Result<Resolved, Unresolved> {
        let (mut text, mut sensitive, mut unknown) = (String::new(), false, false);
        for part in &template.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Reference(reference, _) => match self.look_up(reference, outputs)? {
                    Resolved::Plain(value) => text.push_str(&value),
                    Resolved::Sensitive(value) => {
                        sensitive = true;
                        text.push_str(value.expose_secret());
                    }
                    Resolved::Unknown(_) => unknown = true,
                },
            }
        }
        Ok(match (unknown, sensitive) {
            (true, _) => {
                zeroize::Zeroize::zeroize(&mut text);
                Resolved::Unknown(template.source().to_owned())
            }
            (false, true) => Resolved::Sensitive(text.into()),
            (false, false) => Resolved::Plain(text),
        })
    }

    fn look_up(&self, reference: &Reference, outputs: &Known) -> Result<Resolved, Unresolved> {
        let unresolved = |why: String, hint: Option<String>| Unresolved { reference: reference.clone(), why, hint };
        let found = match reference {
            Reference::Tenant => self.scope.tenant.to_string(),
            Reference::Stack => self.scope.stack.to_string(),
            Reference::Environment => self.scope.environment.to_string(),
            Reference::Region => self.scope.region.clone().ok_or_else(|| {
                let why = format!("the environment `{}` has no region", self.scope.environment);
                unresolved(why, Some("give it one with `region:`".to_owned()))
            })?,
            Reference::Variable(name) => {
                return self.values.resolve_one(name).ok_or_else(|| {
                    let hint = format!("give it with --var {name}=VALUE or in a --var-file");
                    unresolved(format!("the variable `{name}` has no value"), Some(hint))
                });
            }
            Reference::Output(component, name) => match outputs.get(component) {
                Some(Outputs::Pending) => return Ok(Resolved::Unknown(reference.to_string())),
                Some(Outputs::Known(outputs)) => match outputs.get(name) {
                    Some(Output::Value(value) | Output::Reference(value)) => value.clone(),
                    None => {
                        let hint = did_you_mean(name, outputs.keys().map(String::as_str));
                        return Err(unresolved(format!("`{component}` has no output `{name}`"), hint));
                    }
                },
                None => return Err(unresolved(format!("`{component}` is not deployed"), None)),
            },
        };
        Ok(Resolved::Plain(found))
    }
}
