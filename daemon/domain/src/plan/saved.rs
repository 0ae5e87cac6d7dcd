//! A plan in a file: `plan --out FILE`, `apply FILE`.
//!
//! The file holds what was asked and what came out, as a digest. `apply FILE` plans again from the same question and
//! goes on only when the same comes out; so the file needs no secrets and cannot be forged into another plan.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Operation, Plan, PlanDigest, PlanOptions, Selection};
use crate::error::{Error, Reason, Result};
use crate::name::{ComponentId, EnvironmentName, StackName, TenantId};
use crate::source::SourceHash;
use crate::state::RecordedVariable;

/// The version of a plan file that this program writes.
pub const PLAN_FORMAT: u32 = 1;

/// A plan in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavedPlan {
    /// [`PLAN_FORMAT`].
    pub format_version: u32,
    /// What it is for.
    pub operation: Operation,
    /// The backend's address.
    pub backend: String,
    /// The tenant.
    pub tenant: TenantId,
    /// The stack.
    pub stack: StackName,
    /// The environment.
    pub environment: EnvironmentName,
    /// The stack file, absolute.
    pub file: String,
    /// When it was planned.
    pub created: Timestamp,
    /// The serial of the state it was planned for.
    pub serial: u64,
    /// What it was made of.
    pub source: Option<SourceHash>,
    /// The variables that are not sensitive.
    pub variables: BTreeMap<String, String>,
    /// The variables that must be given again.
    pub sensitive: BTreeSet<String>,
    /// Only these.
    #[serde(default)]
    pub selection: Selection,
    /// Components to be made anew.
    #[serde(default)]
    pub replace: BTreeSet<ComponentId>,
    /// Whether data is deleted as well.
    #[serde(default)]
    pub delete_data: bool,
    /// What came out.
    pub digest: PlanDigest,
}

impl SavedPlan {
    /// The file of a plan.
    pub fn of(plan: &Plan, options: &PlanOptions, backend: &str, file: &str, now: Timestamp) -> Self {
        let mut variables = BTreeMap::new();
        let mut sensitive = BTreeSet::new();
        for (name, recorded) in &plan.variables {
            match recorded {
                RecordedVariable::Value(text) => drop(variables.insert(name.clone(), text.clone())),
                RecordedVariable::Sensitive(_) => drop(sensitive.insert(name.clone())),
            }
        }
        Self {
            format_version: PLAN_FORMAT,
            operation: plan.operation,
            backend: backend.to_owned(),
            tenant: plan.tenant.clone(),
            stack: plan.stack.clone(),
            environment: plan.environment.clone(),
            file: file.to_owned(),
            created: now,
            serial: plan.serial,
            source: plan.source,
            variables,
            sensitive,
            selection: options.selection.clone(),
            replace: options.replace.clone(),
            delete_data: options.delete_data,
            digest: plan.digest.clone(),
        }
    }

    /// Reads a plan file.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let invalid =
            |why: String| Error::new(Reason::InvalidRequest, "the plan file could not be read").caused_by(why);
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
        match value.get("formatVersion").and_then(serde_json::Value::as_u64) {
            Some(version) if version > u64::from(PLAN_FORMAT) => {
                Err(invalid(format!("it has format {version}")).hint("upgrade deployer: a newer one wrote it"))
            }
            Some(_) => serde_json::from_value(value).map_err(|error| invalid(error.to_string())),
            None => {
                Err(invalid("it has no formatVersion".to_owned()).hint("write one with `deployer plan --out FILE`"))
            }
        }
    }

    /// What was asked for.
    pub fn options(&self) -> PlanOptions {
        PlanOptions { selection: self.selection.clone(), replace: self.replace.clone(), delete_data: self.delete_data }
    }

    /// Refuses when the plan of now is another one than the saved one.
    pub fn check(&self, now: &Plan) -> Result<()> {
        if self.digest == now.digest {
            return Ok(());
        }
        let stale = Error::new(Reason::PlanStale, format!("the plan for {}/{} is stale", self.stack, self.environment));
        let stale = if self.serial != now.serial {
            stale.caused_by(format!("the state moved on from serial {} to {}", self.serial, now.serial))
        } else if self.source != now.source {
            stale.caused_by("the stack's files changed")
        } else if self.variables_differ(now) {
            stale.caused_by("variables have other values")
        } else {
            stale.caused_by("something else would be done now")
        };
        Err(stale.hint("plan again with `deployer plan --out FILE`"))
    }

    fn variables_differ(&self, now: &Plan) -> bool {
        let plain = now.variables.iter().filter_map(|(name, recorded)| match recorded {
            RecordedVariable::Value(text) => Some((name, text)),
            RecordedVariable::Sensitive(_) => None,
        });
        !plain.eq(self.variables.iter())
    }
}
