use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{Fault, Script, guard, tick};
use crate::archive::Archived;
use crate::key::{KeyPrefix, ObjectKey};
use crate::object::{ETag, Listed, Object, ObjectStore, PortError, PortResult, Reread, WriteIf};

/// Documents in memory.
///
/// A version is a digest of the content, as on S3, so that a test notices who relies on more.
#[derive(Debug, Default)]
pub struct MemoryObjects {
    held: Mutex<Held>,
    script: Script,
}

#[derive(Debug, Default)]
struct Held {
    objects: BTreeMap<String, Object>,
    writes: u64,
    reads_fail: Option<PortError>,
}

impl MemoryObjects {
    /// Says what goes wrong with the next write, or the one after those that were said before.
    pub fn next_write(&self, fault: Fault) {
        self.script.push(fault);
    }

    /// Nothing goes wrong any more.
    pub fn forget_faults(&self) {
        self.script.forget();
    }

    /// How many writes were applied.
    pub fn writes(&self) -> u64 {
        guard(&self.held).writes
    }

    /// Puts bytes at a key that no name of ours could express, as another tool might.
    pub fn put_raw(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        guard(&self.held).put(key, bytes.into());
    }

    /// Lets every read fail like this from now on, or none.
    pub fn fail_reads(&self, error: Option<PortError>) {
        guard(&self.held).reads_fail = error;
    }

    /// Removes what is at a key, as another tool might.
    pub fn remove_raw(&self, key: &str) {
        guard(&self.held).objects.remove(key);
    }

    /// The content at a key, as another tool would read it.
    pub fn raw(&self, key: &str) -> Option<Vec<u8>> {
        guard(&self.held).objects.get(key).map(|object| object.bytes.clone())
    }

    /// All keys, sorted.
    pub fn keys(&self) -> Vec<String> {
        guard(&self.held).objects.keys().cloned().collect()
    }
}

impl Held {
    fn put(&mut self, key: &str, bytes: Vec<u8>) -> ETag {
        let etag = digest(&bytes);
        let modified = tick(&mut self.writes);
        self.objects.insert(key.to_owned(), Object { bytes, etag: etag.clone(), modified });
        etag
    }

    fn check(&self, key: &ObjectKey, condition: &WriteIf) -> PortResult<()> {
        match (condition, self.objects.get(key.as_str())) {
            (WriteIf::Always, _) | (WriteIf::Absent, None) => Ok(()),
            (WriteIf::Unchanged(known), Some(found)) if found.etag == *known => Ok(()),
            (WriteIf::Unchanged(_), None) => Err(PortError::Gone),
            (WriteIf::Absent | WriteIf::Unchanged(_), Some(_)) => Err(PortError::Conflict),
        }
    }
}

fn digest(bytes: &[u8]) -> ETag {
    ETag(hex::encode(&Sha256::digest(bytes)[..16]))
}

#[async_trait]
impl ObjectStore for MemoryObjects {
    async fn read(&self, key: &ObjectKey) -> PortResult<Option<Object>> {
        let held = guard(&self.held);
        held.reads_fail.clone().map_or(Ok(()), Err)?;
        Ok(held.objects.get(key.as_str()).cloned())
    }

    async fn reread(&self, key: &ObjectKey, known: &ETag) -> PortResult<Reread> {
        let held = guard(&self.held);
        held.reads_fail.clone().map_or(Ok(()), Err)?;
        Ok(match held.objects.get(key.as_str()) {
            None => Reread::Gone,
            Some(found) if found.etag == *known => Reread::Unchanged,
            Some(found) => Reread::Changed(found.clone()),
        })
    }

    async fn write(&self, key: &ObjectKey, bytes: Vec<u8>, condition: WriteIf) -> PortResult<ETag> {
        self.script.perform(|| {
            let mut held = guard(&self.held);
            held.check(key, &condition)?;
            Ok(held.put(key.as_str(), bytes))
        })
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> PortResult<Option<Archived>> {
        let Some(Object { bytes, .. }) = self.read(from).await? else { return Ok(None) };
        let archived = Archived::of(&bytes);
        self.write(to, bytes, WriteIf::Always).await?;
        Ok(Some(archived))
    }

    async fn delete(&self, key: &ObjectKey) -> PortResult<()> {
        self.script.perform(|| {
            guard(&self.held).objects.remove(key.as_str());
            Ok(())
        })
    }

    async fn delete_unchanged(&self, key: &ObjectKey, known: &ETag) -> PortResult<()> {
        self.script.perform(|| {
            let mut held = guard(&self.held);
            held.check(key, &WriteIf::Unchanged(known.clone()))?;
            held.objects.remove(key.as_str());
            Ok(())
        })
    }

    async fn list(&self, prefix: &KeyPrefix) -> PortResult<Vec<Listed>> {
        let held = guard(&self.held);
        let found = held.objects.iter().filter_map(|(key, object)| {
            let size = u64::try_from(object.bytes.len()).unwrap_or(u64::MAX);
            prefix.listed(key).map(|key| Listed { key, size })
        });
        Ok(found.collect())
    }

    async fn folders(&self, prefix: &KeyPrefix) -> PortResult<Vec<String>> {
        let held = guard(&self.held);
        let below = held.objects.keys().filter_map(|key| key.strip_prefix(prefix.as_str()));
        let names: BTreeSet<_> = below.filter_map(|rest| rest.split_once('/')).map(|(name, _)| name).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::PlatformSpace;
    use crate::laws;

    #[test]
    fn memory_obeys_the_laws_of_documents() {
        laws::block_on(laws::objects::all(async || MemoryObjects::default()));
    }

    #[test]
    fn faults_come_in_the_order_that_was_said() {
        let store = MemoryObjects::default();
        store.next_write(Fault::Refuse(PortError::Conflict));
        store.next_write(Fault::LoseAnswer);
        let key = PlatformSpace.registry();
        let write = |bytes: &'static [u8]| laws::block_on(store.write(&key, bytes.to_vec(), WriteIf::Always));
        assert_eq!(write(b"a"), Err(PortError::Conflict));
        assert!(matches!(write(b"b"), Err(PortError::Unavailable(_))));
        assert_eq!(laws::block_on(store.read(&key)).unwrap().unwrap().bytes, b"b");
        assert!(write(b"c").is_ok());
    }
}
