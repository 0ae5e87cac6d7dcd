//! What stands for exactly one plan, and how sensitive values are compared without being kept.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Plan, PlanInput, Step, inputs};
use crate::expression::Resolved;
use crate::manifest;
use crate::state::RecordedVariable;

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
    pub(super) fn of(plan: &Plan, key: &SensitiveKey) -> Self {
        let steps: Vec<Value> = plan.steps.iter().map(|step| step_json(step, plan, key)).collect();
        let whole = json!({
            "format": 1,
            "operation": plan.operation,
            "tenant": plan.tenant,
            "stack": plan.stack,
            "environment": plan.environment,
            "region": plan.region,
            "serial": plan.serial,
            "source": plan.source,
            "variables": plan.variables,
            "steps": steps,
        });
        Self(digest_of(&whole))
    }
}

impl fmt::Display for PlanDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value that is not known yet counts by its expression.
fn step_json(step: &Step, plan: &Plan, key: &SensitiveKey) -> Value {
    let wanted = step.wanted.as_ref().map(|component| {
        let values = super::step::resolve_values(&step.component, &component.definition, &plan.resolver);
        let values = values.unwrap_or_default();
        let parts = inputs::parts(component, &values, |glob| step.files.get(glob).cloned(), key);
        let unknown: std::collections::BTreeMap<&String, &String> = values
            .iter()
            .filter_map(|(name, value)| match value {
                Resolved::Unknown(expression) => Some((name, expression)),
                _ => None,
            })
            .collect();
        json!({
            "inputs": inputs::Part::hashes(&parts),
            "unknown": unknown,
            "timeoutMs": component.definition.timeout().map(|timeout| timeout.as_millis() as u64),
            "retain": component.on_destroy == manifest::OnDestroy::Retain,
        })
    });
    json!({
        "component": step.component,
        "type": step.component_type,
        "action": step.action,
        "after": step.after,
        "record": step.record,
        "wanted": wanted,
        "deployed": step.deployed.as_ref().map(|state| json!({ "inputs": state.inputs_hash, "definition": state.definition })),
    })
}

/// The SHA-256, in hexadecimal, of a JSON value in canonical form.
pub(super) fn digest_of(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// Writes JSON with sorted keys and no spaces.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (n, key) in keys.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// The variables as the state records them.
pub(super) fn record_variables(input: &PlanInput<'_>) -> std::collections::BTreeMap<String, RecordedVariable> {
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
