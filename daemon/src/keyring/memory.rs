//! Sessions in the daemon's memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use deployer_domain::vault::{SessionVault, VaultPlace, VaultResult};
use secrecy::SecretString;

/// Keeps sessions until the process ends.
#[derive(Debug, Default)]
pub struct MemoryVault {
    entries: Mutex<BTreeMap<String, SecretString>>,
    one_command: bool,
}

impl MemoryVault {
    /// The memory of a daemon that serves one command and ends with it.
    pub fn of_one_command() -> Self {
        Self { one_command: true, ..Self::default() }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.entries().contains_key(name)
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, SecretString>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SessionVault for MemoryVault {
    async fn place(&self, _: &str) -> VaultPlace {
        let (name, warning) = if self.one_command {
            let why = "without a daemon and without a keyring this session ends with this command; \
                       set DEPLOYER_SECRET or DEPLOYER_ADMIN_PASSWORD for each command instead";
            ("the memory of this command", Some(why.to_owned()))
        } else {
            ("the daemon's memory (until it stops)", None)
        };
        VaultPlace { name: name.to_owned(), lasting: false, warning }
    }

    async fn read(&self, name: &str) -> VaultResult<Option<SecretString>> {
        Ok(self.entries().get(name).cloned())
    }

    async fn write(&self, name: &str, document: &SecretString) -> VaultResult<()> {
        self.entries().insert(name.to_owned(), document.clone());
        Ok(())
    }

    async fn remove(&self, name: &str) -> VaultResult<()> {
        self.entries().remove(name);
        Ok(())
    }

    async fn names(&self) -> VaultResult<Vec<String>> {
        Ok(self.entries().keys().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use deployer_domain::laws;

    use super::*;

    #[tokio::test]
    async fn memory_obeys_the_laws_of_vaults() {
        laws::vault::all(async || MemoryVault::default()).await;
    }

    #[test]
    fn no_session_shows_in_debug() {
        let vault = MemoryVault::default();
        laws::block_on(vault.write("a", &SecretString::from("hush"))).unwrap();
        assert!(!format!("{vault:?}").contains("hush"));
    }
}
