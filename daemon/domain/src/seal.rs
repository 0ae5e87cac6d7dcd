//! Decisions about the fenced state, pure: how `state.json` is read, sealed and written, and what a refused write
//! means.
//!
//! **Invariant:** a fence never falls: whoever reads one that is not below its token raises the token first.

mod reconcile;

use jiff::Timestamp;
use serde_json::{Map, Value};
use ulid::Ulid;

pub use reconcile::reconcile;

use crate::error::{Error, Reason, Result};
use crate::json;
use crate::key::StackSpace;
use crate::state::{HistoryDocument, HistoryEntry, STATE_FORMAT, StateDocument};

/// Who may write a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The lease's token.
    pub token: u64,
    /// The daemon incarnation.
    pub session: Ulid,
}

/// What to do about a state that was read in order to seal it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealStep {
    /// Our own seal is already there.
    Sealed,
    /// The token must rise above this fence first.
    Raise(u64),
    /// The seal may be written.
    Put,
}

/// Decides what to do about a state that was read. `tried` are the ids of our own seals so far.
pub fn seal_step(read: Option<&StateDocument>, fence: Fence, tried: &[Ulid]) -> SealStep {
    let Some(state) = read else {
        return SealStep::Put;
    };
    if is_one_of(state, tried) && state.fence == fence.token {
        SealStep::Sealed
    } else if state.fence >= fence.token {
        SealStep::Raise(state.fence)
    } else {
        SealStep::Put
    }
}

/// What a refused write of a sealed state means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The write of this id had landed.
    Landed(Ulid),
    /// Another holder has sealed: the lock is lost.
    Lost,
    /// Somebody changed the state without holding the lock.
    Meddled,
}

/// Explains a refused write by what is there now. `tried` are the ids of our own writes on the version that we know.
pub fn explain_refusal(now: &StateDocument, fence: Fence, tried: &[Ulid]) -> Refusal {
    if let Some(id) = now.write_id.filter(|id| tried.contains(id)) {
        return Refusal::Landed(id);
    }
    let other = now.fence == fence.token && now.session.is_some_and(|session| session != fence.session);
    if now.fence > fence.token || other { Refusal::Lost } else { Refusal::Meddled }
}

fn is_one_of(state: &StateDocument, tried: &[Ulid]) -> bool {
    state.write_id.is_some_and(|id| tried.contains(&id))
}

/// Marks a document as ours, for one write.
pub fn stamp(state: &mut StateDocument, fence: Fence, write_id: Ulid, written_by: &str, now: Timestamp) {
    state.format_version = STATE_FORMAT;
    state.fence = fence.token;
    state.session = Some(fence.session);
    state.write_id = Some(write_id);
    state.written_by = written_by.to_owned();
    state.updated = Some(now);
}

/// Whether two versions of a state are the same but for whose they are: nothing that a plan is made of was written between.
pub fn is_all_that_differs(before: &StateDocument, now: &StateDocument) -> bool {
    let resealed = StateDocument {
        format_version: now.format_version,
        fence: now.fence,
        session: now.session,
        write_id: now.write_id,
        written_by: now.written_by.clone(),
        updated: now.updated,
        ..before.clone()
    };
    resealed == *now
}

