//! What goes into a component, part by part, so that a plan can say which part changed.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::deployed::{RecordedText, recorded_values};
use super::{Change, SensitiveKey};
use crate::expression::{Resolved, Shown};
use crate::manifest::{Component, Definition};
use crate::state::ComponentState;

/// One part of what goes into a component.
pub(super) struct Part {
    name: String,
    /// Its hash; none while its value is not known.
    hash: Option<String>,
    shown: Option<Shown>,
}

/// What goes into a component, as far as it is known.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The hash of each part, as the state keeps it.
    pub hashes: BTreeMap<String, String>,
    /// The expressions of those that are not known yet.
    pub unknown: BTreeMap<String, String>,
}

impl Inputs {
    pub(super) fn of(parts: Vec<Part>, values: BTreeMap<String, Resolved>) -> Self {
        let unknown = values.into_iter().filter_map(|(part, value)| match value {
            Resolved::Unknown(expression) => Some((part, expression)),
            _ => None,
        });
        Self { hashes: hashes(parts), unknown: unknown.collect() }
    }
}

/// The parts as the state keeps them; those that are not known are left out.
pub(super) fn hashes(parts: Vec<Part>) -> BTreeMap<String, String> {
    parts.into_iter().filter_map(|part| Some((part.name, part.hash?))).collect()
}

/// The compiled template of a typed component, as one more part: the environment's network, what is done with data, and
/// this program's own version show in it and in no field.
pub(super) const COMPILED: &str = "template";

/// The parts of a component with these values, by what [`Definition::values`] calls them; sensitive ones only as a
/// keyed HMAC.
pub(super) fn parts(
    component: &Component,
    values: &BTreeMap<String, Resolved>,
    files: impl Fn(&str) -> Option<String>,
    key: &SensitiveKey,
) -> Vec<Part> {
    let definition = &component.definition;
    let texts = definition.texts().into_iter();
    let texts = texts.map(|(name, text)| Part { name: name.to_owned(), hash: Some(plain_hash(text)), shown: None });
    let values = values.iter().map(|(part, value)| {
        let hash = match value {
            Resolved::Plain(text) => Some(plain_hash(text)),
            Resolved::Sensitive(secret) => Some(key.mac(&format!("{}\0{part}", component.id), secret.expose_secret())),
            Resolved::Unknown(_) => None,
        };
        Part { name: part.clone(), hash, shown: Some(value.shown()) }
    });
    let field = definition.files_field();
    let globs = definition.files().iter().map(|pattern| {
        let hash = files(&pattern.glob).unwrap_or_default();
        Part { name: format!("{field} {}", pattern.glob), hash: Some(shorten(&hash)), shown: None }
    });
    let compiled = matches!(definition, Definition::Typed(_)).then(|| {
        let hash = files(COMPILED).unwrap_or_default();
        Part { name: COMPILED.to_owned(), hash: Some(shorten(&hash)), shown: None }
    });
    texts.chain(values).chain(globs).chain(compiled).collect()
}

/// The hash over all parts.
pub(super) fn hash(inputs: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    for (name, hash) in inputs {
        hasher.update(name.as_bytes());
        hasher.update([0]);
        hasher.update(hash.as_bytes());
        hasher.update([0]);
    }
    hex::encode(hasher.finalize())
}

/// The parts that differ from what is deployed.
pub(super) fn changes(parts: &[Part], state: &ComponentState) -> Vec<Change> {
    let deployed = recorded_values(state);
    let before = |name: &str| {
        Some(match deployed.get(name)? {
            RecordedText::Value(text) => Shown::Plain(text.clone()),
            RecordedText::Expression(_) => Shown::Sensitive,
        })
    };
    let change = |name: &str, after: Option<Shown>| Change { part: name.to_owned(), before: before(name), after };
    let wanted: BTreeSet<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    let differs = |part: &&Part| part.hash.is_none() || part.hash.as_ref() != state.inputs.get(&part.name);
    let different = parts.iter().filter(differs).map(|part| change(&part.name, part.shown.clone()));
    let gone = state.inputs.keys().filter(|name| !wanted.contains(name.as_str())).map(|name| change(name, None));
    different.chain(gone).collect()
}

/// 128 bits tell parts apart well enough, and the state stays small.
const BITS: usize = 128;

fn plain_hash(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..BITS / 8])
}

fn shorten(hash: &str) -> String {
    hash.chars().take(BITS / 4).collect()
}
