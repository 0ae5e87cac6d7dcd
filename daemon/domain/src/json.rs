//! JSON as this product spells it, into memory.
//!
//! States, plans and events are spelled many times in a run, and `serde_json` hands a writer most of a document in pieces of
//! one or two bytes; so what takes them is made for that.

mod indented;
mod pieces;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use pieces::Pieces;

/// Spells a value as [`serde_json::to_vec_pretty`] does.
pub fn indented(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    spell(value, indented::Indented::default())
}

/// Spells a value as [`serde_json::to_vec`] does.
pub fn compact(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    spell(value, serde_json::ser::CompactFormatter)
}

fn spell(value: &impl Serialize, formatter: impl Formatter) -> serde_json::Result<Vec<u8>> {
    let mut pieces = Pieces::default();
    value.serialize(&mut Serializer::with_formatter(&mut pieces, formatter))?;
    Ok(pieces.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn everything_is_spelled_as_serde_json_does() {
        let deep = (0..40).fold(json!({ "end": [] }), |inner, at| match at % 2 {
            0 => json!({ "a": inner, "b": {}, "c": [[], {}, 1] }),
            _ => json!([{}, inner, "\u{1f600}\n\"", null, "x".repeat(at)]),
        });
        for value in [json!(1), json!([]), json!({}), json!([1, [2, {}], []]), json!({ "a": { "b": [1.5] } }), deep] {
            assert_eq!(indented(&value).unwrap(), serde_json::to_vec_pretty(&value).unwrap());
            assert_eq!(compact(&value).unwrap(), serde_json::to_vec(&value).unwrap());
            assert_eq!(serde_json::from_slice::<Value>(&indented(&value).unwrap()).unwrap(), value);
        }
    }
}
