//! What a plan is made of: the stack's files and every file that `inputs:` name, by content.
//!
//! Gathering the files is the daemon's business; here is what their hashes mean.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, Reason};

/// The most bytes that a source may have, before compression.
pub const MAX_SOURCE_BYTES: u64 = 50 << 20;

/// The most files that a source may have.
pub const MAX_SOURCE_FILES: usize = 20_000;

/// The SHA-256 of a source: of its tar stream, before compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SourceHash(pub [u8; 32]);

impl fmt::Display for SourceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for SourceHash {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || Error::new(Reason::InvalidRequest, "the hash of a source has 64 hexadecimal digits");
        let mut hash = [0; 32];
        // One source has one name: digits in capitals would be another key of the storage.
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) || hex::decode_to_slice(text, &mut hash).is_err() {
            return Err(refuse());
        }
        Ok(Self(hash))
    }
}

impl TryFrom<String> for SourceHash {
    type Error = Error;
    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<SourceHash> for String {
    fn from(hash: SourceHash) -> String {
        hash.to_string()
    }
}

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceEntry {
    /// Its path relative to the stack's directory, with `/`.
    pub path: String,
    /// Whether it may be executed.
    pub executable: bool,
    /// The SHA-256 of its content.
    pub sha256: [u8; 32],
}

/// For each glob of an `inputs:`, what the files that it names contain, as one hash; and the texts of templates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputHashes {
    hashes: BTreeMap<String, String>,
    templates: BTreeMap<String, Arc<str>>,
}

impl InputHashes {
    /// Takes globs with the files that each names, in any order.
    pub fn new<'a>(matched: impl IntoIterator<Item = (String, Vec<&'a SourceEntry>)>) -> Self {
        let hashes = matched.into_iter().map(|(glob, entries)| (glob, hash_entries(entries))).collect();
        Self { hashes, templates: BTreeMap::new() }
    }

    /// Takes the texts of the templates as well, by path.
    #[must_use]
    pub fn with_templates(self, templates: BTreeMap<String, Arc<str>>) -> Self {
        Self { templates, ..self }
    }

    /// The text of a template, where it was gathered.
    pub fn template(&self, path: &str) -> Option<Arc<str>> {
        self.templates.get(path).cloned()
    }

    /// The hash for a glob; that of no file at all where the glob was not gathered.
    pub fn of(&self, glob: &str) -> String {
        self.hashes.get(glob).cloned().unwrap_or_else(|| hash_entries(Vec::new()))
    }
}

/// A name, a mode and a content each count; the order in which a directory lists its files does not.
fn hash_entries(mut entries: Vec<&SourceEntry>) -> String {
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries.dedup_by(|a, b| a.path == b.path);
    let mut hasher = Sha256::new();
    for entry in entries {
        hasher.update(entry.path.as_bytes());
        hasher.update([0, u8::from(entry.executable)]);
        hasher.update(entry.sha256);
    }
    hex::encode(hasher.finalize())
}

/// The SHA-256 of a text, in hexadecimal.
pub fn text_hash(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, executable: bool, content: u8) -> SourceEntry {
        SourceEntry { path: path.to_owned(), executable, sha256: [content; 32] }
    }

    #[test]
    fn a_hash_is_read_back_as_it_is_written() {
        let hash = SourceHash([0xa5; 32]);
        assert_eq!(hash.to_string().parse::<SourceHash>().unwrap(), hash);
        for text in ["", "a5", &"A5".repeat(32), &"g5".repeat(32), &"é".repeat(32)] {
            assert!(text.parse::<SourceHash>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_modes_and_contents_count_and_the_order_of_listing_does_not() {
        let (a, b) = (entry("a", false, 1), entry("b", false, 2));
        let hash = |entries: &[&SourceEntry]| InputHashes::new([("*".to_owned(), entries.to_vec())]).of("*");
        assert_eq!(hash(&[&a, &b]), hash(&[&b, &a, &b]));
        assert_ne!(hash(&[&a, &b]), hash(&[&a]));
        assert_ne!(hash(&[&a]), hash(&[&entry("a", true, 1)]));
        assert_ne!(hash(&[&a]), hash(&[&entry("a", false, 3)]));
        assert_ne!(hash(&[&a]), hash(&[&entry("c", false, 1)]));
        assert_eq!(InputHashes::default().of("x"), hash(&[]));
    }
}
