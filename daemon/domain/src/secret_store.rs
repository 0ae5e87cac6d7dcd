//! The port to the admin secret, Secrets Manager or the embedded backend's own file.

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;

#[cfg(doc)]
use crate::object::PortError;
use crate::object::PortResult;

/// A secret document and the version that was read.
#[derive(Debug, Clone)]
pub struct StoredSecret {
    /// The document, JSON: `{"password": …}` or `{"passwordHash": …}`, and `totp`.
    pub document: SecretString,
    /// The version; a session remembers it, so that a new version ends the session.
    pub version: String,
    /// When this version was written.
    pub created: Timestamp,
}

/// The place of the admin secret.
///
/// Laws (see `laws::secrets`): a read after a write sees it; every write has a new version; `create` of an existing
/// secret is a conflict and changes nothing; `replace` of a missing one is [`PortError::Gone`]; after `repeat` the version is still the same.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// Reads the current version; `None` when there is no such secret.
    async fn read(&self, name: &str) -> PortResult<Option<StoredSecret>>;

    /// Creates the secret; a conflict when it exists.
    async fn create(&self, name: &str, document: &SecretString) -> PortResult<()>;

    /// Writes a new version of an existing secret.
    async fn replace(&self, name: &str, document: &SecretString) -> PortResult<()>;

    /// Writes the current version once more, as itself, which changes nothing: whether a new one may be written.
    async fn repeat(&self, name: &str, current: &StoredSecret) -> PortResult<()>;
}
