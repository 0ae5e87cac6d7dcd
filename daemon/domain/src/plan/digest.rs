//! What stands for exactly one plan, and how sensitive values are compared without being kept.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Operation, Plan, PlanInput, Step};
use crate::json;
use crate::manifest;
use crate::name::{ComponentId, EnvironmentName, StackName, TenantId};
use crate::source::SourceHash;
use crate::state::{Action, RecordedVariable};

/// The key that sensitive values are compared under; it never lies beside the state.
pub struct SensitiveKey(SecretBox<[u8; 32]>);

impl SensitiveKey {
    /// Takes 32 bytes that nobody can guess.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(bytes)))
    }

    /// A keyed HMAC-SHA-256 of a value at a place, in hexadecimal: equal values at different places differ.
    pub fn mac(&self, place: &str, value: &str) -> String {
        let mut mac = match Hmac::<Sha256>::new_from_slice(self.0.expose_secret()) {
            Ok(mac) => mac,
            Err(_) => unreachable!("HMAC takes keys of any length"),
        };
        mac.update(&(place.len() as u64).to_be_bytes());
        mac.update(place.as_bytes());
        mac.update(value.as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }
}

impl Clone for SensitiveKey {
    fn clone(&self) -> Self {
        Self::new(*self.0.expose_secret())
    }
}

impl fmt::Debug for SensitiveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SensitiveKey([REDACTED])")
    }
}

/// The SHA-256, in hexadecimal, of a plan in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanDigest(pub String);

impl PlanDigest {
    /// The digest of a plan whose other fields are set.
    pub(super) fn of(plan: &Plan) -> Self {
        Self(digest_of(&CanonicalPlan::of(plan)))
    }
}

impl fmt::Display for PlanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a digest covers of a plan. Here and below, fields are in the order of their names: JSON is canonical with its keys
/// sorted, and without spaces.
#[derive(Serialize)]
pub(super) struct CanonicalPlan<'a> {
    environment: &'a EnvironmentName,
    format: u32,
    operation: Operation,
    region: Option<&'a str>,
    serial: u64,
    source: Option<&'a SourceHash>,
    stack: &'a StackName,
    steps: Vec<CanonicalStep<'a>>,
    tenant: &'a TenantId,
    variables: &'a BTreeMap<String, RecordedVariable>,
}

#[derive(Serialize)]
struct CanonicalStep<'a> {
    action: Action,
    after: &'a [ComponentId],
    component: &'a ComponentId,
    deployed: Option<CanonicalDeployed<'a>>,
    record: bool,
    r#type: &'a str,
    wanted: Option<CanonicalWanted<'a>>,
}

#[derive(Serialize)]
struct CanonicalDeployed<'a> {
    definition: &'a Value,
    inputs: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CanonicalWanted<'a> {
    inputs: &'a BTreeMap<String, String>,
    retain: bool,
    timeout_ms: Option<u64>,
    /// A value that is not known yet counts by its expression.
    unknown: &'a BTreeMap<String, String>,
}

impl<'a> CanonicalPlan<'a> {
    pub(super) fn of(plan: &'a Plan) -> Self {
        Self {
            environment: &plan.environment,
            format: 1,
            operation: plan.operation,
            region: plan.region.as_deref(),
            serial: plan.serial,
            source: plan.source.as_ref(),
            stack: &plan.stack,
            steps: plan.steps.iter().map(CanonicalStep::of).collect(),
            tenant: &plan.tenant,
            variables: &plan.variables,
        }
    }
}

impl<'a> CanonicalStep<'a> {
    fn of(step: &'a Step) -> Self {
        let wanted = step.wanted.as_ref().map(|component| CanonicalWanted {
            inputs: &step.inputs.hashes,
            retain: component.on_destroy == manifest::OnDestroy::Retain,
            timeout_ms: component.definition.timeout().map(|timeout| timeout.as_millis() as u64),
            unknown: &step.inputs.unknown,
        });
        let deployed = step.deployed.as_ref();
        Self {
            action: step.action,
            after: &step.after,
            component: &step.component,
            deployed: deployed
                .map(|state| CanonicalDeployed { definition: &state.definition, inputs: &state.inputs_hash }),
            record: step.record,
            r#type: &step.component_type,
            wanted,
        }
    }
}

/// The SHA-256, in hexadecimal, of what is canonical as JSON.
pub(super) fn digest_of(canonical: &impl Serialize) -> String {
    match json::compact(canonical) {
        Ok(text) => hex::encode(Sha256::digest(text)),
        Err(_) => unreachable!("all keys are texts, and nothing else can fail"),
    }
}

/// The variables as the state records them.
pub(super) fn record_variables(input: &PlanInput<'_>) -> BTreeMap<String, RecordedVariable> {
    let record = |(name, value): (&str, &manifest::Value)| {
        let recorded = match value {
            manifest::Value::Plain(text) => RecordedVariable::Value(text.clone()),
            manifest::Value::Sensitive(secret) => {
                let place = format!("var\0{name}");
                RecordedVariable::Sensitive(input.key.mac(&place, secret.expose_secret()))
            }
        };
        (name.to_owned(), recorded)
    };
    input.values.iter().map(record).collect()
}
