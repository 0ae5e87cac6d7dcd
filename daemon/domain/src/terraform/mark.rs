//! A `.tfstate` as it is stored: the text that Terraform wrote, untouched, with one field of ours in front. Anybody's
//! Terraform reads it as it is.
//!
//! **Invariant:** a write needs the version that its holder sealed; so what a fenced-off holder writes is refused, and
//! kept beside the state.

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::seal::Fence;

/// What our field begins with.
const OPENING: &[u8] = b"{\"deployer\":";

/// Whose a stored state is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The token of the lease that it was sealed or written with.
    pub fence: u64,
    /// The daemon incarnation that held the lease.
    pub session: Ulid,
    /// One write of the document.
    pub write_id: Ulid,
    /// One text of Terraform's; a seal keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_id: Option<Ulid>,
    /// In a document of a fenced-off holder: the text that it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_id: Option<Ulid>,
}

impl Mark {
    /// Whose it is.
    pub fn fence(&self) -> Fence {
        Fence { token: self.fence, session: self.session }
    }
}

/// A stored document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// Whose it is; none for one that was put there by other tools.
    pub mark: Option<Mark>,
    /// What Terraform wrote; none while it has written nothing.
    pub content: Option<Vec<u8>>,
}

impl Stored {
    /// Reads a document. The error says what is wrong with it.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let Some(rest) = bytes.strip_prefix(OPENING) else {
            return Ok(Self { mark: None, content: Some(checked(bytes)?.to_vec()) });
        };
        let mut marks = serde_json::Deserializer::from_slice(rest).into_iter::<Mark>();
        let mark = marks.next().ok_or("it ends too soon")?.map_err(|error| error.to_string())?;
        let rest = rest.get(marks.byte_offset()..).unwrap_or_default();
        let content = rest.strip_prefix(b",").map(|fields| [b"{", fields].concat());
        if let Some(content) = &content {
            checked(content)?;
        }
        Ok(Self { mark: Some(mark), content })
    }

    /// Writes a document; the content is one that [`Stored::accepts`].
    pub fn write(mark: &Mark, content: Option<&[u8]>) -> Vec<u8> {
        let mut bytes = OPENING.to_vec();
        bytes.extend(serde_json::to_vec(mark).unwrap_or_default());
        let fields = content.and_then(|content| content.trim_ascii_start().strip_prefix(b"{"));
        match fields {
            Some(fields) => {
                bytes.push(b',');
                bytes.extend(fields);
            }
            None => bytes.extend(b"}\n"),
        }
        bytes
    }

    /// Whether a text can be stored: a JSON object that is not empty.
    pub fn accepts(content: &[u8]) -> bool {
        checked(content).is_ok()
    }
}

/// Only the shape is looked at: what is in it is Terraform's.
fn checked(content: &[u8]) -> Result<&[u8], String> {
    let fields: std::collections::BTreeMap<String, serde::de::IgnoredAny> =
        serde_json::from_slice(content).map_err(|error| error.to_string())?;
    if fields.is_empty() { Err("it is empty".to_owned()) } else { Ok(content) }
}

/// What to do about a document that was read in order to seal it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealStep {
    /// It is ours already.
    Sealed,
    /// Another holder has sealed: the lock is lost.
    Lost,
    /// The seal may be written.
    Put,
}

/// Decides what to do about a document that was read in order to seal it.
pub fn seal_step(read: &Stored, fence: Fence) -> SealStep {
    match read.mark.map(|mark| mark.fence()) {
        Some(theirs) if theirs == fence => SealStep::Sealed,
        Some(theirs) if theirs.token >= fence.token => SealStep::Lost,
        _ => SealStep::Put,
    }
}

/// What a refused write means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It had landed.
    Landed,
    /// Another holder has sealed: the lock is lost.
    Lost,
    /// Somebody changed the document without holding the lock.
    Meddled,
}

/// Explains a refused write by what is there now. `tried` are the ids of our own writes on the version that we know.
pub fn refusal(now: &Stored, fence: Fence, tried: &[Ulid]) -> Refusal {
    let Some(mark) = now.mark else { return Refusal::Meddled };
    if tried.contains(&mark.write_id) {
        return Refusal::Landed;
    }
    let other = mark.fence == fence.token && mark.session != fence.session;
    if mark.fence > fence.token || other { Refusal::Lost } else { Refusal::Meddled }
}

/// Whether what a fenced-off holder knew can simply take the place of what is there: nobody has written since.
pub fn takes_up(now: &Stored, orphan: &Stored) -> bool {
    let base = orphan.mark.and_then(|mark| mark.base_id);
    let known = now.mark.and_then(|mark| mark.content_id);
    orphan.content.is_some() && base == known && (known.is_some() || now.content.is_none())
}
