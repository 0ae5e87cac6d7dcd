//! What is kept of a tenant that was deleted, until it is purged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::error::{Error, Reason, Result};
use crate::key::{ObjectKey, StackSpace};
use crate::name::TenantId;
use crate::seal;

/// The version of manifests that this program writes, and the newest that it reads.
pub const ARCHIVE_FORMAT: u32 = 1;

/// How long an archive is kept at least.
pub const GRACE: Duration = Duration::from_secs(30 * 24 * 3600);

/// What an archive holds. It is written when everything is there, so an archive without one is incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// [`ARCHIVE_FORMAT`].
    pub format_version: u32,
    /// Whose it is.
    pub tenant: TenantId,
    /// When the tenant was deleted.
    pub deleted: Timestamp,
    /// The tenant's entry as a derived document; it holds the hash of a secret that works no more.
    pub entry: String,
    /// The objects by their names below the tenant's folder.
    pub objects: BTreeMap<String, Archived>,
}

/// One object of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Archived {
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

impl Archived {
    /// Describes a content.
    pub fn of(bytes: &[u8]) -> Self {
        Self::known(bytes.len() as u64, &Sha256::digest(bytes))
    }

    /// Describes a content whose SHA-256 somebody else has computed.
    pub fn known(size: u64, sha256: &[u8]) -> Self {
        Self { size, sha256: hex::encode(sha256) }
    }
}

impl Manifest {
    /// Begins a manifest.
    pub fn new(tenant: TenantId, deleted: Timestamp, entry: String) -> Self {
        Self { format_version: ARCHIVE_FORMAT, tenant, deleted, entry, objects: BTreeMap::new() }
    }

    /// Reads one.
    pub fn parse(bytes: &[u8], key: &ObjectKey) -> Result<Self> {
        let unreadable = |why: String| {
            Error::new(Reason::StateConflict, format!("{key} cannot be read"))
                .caused_by(why)
                .hint("restore an earlier version of the document with the storage's own tools")
        };
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| unreadable(error.to_string()))?;
        match manifest.format_version {
            0..=ARCHIVE_FORMAT => Ok(manifest),
            newer => Err(unreadable(format!("it has format {newer}, this program knows {ARCHIVE_FORMAT}"))),
        }
    }

    /// The document as it is stored.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        seal::spell(self)
    }

    /// From when on it may be purged.
    pub fn purgeable(&self) -> Timestamp {
        self.deleted.checked_add(GRACE).unwrap_or(Timestamp::MAX)
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> u64 {
        self.objects.values().map(|object| object.size).sum()
    }
}

/// The mark of a restoration that has begun.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Begun {
    /// When, by the clock of whoever began it; for people only, as another's clock may say something else.
    pub begun: Option<Timestamp>,
    /// The tenant's complete archives at that time, by name; none where the mark does not say them.
    pub archives: Option<BTreeSet<String>>,
}

impl Begun {
    /// Reads a mark. One that cannot be read says nothing but that a restoration has begun.
    pub fn parse(mark: &[u8]) -> Self {
        serde_json::from_slice(mark).unwrap_or_default()
    }

    /// The mark as it is stored.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        seal::spell(self)
    }

    /// Whether that restoration came to its end, given the archives of today: only who is back can be deleted anew.
    pub fn has_ended<'a>(&self, mut archives: impl Iterator<Item = &'a str>) -> bool {
        self.archives.as_ref().is_some_and(|known| archives.any(|name| !known.contains(name)))
    }
}

/// The state of an archive as it is put back: open again, for a holder with a higher token, under a mark of its own.
pub fn reopened(bytes: &[u8], space: &StackSpace, write_id: Ulid) -> Result<Vec<u8>> {
    let mut state = seal::parse(bytes, space)?;
    state.deleted = false;
    state.fence += 1;
    state.session = None;
    state.write_id = Some(write_id);
    seal::spell(&state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::TenantSpace;
    use crate::name::StateVersion;

    #[test]
    fn a_manifest_is_read_as_it_was_written_and_a_newer_one_is_refused() {
        let key = crate::key::PlatformSpace.archive(&"acme".parse().unwrap(), Timestamp::UNIX_EPOCH).manifest();
        let mut manifest = Manifest::new("acme".parse().unwrap(), Timestamp::UNIX_EPOCH, "version: v1\n".to_owned());
        manifest.objects.insert("tenant.yaml".to_owned(), Archived::of(b"abc"));
        assert_eq!(manifest.objects["tenant.yaml"].sha256.len(), 64);
        assert_eq!((manifest.bytes(), manifest.purgeable().to_string().as_str()), (3, "1970-01-31T00:00:00Z"));
        let bytes = manifest.to_bytes().unwrap();
        assert_eq!(Manifest::parse(&bytes, &key), Ok(manifest));
        let newer = String::from_utf8(bytes).unwrap().replace("\"formatVersion\": 1", "\"formatVersion\": 2");
        assert_eq!(Manifest::parse(newer.as_bytes(), &key).unwrap_err().reason, Reason::StateConflict);
    }

    #[test]
    fn a_restoration_has_ended_where_an_archive_is_there_that_it_did_not_know_of() {
        let archives = BTreeSet::from(["20240120T143000Z".to_owned(), "20240320T143000Z".to_owned()]);
        let mark = Begun { begun: Some(Timestamp::UNIX_EPOCH), archives: Some(archives) };
        let mark = Begun::parse(&mark.to_bytes().unwrap());
        assert!(!mark.has_ended(["20240120T143000Z", "20240320T143000Z"].into_iter()));
        assert!(!mark.has_ended(["20240320T143000Z"].into_iter()), "an older one may have been purged");
        // By a clock that is behind.
        assert!(mark.has_ended(["20240120T143000Z", "20240220T143000Z", "20240320T143000Z"].into_iter()));
        assert!(!Begun::parse(b"?").has_ended(["20240320T143000Z"].into_iter()), "nothing is known of it");
    }

    #[test]
    fn a_state_is_put_back_above_its_old_fence() {
        let tenant = TenantSpace::new("acme".parse().unwrap(), StateVersion::default());
        let space = tenant.stack(&"shop".parse().unwrap(), &"dev".parse().unwrap());
        let before =
            r#"{"formatVersion":1,"tenant":"acme","stack":"shop","environment":"dev","fence":7,"deleted":true}"#;
        let id = Ulid::from_parts(1, 2);
        let state = seal::parse(&reopened(before.as_bytes(), &space, id).unwrap(), &space).unwrap();
        assert_eq!((state.fence, state.deleted, state.write_id), (8, false, Some(id)));
    }
}
