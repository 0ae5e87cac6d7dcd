//! Edits that keep what they do not know.

use serde_yaml::{Mapping, Value};

/// Puts known fields into a mapping: a field that is there keeps its place, mappings are merged, others replaced.
pub(crate) fn into(target: &mut Mapping, known: Mapping) {
    for (key, value) in known {
        match (target.get_mut(&key), value) {
            (Some(Value::Mapping(old)), Value::Mapping(new)) => into(old, new),
            (Some(old), new) => *old = new,
            (None, new) => {
                target.insert(key, new);
            }
        }
    }
}