/// Reads a state; documents of older tools are upgraded.
///
/// Fails with `STATE_CONFLICT` for what is no state, was made by a newer program, or is another stack's.
pub fn parse(bytes: &[u8], space: &StackSpace) -> Result<StateDocument> {
    let key = space.state();
    let unreadable = |why: String| {
        Error::new(Reason::StateConflict, format!("{key} cannot be read"))
            .caused_by(why)
            .hint("restore an earlier version of the document with the storage's own tools")
    };
    let mut object: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
    let format = object.get("formatVersion").and_then(Value::as_u64).unwrap_or(0);
    if format > u64::from(STATE_FORMAT) {
        let by = object.get("writtenBy").and_then(Value::as_str).filter(|by| !by.is_empty());
        let by = by.unwrap_or("a newer deployer");
        return Err(Error::new(Reason::StateConflict, format!("{key} cannot be read: made by {by}, upgrade"))
            .fact("Format", format!("{format}; this program knows {STATE_FORMAT}"))
            .hint("install the newer version of deployer"));
    }
    let lock = space.lock();
    let names =
        [("tenant", lock.tenant.as_str()), ("stack", lock.stack.as_str()), ("environment", lock.environment.as_str())];
    for (name, ours) in names {
        let theirs = object.insert(name.to_owned(), Value::from(ours));
        // The tenant follows the path (storage may be migrated); an older tool's names are not trusted at all.
        let theirs = theirs.filter(|_| format > 0 && name != "tenant");
        if let Some(theirs) = theirs.as_ref().and_then(Value::as_str).filter(|theirs| *theirs != ours) {
            return Err(unreadable(format!("it says that its {name} is {theirs:?}, not {ours:?}")));
        }
    }
    serde_json::from_value(Value::Object(object)).map_err(|error| unreadable(error.to_string()))
}

