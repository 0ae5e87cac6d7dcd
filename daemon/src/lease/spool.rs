//! What a lost holder still knows, on this machine's disk until it lies beside the state.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use deployer_domain::seal::Fence;
use sha2::{Digest, Sha256};

use super::sealed::SealRequest;

/// A document that lies for longer than this is not being stored by its author any more.
const GIVEN_UP: Duration = Duration::from_secs(120);
const LARGEST: u64 = 64 << 20;

/// A document that an earlier incarnation left on the disk.
pub(super) struct Spooled {
    pub path: PathBuf,
    pub fence: Fence,
    pub bytes: Vec<u8>,
}

/// Puts a document on the disk, durably; answers where it lies.
pub(super) async fn put(request: &SealRequest, fence: Fence, bytes: &[u8]) -> Option<PathBuf> {
    let directory = request.spool.clone()?;
    let path = directory.join(format!("{}{}-{}.json", stem(request), fence.token, fence.session));
    let (at, bytes) = (path.clone(), bytes.to_vec());
    let written = tokio::task::spawn_blocking(move || write_durably(&directory, &at, &bytes)).await;
    match written.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(()) => Some(path),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "the orphan document could not be kept on disk");
            None
        }
    }
}

/// Removes a document that is stored.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path).or_else(|error| match error.kind() {
        io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }) {
        tracing::warn!(%error, path = %path.display(), "a spooled document could not be removed");
    }
    // Only the last one leaves an empty directory, which nobody needs.
    let _not_empty = path.parent().map(fs::remove_dir);
}

/// Finds what other incarnations on this machine left of this environment. Each has a spool of its own beside ours.
pub(super) async fn left_over(request: &SealRequest) -> Vec<Spooled> {
    let Some(spools) = request.spool.as_deref().and_then(Path::parent).map(Path::to_owned) else {
        return Vec::new();
    };
    let stem = stem(request);
    tokio::task::spawn_blocking(move || find(&spools, &stem)).await.unwrap_or_default()
}

fn find(spools: &Path, stem: &str) -> Vec<Spooled> {
    let below = |directory: &Path| fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    below(spools)
        .filter(|path| path.extension() == Some(OsStr::new("spool")))
        .flat_map(|spool| below(&spool).collect::<Vec<_>>())
        .filter_map(|path| read(path, stem))
        .collect()
}

fn read(path: PathBuf, stem: &str) -> Option<Spooled> {
    let (token, session) = path.file_name()?.to_str()?.strip_prefix(stem)?.strip_suffix(".json")?.split_once('-')?;
    let fence = Fence { token: token.parse().ok()?, session: session.parse().ok()? };
    let found = fs::symlink_metadata(&path).ok()?;
    let rests = found.modified().ok()?.elapsed().is_ok_and(|age| age > GIVEN_UP);
    if !rests || !found.is_file() || found.len() > LARGEST {
        return None;
    }
    let bytes = fs::read(&path).ok()?;
    Some(Spooled { path, fence, bytes })
}

/// What the names of an environment's documents begin with; a backend's address may be anything, its digest is a name.
fn stem(request: &SealRequest) -> String {
    let digest = Sha256::digest(request.backend.place.address.to_string());
    let backend = hex::encode(&digest[..8]);
    let lock = request.space.lock();
    format!("{backend}.{}.{}.{}.", lock.tenant, lock.stack, lock.environment)
}

fn write_durably(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let part = path.with_extension("part");
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    File::open(directory)?.sync_all()
}
