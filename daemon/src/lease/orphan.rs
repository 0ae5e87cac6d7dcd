//! What a holder still knows after its lock was lost: first on this machine's disk, then beside the state.

use std::fs::{self, File};
use std::future::Future;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deployer_domain::error::Result;
use deployer_domain::key::ObjectKey;
use deployer_domain::object::{ObjectStore, PortError, PortResult, WriteIf};
use deployer_domain::port_error::Attempted;
use deployer_domain::seal::{self, Fence};
use deployer_domain::state::StateDocument;

use super::persist::{Persistence, persist};
use super::sealed::{Orphan, SealRequest};

/// How long one request for a document may take.
pub(super) const REQUEST: Duration = Duration::from_secs(30);
/// For how long a request is repeated while it is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Repeats a request about a document. The request must recognise its own earlier effect.
pub(super) async fn patiently<T, F, Fut>(call: F) -> PortResult<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = PortResult<T>>,
{
    persist(Persistence { each: REQUEST, in_all: PATIENCE }, call).await
}

/// Where the knowledge of a lost holder is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// Beside the state.
    Stored(ObjectKey),
    /// Only on this machine.
    Spooled(PathBuf),
    /// Nowhere.
    Nowhere,
}

/// Keeps what a lost holder still knows. The disk comes first: the network may be what was lost.
pub(super) async fn keep(request: &SealRequest, fence: Fence, state: &StateDocument) -> Kept {
    let Ok(bytes) = seal::spell(state) else {
        return Kept::Nowhere;
    };
    let spooled = spool(request, fence, &bytes).await;
    let key = request.space.orphan(fence.token, fence.session);
    let store = || request.backend.objects.write(&key, bytes.clone(), WriteIf::Always);
    match patiently(store).await {
        Ok(_) => {
            if let Some(path) = spooled {
                let _left_behind = fs::remove_file(path);
            }
            Kept::Stored(key)
        }
        Err(error) => {
            tracing::warn!(%key, %error, "the orphan document could not be stored");
            spooled.map_or(Kept::Nowhere, Kept::Spooled)
        }
    }
}

async fn spool(request: &SealRequest, fence: Fence, bytes: &[u8]) -> Option<PathBuf> {
    let directory = request.spool.clone()?;
    let lock = request.space.lock();
    let name = format!("{}.{}.{}.{}-{}.json", lock.tenant, lock.stack, lock.environment, fence.token, fence.session);
    let bytes = bytes.to_vec();
    let path = directory.join(name);
    let at = path.clone();
    let written = tokio::task::spawn_blocking(move || write_durably(&directory, &at, &bytes)).await;
    match written {
        Ok(Ok(())) => Some(path),
        Ok(Err(error)) => {
            tracing::warn!(%error, path = %path.display(), "the orphan document could not be kept on disk");
            None
        }
        Err(_) => None,
    }
}

fn write_durably(directory: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(directory)?;
    let part = path.with_extension("part");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    File::open(directory)?.sync_all()
}

/// Reads what fenced-off holders left beside the state, oldest first. What cannot be read is left for a person.
pub(super) async fn list(request: &SealRequest) -> Result<Vec<Orphan>> {
    let objects = &request.backend.objects;
    let prefix = request.space.orphans();
    let listed = patiently(|| objects.list(&prefix)).await;
    let listed = listed.attempted(format!("list {}", prefix.as_str()), &request.backend.place.address)?;
    let mut orphans = Vec::new();
    for row in listed {
        match read(request, &**objects, &row.key).await {
            Ok(Some(orphan)) => orphans.push(orphan),
            Ok(None) => {}
            Err(error) => tracing::warn!(key = %row.key, %error, "an orphan document was passed over"),
        }
    }
    orphans.sort_by_key(|orphan| orphan.state.fence);
    Ok(orphans)
}

async fn read(request: &SealRequest, objects: &dyn ObjectStore, key: &ObjectKey) -> Result<Option<Orphan>> {
    let read = patiently(|| objects.read(key)).await;
    let Some(object) = read.attempted(format!("read {key}"), &request.backend.place.address)? else {
        return Ok(None);
    };
    let state = seal::parse(&object.bytes, &request.space)?;
    Ok(Some(Orphan { key: key.clone(), state }))
}

/// Whether an error says that our rights are missing or have run out: they may come back.
pub(super) fn awaits_rights(error: &PortError) -> bool {
    matches!(error, PortError::CredentialsExpired(_) | PortError::Denied(_) | PortError::NoCredentials(_))
}
