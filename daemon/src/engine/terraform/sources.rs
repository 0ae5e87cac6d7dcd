//! The sources that modules are read from, each unpacked once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deployer_domain::engine::{EngineResult, Failure};
use deployer_domain::key::StackSpace;
use deployer_domain::object::ObjectStore;
use deployer_domain::source::SourceHash;
use tokio::sync::Mutex;

use crate::source;

/// The sources of one run.
pub struct Sources {
    objects: Arc<dyn ObjectStore>,
    space: StackSpace,
    /// What the plan is made of, which may not be stored.
    own: Option<(SourceHash, Vec<u8>)>,
    unpacked: Mutex<HashMap<SourceHash, PathBuf>>,
}

impl Sources {
    /// Sources in the tenant's storage, and the plan's own.
    pub fn new(objects: Arc<dyn ObjectStore>, space: StackSpace, own: Option<(SourceHash, Vec<u8>)>) -> Self {
        Self { objects, space, own, unpacked: Mutex::default() }
    }

    /// The directory that a source was unpacked to, below `into`; nothing where the source is gone.
    pub async fn unpacked(&self, hash: SourceHash, into: &Path) -> EngineResult<Option<PathBuf>> {
        let mut unpacked = self.unpacked.lock().await;
        if let Some(known) = unpacked.get(&hash) {
            return Ok(Some(known.clone()));
        }
        let archive = match &self.own {
            Some((own, archive)) if *own == hash => archive.clone(),
            _ => {
                let key = self.space.source(&hash.0);
                let read = self.objects.read(&key).await;
                match read.map_err(|error| Failure::Failed(format!("cannot read its source {key}: {error}")))? {
                    Some(object) => object.bytes,
                    None => return Ok(None),
                }
            }
        };
        let directory = into.join(hash.to_string());
        let target = directory.clone();
        let unpack = move || {
            std::fs::create_dir_all(&target).map_err(|error| error.to_string())?;
            source::unpack(&archive, &hash, &target).map(drop).map_err(|error| error.to_string())
        };
        let done = tokio::task::spawn_blocking(unpack).await.unwrap_or_else(|error| Err(error.to_string()));
        done.map_err(|why| Failure::Failed(format!("its source {hash} cannot be unpacked: {why}")))?;
        unpacked.insert(hash, directory.clone());
        Ok(Some(directory))
    }
}
