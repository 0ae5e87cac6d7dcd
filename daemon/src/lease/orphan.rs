//! What a holder still knows after its lock was lost: first on this machine's disk, then beside the state.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use deployer_domain::error::Result;
use deployer_domain::key::ObjectKey;
use deployer_domain::object::{ObjectStore, PortError, PortResult, WriteIf};
use deployer_domain::port_error::Attempted;
use deployer_domain::seal::{self, Fence};
use deployer_domain::state::StateDocument;

use super::persist::{Persistence, persist};
use super::sealed::{Orphan, SealRequest};
use super::spool;

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
    let spooled = spool::put(request, fence, &bytes).await;
    let key = request.space.orphan(fence.token, fence.session);
    let store = || request.backend.objects.write(&key, bytes.clone(), WriteIf::Always);
    match patiently(store).await {
        Ok(_) => {
            if let Some(path) = &spooled {
                spool::remove(path);
            }
            Kept::Stored(key)
        }
        Err(error) => {
            tracing::warn!(%key, %error, "the orphan document could not be stored");
            spooled.map_or(Kept::Nowhere, Kept::Spooled)
        }
    }
}

/// Stores what earlier incarnations on this machine could only keep on its disk.
async fn deliver(request: &SealRequest) {
    for spooled in spool::left_over(request).await {
        let key = request.space.orphan(spooled.fence.token, spooled.fence.session);
        let store = || request.backend.objects.write(&key, spooled.bytes.clone(), WriteIf::Always);
        match patiently(store).await {
            Ok(_) => spool::remove(&spooled.path),
            Err(error) => tracing::warn!(%key, %error, "a spooled orphan could not be stored"),
        }
    }
}

/// Reads what fenced-off holders left beside the state, oldest first. What cannot be read is left for a person.
pub(super) async fn list(request: &SealRequest) -> Result<Vec<Orphan>> {
    deliver(request).await;
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
