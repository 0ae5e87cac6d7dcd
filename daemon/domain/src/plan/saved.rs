//! A plan in a file: `plan --out FILE`, `apply FILE`.
//!
//! The file holds what was asked and what came out, as a digest. `apply FILE` plans again from the same question and
//! goes on only when the same comes out; so the file needs no secrets and cannot be forged into another plan.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::digest::digest_of;
use super::{Approved, Operation, Plan, PlanDigest, PlanOptions, Selection};
use crate::error::{Error, Reason, Result};
use crate::name::{ComponentId, EnvironmentName, StackName, TenantId};
use crate::source::SourceHash;
use crate::state::RecordedVariable;

/// The version of a plan file that this program writes.
pub const PLAN_FORMAT: u32 = 1;

/// The field that tells a plan file that was cut off or edited from a whole one.
const CHECKSUM: &str = "checksum";

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
    /// The stack file, absolute; none for a destroy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// When it was planned.
    pub created: Timestamp,
    /// The serial of the state it was planned for.
    pub serial: u64,
    /// What it was made of; none for a destroy.
    pub source: Option<SourceHash>,
    /// The variables that are not sensitive.
    pub variables: BTreeMap<String, String>,
    /// The variables that must be given again, unless the stack file has a value for them.
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
    /// What engines proposed, by component.
    #[serde(default)]
    pub proposals: Approved,
    /// What came out, together with the proposals.
    pub digest: PlanDigest,
}

/// What a plan file says besides the plan.
#[derive(Debug, Clone)]
pub struct Saving<'a> {
    /// What was asked.
    pub options: &'a PlanOptions,
    /// What engines proposed.
    pub proposals: Approved,
    /// The backend's address.
    pub backend: String,
    /// The stack file, absolute; none for a destroy.
    pub file: Option<String>,
    /// The time.
    pub now: Timestamp,
}

impl SavedPlan {
    /// The file of a plan.
    pub fn of(plan: &Plan, saving: Saving<'_>) -> Self {
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
            backend: saving.backend,
            tenant: plan.tenant.clone(),
            stack: plan.stack.clone(),
            environment: plan.environment.clone(),
            file: saving.file,
            created: saving.now,
            serial: plan.serial,
            source: plan.source,
            variables,
            sensitive,
            selection: saving.options.selection.clone(),
            replace: saving.options.replace.clone(),
            delete_data: saving.options.delete_data,
            digest: saving.proposals.with(&plan.digest),
            proposals: saving.proposals,
        }
    }

    /// The file's content.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        let checksum = digest_of(&value);
        if let Value::Object(fields) = &mut value {
            fields.insert(CHECKSUM.to_owned(), checksum.into());
        }
        format!("{value:#}\n").into_bytes()
    }

    /// Whether these bytes are a plan file of any version, whole or not.
    pub fn is_one(bytes: &[u8]) -> bool {
        let value: Option<Value> = serde_json::from_slice(bytes).ok();
        value.is_some_and(|value| value.get("formatVersion").is_some() && value.get("digest").is_some())
    }

    /// Reads a plan file.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let invalid = |why: String| {
            Error::new(Reason::InvalidRequest, "the plan file could not be read")
                .caused_by(why)
                .hint("write one with `deployer plan --out FILE`")
        };
        let mut value: Value = serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
        match value.get("formatVersion").and_then(Value::as_u64) {
            Some(version) if version > u64::from(PLAN_FORMAT) => {
                return Err(Error::new(Reason::InvalidRequest, "the plan file could not be read")
                    .caused_by(format!("it has format {version}"))
                    .hint("upgrade deployer: a newer one wrote it"));
            }
            Some(_) => {}
            None => return Err(invalid("it has no formatVersion".to_owned())),
        }
        let checksum = value.as_object_mut().and_then(|fields| fields.remove(CHECKSUM));
        if checksum != Some(Value::from(digest_of(&value))) {
            return Err(invalid("it is damaged: its content is not what its checksum says".to_owned()));
        }
        serde_json::from_value(value).map_err(|error| invalid(error.to_string()))
    }

    /// What was asked for.
    pub fn options(&self) -> PlanOptions {
        PlanOptions { selection: self.selection.clone(), replace: self.replace.clone(), delete_data: self.delete_data }
    }

    /// Refuses when the plan of now, with what engines propose now, is another one than the saved one.
    pub fn check(&self, now: &Plan, proposals: &Approved) -> Result<()> {
        if self.digest == proposals.with(&now.digest) {
            return Ok(());
        }
        let stale = Error::new(Reason::PlanStale, format!("the plan for {}/{} is stale", self.stack, self.environment));
        let stale = if self.serial != now.serial {
            stale.caused_by(format!("the state moved on from serial {} to {}", self.serial, now.serial))
        } else if self.source != now.source {
            stale.caused_by("the stack's files changed")
        } else if self.variables_differ(now) {
            stale.caused_by("variables have other values")
        } else if let Some(component) = self.proposals.differs(proposals) {
            stale.caused_by(format!("the provider would do something else to {component} now"))
        } else if self.sensitive.is_empty() {
            stale.caused_by("something else would be done now")
        } else {
            stale.caused_by("a sensitive variable has another value, or something else would be done now")
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