/// Writes a document as people and other tools can read it: indented JSON with a final newline.
pub fn spell<T: serde::Serialize>(document: &T) -> Result<Vec<u8>> {
    let mut bytes = json::indented(document)
        .map_err(|error| Error::new(Reason::Internal, "cannot spell a document").caused_by(error))?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The history document of a run that ended in this state.
pub fn history(entry: HistoryEntry, state: &StateDocument) -> HistoryDocument {
    let mut state = state.clone();
    state.last_run = None;
    HistoryDocument { format_version: STATE_FORMAT, entry, state }
}

/// Refuses a state that is sealed for ever: its tenant's storage moved, or was deleted.
pub fn refuse_closed(state: &StateDocument) -> Result<()> {
    let stack = format!("{}/{}", state.stack, state.environment);
    if let Some(place) = &state.moved_to {
        return Err(Error::new(Reason::StateConflict, format!("the state of {stack} has moved to {place}"))
            .hint("sign in again with `deployer login`, so that the new place is used"));
    }
    if state.deleted {
        return Err(Error::new(Reason::StateConflict, format!("the state of {stack} was deleted with its tenant"))
            .hint("ask an admin to restore the tenant"));
    }
    Ok(())
}

/// The error for a state that is gone while its history is there.
pub fn vanished(space: &StackSpace, histories: usize) -> Error {
    Error::new(Reason::StateConflict, format!("{} is gone", space.state()))
        .caused_by(format!("its history has {histories} documents, so something was deployed here"))
        .hint("restore the last version of the document with the storage's own tools; it is never made anew by itself")
}

/// The error for a state that somebody changed without holding the lock.
pub fn meddled(space: &StackSpace) -> Error {
    Error::new(Reason::StateConflict, format!("{} was changed by somebody who does not hold the lock", space.state()))
        .hint("what this run still knew is kept beside it, under state.orphan/; the next run takes it up")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::TenantSpace;
    use crate::name::StateVersion;

    fn space() -> StackSpace {
        let tenant = TenantSpace::new("acme-team".parse().unwrap(), StateVersion::default());
        tenant.stack(&"shop".parse().unwrap(), &"dev".parse().unwrap())
    }

    fn id(n: u128) -> Ulid {
        Ulid::from_parts(1, n)
    }

    fn state(fence: u64, session: u128, write: u128) -> StateDocument {
        let lock = space().lock().clone();
        let mut state = StateDocument::empty(lock.tenant, lock.stack, lock.environment);
        stamp(
            &mut state,
            Fence { token: fence, session: id(session) },
            id(write),
            "deployer 0.1.0",
            Timestamp::UNIX_EPOCH,
        );
        state
    }

    const US: Fence = Fence { token: 5, session: Ulid::from_parts(1, 1) };

    #[test]
    fn a_seal_is_all_that_differs_until_something_else_is_written() {
        let before = StateDocument::empty("acme".parse().unwrap(), "shop".parse().unwrap(), "dev".parse().unwrap());
        let mut now = before.clone();
        let fence = Fence { token: 7, session: Ulid::from_parts(1, 2) };
        stamp(&mut now, fence, Ulid::from_parts(3, 4), "deployer 9.9.9", Timestamp::UNIX_EPOCH);
        assert!(now != before && is_all_that_differs(&before, &now));
        now.source = Some("ab".repeat(32));
        assert!(!is_all_that_differs(&before, &now));
    }

    #[test]
    fn a_seal_needs_a_token_above_the_fence_and_recognises_itself() {
        let cases = [
            (None, SealStep::Put),
            (Some(state(4, 2, 9)), SealStep::Put),
            (Some(state(5, 2, 9)), SealStep::Raise(5)),
            (Some(state(5, 1, 9)), SealStep::Raise(5)),
            (Some(state(5, 1, 7)), SealStep::Sealed),
            (Some(state(8, 2, 9)), SealStep::Raise(8)),
            // A seal with our earlier, lower token landed late: it must be sealed again with the one we hold now.
            (Some(state(3, 1, 7)), SealStep::Put),
        ];
        for (read, expected) in cases {
            assert_eq!(seal_step(read.as_ref(), US, &[id(6), id(7)]), expected, "{read:?}");
        }
    }

    #[test]
    fn a_refused_write_had_landed_or_means_a_loss_or_a_meddler() {
        let cases = [
            (state(5, 1, 7), Refusal::Landed(id(7))),
            (state(6, 2, 9), Refusal::Lost),
            (state(5, 2, 9), Refusal::Lost),
            (state(5, 1, 9), Refusal::Meddled),
            (state(0, 2, 9), Refusal::Meddled),
        ];
        for (now, expected) in cases {
            assert_eq!(explain_refusal(&now, US, &[id(6), id(7)]), expected, "{now:?}");
        }
    }

    #[test]
    fn a_document_is_read_back_as_it_was_spelled() {
        let document = state(5, 1, 7);
        let bytes = spell(&document).unwrap();
        assert!(bytes.ends_with(b"}\n") && bytes.starts_with(b"{\n  \"formatVersion\": 1,"));
        assert_eq!(parse(&bytes, &space()).unwrap(), document);
    }

    #[test]
    fn a_state_of_an_older_tool_is_upgraded_and_keeps_what_is_unknown() {
        let old = parse(br#"{"stack": "SHOP", "serial": 3, "resources": [1, 2]}"#, &space()).unwrap();
        assert_eq!((old.format_version, old.serial, old.fence), (0, 3, 0));
        assert_eq!((old.tenant.as_str(), old.stack.as_str(), old.environment.as_str()), ("acme-team", "shop", "dev"));
        assert_eq!(old.unknown["resources"], serde_json::json!([1, 2]));
    }

    #[test]
    fn what_is_newer_foreign_or_no_state_is_refused_with_the_next_step() {
        let newer = br#"{"formatVersion": 2, "writtenBy": "deployer 9.0.0"}"#;
        let cases: [(&[u8], &str); 4] = [
            (newer, "made by deployer 9.0.0, upgrade"),
            (br#"{"formatVersion": 1, "stack": "other"}"#, "its stack is \"other\", not \"shop\""),
            (b"[]", "cannot be read"),
            (b"{\"serial\": ", "line 1"),
        ];
        for (bytes, expected) in cases {
            let error = parse(bytes, &space()).unwrap_err();
            assert_eq!(error.reason, Reason::StateConflict);
            assert!(error.to_string().contains(expected), "{error}");
            assert!(!error.hints.is_empty());
        }
    }

    #[test]
    fn a_state_that_moved_or_was_deleted_is_refused() {
        let mut moved = state(5, 1, 7);
        assert!(refuse_closed(&moved).is_ok());
        moved.moved_to = Some("tenants/acme-team/v2".to_owned());
        assert!(refuse_closed(&moved).unwrap_err().message.contains("tenants/acme-team/v2"));
        let mut deleted = state(5, 1, 7);
        deleted.deleted = true;
        assert!(refuse_closed(&deleted).is_err());
    }
}
