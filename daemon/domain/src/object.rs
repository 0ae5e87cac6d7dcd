//! The port to the storage of documents, S3 or SQLite.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::archive::Archived;
use crate::key::{KeyPrefix, ObjectKey};

/// An opaque mark of one version of an object; it changes with every change of the content.
///
/// Writing the same bytes again may keep it (S3's is a digest): a document that is written under a condition carries a
/// mark of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ETag(pub String);

/// An object as it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    /// The content.
    pub bytes: Vec<u8>,
    /// The version that was read.
    pub etag: ETag,
    /// When it was last written, in the storage's time.
    pub modified: Timestamp,
}

impl std::fmt::Debug for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The content may be large or private; the version is what a log needs.
        write!(f, "Object({} bytes, {:?})", self.bytes.len(), self.etag)
    }
}

/// The answer to a read that already knows a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reread {
    /// The object still has the version that was named.
    Unchanged,
    /// The object has another version.
    Changed(Object),
    /// There is no such object any more.
    Gone,
}

/// Under which condition a write may happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteIf {
    /// Whatever is there is replaced. Only for documents with one writer, such as segments of a run.
    Always,
    /// Nothing is there (`If-None-Match: *`).
    Absent,
    /// The version that was read is still there (`If-Match`).
    Unchanged(ETag),
}

/// One row of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The object's key.
    pub key: ObjectKey,
    /// Its size in bytes.
    pub size: u64,
}

/// Why a storage port could not do what was asked; the same for objects, locks and secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// The condition of a write did not hold (412), or a concurrent write was in the way (409).
    #[error("the document changed meanwhile")]
    Conflict,
    /// A write that expected a version found nothing (404 on `If-Match`).
    #[error("the document is gone")]
    Gone,
    /// The bucket, table, file or secret that holds everything does not exist.
    #[error("{0}")]
    NoSuchBackend(String),
    /// The caller gave no credentials that could be used.
    #[error("{0}")]
    NoCredentials(String),
    /// The caller may not do it.
    #[error("{0}")]
    Denied(String),
    /// The caller's credentials have expired; they may come back. Never a reason to give a lock up.
    #[error("{0}")]
    CredentialsExpired(String),
    /// The backend asked to slow down, and still did after the retries.
    #[error("{0}")]
    Throttled(String),
    /// The backend could not be reached or did not answer in time; the write may have been applied.
    #[error("{0}")]
    Unavailable(String),
    /// The request can never succeed as it is: a bad region, a bad bucket name, an answer that makes no sense.
    #[error("{0}")]
    Invalid(String),
}

impl PortError {
    /// Whether the same may work in a moment.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Throttled(_) | Self::Unavailable(_))
    }
}

/// The result of a port's call.
pub type PortResult<T> = Result<T, PortError>;

/// The storage of documents.
///
/// Laws (see `laws::objects`): a read after a write sees it; every change changes the [`ETag`]; of concurrent writes
/// under one condition exactly one succeeds; a copy has every byte, and its checksum is its content's; a listing is consistent and sorted by key; a refused write changes
/// nothing. No implementation retries a conditional write by itself without recognising its own earlier attempt.
#[async_trait]
pub trait ObjectStore: Send + Sync {
    /// Reads an object; `None` when there is none.
    async fn read(&self, key: &ObjectKey) -> PortResult<Option<Object>>;

    /// Asks whether an object still has a version, and reads it when it has another.
    async fn reread(&self, key: &ObjectKey, known: &ETag) -> PortResult<Reread>;

    /// Writes an object under a condition and answers its new version.
    ///
    /// Fails with [`PortError::Conflict`] when the condition does not hold and [`PortError::Gone`] when
    /// [`WriteIf::Unchanged`] finds nothing.
    async fn write(&self, key: &ObjectKey, bytes: Vec<u8>, condition: WriteIf) -> PortResult<ETag>;

    /// Copies an object within the storage, over whatever is at the new key; answers what the copy holds, `None` where there
    /// was nothing to copy. Only for documents with one writer, such as archives. Where the storage can do it by itself the
    /// content does not travel.
    async fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> PortResult<Option<Archived>>;

    /// Makes an address under which a document can be read for some minutes without credentials; nothing where the
    /// storage has no such thing.
    async fn link(&self, _key: &ObjectKey) -> PortResult<Option<String>> {
        Ok(None)
    }

    /// Deletes an object; that there was none is no error.
    async fn delete(&self, key: &ObjectKey) -> PortResult<()>;

    /// Deletes an object that still has a version.
    ///
    /// Fails with [`PortError::Conflict`] when it has another, and with [`PortError::Gone`] when there is none.
    async fn delete_unchanged(&self, key: &ObjectKey, known: &ETag) -> PortResult<()>;

    /// Lists all objects below a prefix, sorted by key.
    async fn list(&self, prefix: &KeyPrefix) -> PortResult<Vec<Listed>>;

    /// Lists the names directly below a prefix that have objects below them ("folders"), sorted, without slashes.
    async fn folders(&self, prefix: &KeyPrefix) -> PortResult<Vec<String>>;
}
