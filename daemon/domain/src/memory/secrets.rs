use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use secrecy::SecretString;

use super::{Fault, Script, guard, tick};
use crate::object::{PortError, PortResult};
use crate::secret_store::{SecretStore, StoredSecret};

/// Secrets in memory.
#[derive(Debug, Default)]
pub struct MemorySecrets {
    held: Mutex<Held>,
    script: Script,
}

#[derive(Debug, Default)]
struct Held {
    secrets: BTreeMap<String, StoredSecret>,
    writes: u64,
}

impl MemorySecrets {
    /// Says what goes wrong with the next write, or the one after those that were said before.
    pub fn next_write(&self, fault: Fault) {
        self.script.push(fault);
    }
}

impl Held {
    fn put(&mut self, name: &str, document: &SecretString) {
        let created = tick(&mut self.writes);
        let version = format!("version-{}", self.writes);
        self.secrets.insert(name.to_owned(), StoredSecret { document: document.clone(), version, created });
    }
}

#[async_trait]
impl SecretStore for MemorySecrets {
    async fn read(&self, name: &str) -> PortResult<Option<StoredSecret>> {
        Ok(guard(&self.held).secrets.get(name).cloned())
    }

    async fn create(&self, name: &str, document: &SecretString) -> PortResult<()> {
        self.script.perform(|| {
            let mut held = guard(&self.held);
            if held.secrets.contains_key(name) {
                return Err(PortError::Conflict);
            }
            held.put(name, document);
            Ok(())
        })
    }

    async fn replace(&self, name: &str, document: &SecretString) -> PortResult<()> {
        self.script.perform(|| {
            let mut held = guard(&self.held);
            if !held.secrets.contains_key(name) {
                return Err(PortError::Gone);
            }
            held.put(name, document);
            Ok(())
        })
    }

    async fn repeat(&self, name: &str, current: &StoredSecret) -> PortResult<()> {
        let held = guard(&self.held);
        match held.secrets.get(name) {
            None => Err(PortError::Gone),
            Some(found) if found.version == current.version => Ok(()),
            Some(_) => Err(PortError::Conflict),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::laws;

    #[test]
    fn memory_obeys_the_laws_of_secrets() {
        laws::block_on(laws::secrets::all(async || MemorySecrets::default()));
    }
}
