//! The table of locks in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Fault, Script, guard};
use crate::clock::Clock;
use crate::key::LockKey;
use crate::laws::locks::OlderTool;
use crate::lock::{Attributes, LockItem, LockTable, LockWrite, UnlockAudit, Written};
use crate::name::TenantId;
use crate::object::PortResult;

/// A table of locks in memory; clones share it.
#[derive(Clone)]
pub struct MemoryLocks {
    stored: Arc<Mutex<Stored>>,
    script: Arc<Script>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct Stored {
    items: BTreeMap<LockKey, LockItem>,
    audits: BTreeMap<String, Attributes>,
}

impl MemoryLocks {
    /// Makes an empty table whose server has this clock.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { stored: Arc::default(), script: Arc::default(), clock }
    }

    /// Says what goes wrong with the next write, or the one after those that were said before.
    pub fn next_write(&self, fault: Fault) {
        self.script.push(fault);
    }

    /// Deletes an item as the table's own expiry would.
    pub fn remove(&self, key: &LockKey) {
        self.stored().items.remove(key);
    }

    fn stored(&self) -> MutexGuard<'_, Stored> {
        guard(&self.stored)
    }
}

impl Stored {
    fn write(&mut self, write: &LockWrite) -> Written {
        let item = self.items.get(&write.key);
        if !write.condition.holds(item) {
            return Written::Refused(item.cloned());
        }
        let changed = write.apply(item);
        self.items.insert(write.key.clone(), changed);
        Written::Applied
    }
}

#[async_trait]
impl LockTable for MemoryLocks {
    async fn read(&self, key: &LockKey) -> PortResult<Option<LockItem>> {
        Ok(self.stored().items.get(key).cloned())
    }

    async fn write(&self, write: &LockWrite) -> PortResult<Written> {
        self.script.perform(|| Ok(self.stored().write(write)))
    }

    async fn read_many(&self, keys: &[LockKey]) -> PortResult<Vec<LockItem>> {
        let stored = self.stored();
        Ok(keys.iter().filter_map(|key| stored.items.get(key).cloned()).collect())
    }

    async fn force_release(&self, write: &LockWrite, audit: &UnlockAudit) -> PortResult<Written> {
        self.script.perform(|| {
            let mut stored = self.stored();
            if stored.audits.contains_key(&audit.lock_id()) {
                return Ok(Written::Applied);
            }
            let written = stored.write(write);
            if written == Written::Applied {
                stored.audits.insert(audit.lock_id(), audit.attributes.clone());
            }
            Ok(written)
        })
    }

    async fn list(&self, tenant: &TenantId) -> PortResult<Vec<LockItem>> {
        Ok(self.stored().items.values().filter(|item| item.key.tenant == *tenant).cloned().collect())
    }

    async fn apart(&self) -> PortResult<Arc<dyn LockTable>> {
        Ok(Arc::new(self.clone()))
    }

    fn server_now(&self) -> Timestamp {
        self.clock.now()
    }
}

#[async_trait]
impl OlderTool for MemoryLocks {
    async fn put(&self, item: &LockItem) {
        self.stored().items.insert(item.key.clone(), item.clone());
    }

    async fn audits(&self) -> usize {
        self.stored().audits.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::LeaseInstant;
    use crate::laws::{block_on, locks};

    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            "2024-01-15T12:00:00Z".parse().unwrap()
        }

        fn lease_now(&self) -> LeaseInstant {
            LeaseInstant { boot: Default::default(), monotonic: Default::default(), wall: self.now() }
        }
    }

    #[test]
    fn the_table_in_memory_obeys_the_laws() {
        let table = MemoryLocks::new(Arc::new(Noon));
        block_on(locks::all(&table, &"acme-team".parse().unwrap(), &table));
    }
}
