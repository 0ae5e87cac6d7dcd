//! Which components a person meant.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Reason, Result};
use crate::name::{ComponentId, ServiceName};
use crate::nearest::did_you_mean;

/// The services and components that were named; nothing named means everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Selection {
    /// `--service`.
    pub services: BTreeSet<ServiceName>,
    /// `--component`.
    pub components: BTreeSet<ComponentId>,
}

impl Selection {
    /// Whether everything is meant.
    pub fn is_everything(&self) -> bool {
        self.services.is_empty() && self.components.is_empty()
    }

    /// Whether a component was named, itself or by its service.
    pub fn names(&self, id: &ComponentId) -> bool {
        self.is_everything() || self.services.contains(&id.service) || self.components.contains(id)
    }

    /// Refuses names that nothing has.
    pub fn check(&self, known: &BTreeSet<&ComponentId>) -> Result<()> {
        let services: BTreeSet<&str> = known.iter().map(|id| id.service.as_str()).collect();
        for service in &self.services {
            if !services.contains(service.as_str()) {
                return Err(unknown("service", service.as_str(), services.iter().copied()));
            }
        }
        check_components(&self.components, known)
    }
}

/// Refuses components that nobody knows.
pub(super) fn check_components(named: &BTreeSet<ComponentId>, known: &BTreeSet<&ComponentId>) -> Result<()> {
    match named.iter().find(|id| !known.contains(id)) {
        Some(id) => {
            let known: Vec<String> = known.iter().map(ToString::to_string).collect();
            Err(unknown("component", &id.to_string(), known.iter().map(String::as_str)))
        }
        None => Ok(()),
    }
}

fn unknown<'a>(kind: &str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Error {
    let error = Error::new(Reason::NotFound, format!("the stack has no {kind} `{name}`"));
    match did_you_mean(name, known) {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
