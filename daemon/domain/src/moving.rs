//! The state of one environment while the storage of its tenant moves: sealed where it was, open where it goes.

use serde_json::{Map, Value};
use ulid::Ulid;

use crate::error::{Error, Reason, Result};
use crate::key::{ObjectKey, StackSpace};
use crate::seal;

/// The field that says where a state has gone.
const MOVED: &str = "movedTo";

/// A state as its old place has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaving(Map<String, Value>);

impl Leaving {
    /// Reads it; `key` is its old place.
    pub fn parse(bytes: &[u8], key: &ObjectKey) -> Result<Self> {
        serde_json::from_slice(bytes).map(Self).map_err(|error| {
            Error::new(Reason::StateConflict, format!("{key} cannot be read"))
                .caused_by(error)
                .hint("restore an earlier version of the document with the storage's own tools")
        })
    }

    /// Refuses what nobody could work with where it goes: it is read as it will be read there.
    pub fn refuse_unreadable(&self, key: &ObjectKey, space: &StackSpace) -> Result<()> {
        let message = format!("{key} is no state that could be worked with");
        seal::parse(&self.arrived(), space).map(drop).map_err(|error| {
            let causes = std::iter::once(error.message).chain(error.causes).collect();
            Error { message, causes, ..error }
        })
    }

    /// Whether it has left for a place; refused where it has left for another one.
    pub fn has_left_for(&self, space: &StackSpace) -> Result<bool> {
        match self.0.get(MOVED).and_then(Value::as_str) {
            None => Ok(false),
            Some(place) if place == place_of(space) => Ok(true),
            Some(other) => Err(Error::new(Reason::StateConflict, format!("a state has moved to {other} already"))
                .hint("look who works there before anything is moved again")),
        }
    }

    /// Whether nobody works with it where it is: it has left for some place, or its tenant was deleted.
    pub fn is_closed(&self) -> bool {
        self.0.contains_key(MOVED) || self.0.get("deleted").and_then(Value::as_bool) == Some(true)
    }

    /// The document of the old place from now on: nobody may work with it any more.
    pub fn sealed(&self, space: &StackSpace) -> Vec<u8> {
        let mut left = self.0.clone();
        left.insert(MOVED.to_owned(), place_of(space).into());
        spelled(&left)
    }

    /// The document of the new place.
    pub fn arrived(&self) -> Vec<u8> {
        let mut state = self.0.clone();
        state.remove(MOVED);
        spelled(&state)
    }

    /// The document of the old place after the move was given up: open again, for a holder with a higher token, under a
    /// mark of its own.
    pub fn returned(&self, write_id: Ulid) -> Vec<u8> {
        let mut state = self.0.clone();
        let fence = state.get("fence").and_then(Value::as_u64).unwrap_or_default();
        state.retain(|name, _| !matches!(name.as_str(), MOVED | "session"));
        state.insert("fence".to_owned(), (fence + 1).into());
        state.insert("writeId".to_owned(), write_id.to_string().into());
        spelled(&state)
    }
}

/// Where a state goes, as the old place says it.
pub fn place_of(space: &StackSpace) -> String {
    space.state().as_str().trim_end_matches("/state.json").to_owned()
}

fn spelled(document: &Map<String, Value>) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(document).unwrap_or_default();
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::TenantSpace;
    use crate::name::StateVersion;

    #[test]
    fn a_state_is_sealed_where_it_was_and_open_where_it_goes() {
        let space = |version: StateVersion| {
            let tenant = TenantSpace::new("acme".parse().unwrap(), version);
            tenant.stack(&"shop".parse().unwrap(), &"dev".parse().unwrap())
        };
        let (key, to) = (space(StateVersion::default()).state(), space("v2".parse().unwrap()));
        let before = br#"{"serial": 3, "ours": "kept"}"#;
        let state = Leaving::parse(before, &key).unwrap();
        assert!(!state.has_left_for(&to).unwrap());
        let sealed = Leaving::parse(&state.sealed(&to), &key).unwrap();
        assert!(sealed.has_left_for(&to).unwrap());
        assert_eq!(sealed.has_left_for(&space("v3".parse().unwrap())).unwrap_err().reason, Reason::StateConflict);
        assert_eq!(sealed.arrived(), state.arrived());
        let arrived: Value = serde_json::from_slice(&sealed.arrived()).unwrap();
        assert_eq!(arrived, serde_json::json!({"serial": 3, "ours": "kept"}));
        let returned: Value = serde_json::from_slice(&sealed.returned(Ulid::nil())).unwrap();
        let mark = Ulid::nil().to_string();
        assert_eq!(returned, serde_json::json!({"serial": 3, "ours": "kept", "fence": 1, "writeId": mark}));
        assert!(sealed.is_closed() && !state.is_closed());
    }

    #[test]
    fn a_state_that_nobody_could_work_with_is_told_by_the_name_it_has_now() {
        let tenant = TenantSpace::new("acme".parse().unwrap(), StateVersion::default());
        let place = tenant.stack(&"shop".parse().unwrap(), &"dev".parse().unwrap());
        let read =
            |text: &str| Leaving::parse(text.as_bytes(), &place.state())?.refuse_unreadable(&place.state(), &place);
        for good in [r#"{"serial": 3, "ours": "kept"}"#, r#"{"stack": "other"}"#, "{}"] {
            assert_eq!(read(good), Ok(()), "{good}");
        }
        for bad in [
            "{not json",
            "[]",
            r#"{"components": {"web": {"weird": 1}}, "serial": "x"}"#,
            r#"{"formatVersion": 999}"#,
            r#"{"formatVersion": 1, "stack": "other"}"#,
        ] {
            let error = read(bad).unwrap_err();
            assert!(error.reason == Reason::StateConflict && error.message.contains(place.state().as_str()), "{bad}");
        }
    }
}
