//! The port to the place where sessions are kept: the OS keyring, the daemon's memory, or a private file.

use async_trait::async_trait;
use secrecy::SecretString;

/// Why a vault could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct VaultError(pub String);

/// The result of a vault's call.
pub type VaultResult<T> = Result<T, VaultError>;

/// Where a vault keeps its entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultPlace {
    /// For people, after "Session saved to".
    pub name: String,
    /// Whether entries outlive the daemon; otherwise it must neither end by itself nor be replaced while one lives.
    pub lasting: bool,
    /// Why the entries are here and not in the OS keyring, when that was not asked for.
    pub warning: Option<String>,
}

/// The place of sessions: small documents by name.
///
/// Laws (see `laws::vault`): a read after a write sees it; a write replaces; entries do not touch each other; to remove
/// what is not there is no error; a failed write leaves the old entry as it was.
#[async_trait]
pub trait SessionVault: Send + Sync {
    /// Where an entry is kept, or would be kept if it were written now.
    async fn place(&self, name: &str) -> VaultPlace;

    /// Reads an entry; `None` when there is none.
    async fn read(&self, name: &str) -> VaultResult<Option<SecretString>>;

    /// Writes an entry.
    async fn write(&self, name: &str, document: &SecretString) -> VaultResult<()>;

    /// Removes an entry.
    async fn remove(&self, name: &str) -> VaultResult<()>;

    /// Lists the names of all entries, sorted.
    async fn names(&self) -> VaultResult<Vec<String>>;
}
