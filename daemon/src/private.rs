//! The place of a daemon that serves one command only (`--no-daemon`): a directory of its own that goes with it.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use deployer_domain::error::{Error, Reason, Result};

/// How long a directory without a living daemon is left alone: another one may just be starting in it.
const YOUNG: Duration = Duration::from_secs(60);

/// A directory that is removed with everything in it when this is dropped.
#[derive(Debug)]
pub struct PrivateDirectory {
    path: PathBuf,
    _alive: File,
}

impl PrivateDirectory {
    /// Makes the directory, or one in the temporary directory where that cannot be written (a read-only home).
    pub fn create(wanted: &Path) -> Result<Self> {
        if let Some(parent) = wanted.parent() {
            sweep(parent);
        }
        let elsewhere = std::env::temp_dir().join(format!("deployer-private-{}", std::process::id()));
        let failed = |error: io::Error| {
            Error::new(Reason::Internal, format!("cannot make a private directory: {error}"))
                .fact("Tried", wanted.display())
                .fact("Tried", elsewhere.display())
                .hint("set DEPLOYER_STATE_DIR or TMPDIR to a directory that you may write")
        };
        make(wanted).or_else(|_| make(&elsewhere)).map_err(failed)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateDirectory {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, "the private directory could not be removed");
        }
        if self.path.parent().is_some_and(|parent| parent.ends_with("private")) {
            // Succeeds for the last one only.
            let _ = self.path.parent().map(std::fs::remove_dir);
        }
    }
}

fn make(path: &Path) -> io::Result<PrivateDirectory> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    DirBuilder::new().mode(0o700).create(path)?;
    let alive = File::create_new(path.join("alive"))?;
    alive.lock()?;
    Ok(PrivateDirectory { path: path.to_owned(), _alive: alive })
}

/// Removes what daemons that were killed left behind.
fn sweep(parent: &Path) {
    let Ok(entries) = parent.read_dir() else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let age =
            path.metadata().and_then(|it| it.modified()).ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        let dead = match File::open(path.join("alive")) {
            Ok(alive) => alive.try_lock().is_ok(),
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        if dead && age.is_some_and(|age| age > YOUNG) {
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_with_everything_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let wanted = parent.path().join("private/1");
        let directory = PrivateDirectory::create(&wanted).unwrap();
        assert_eq!(directory.path(), wanted);
        std::fs::write(wanted.join("journal"), "x").unwrap();
        drop(directory);
        assert_eq!(parent.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn where_it_cannot_be_made_the_temporary_directory_serves() {
        let directory = PrivateDirectory::create(Path::new("/proc/nowhere/1")).unwrap();
        assert!(directory.path().starts_with(std::env::temp_dir()));
    }

    #[test]
    fn only_old_ones_without_a_living_daemon_are_swept() {
        let parent = tempfile::tempdir().unwrap();
        let (alive, dead, young) = (parent.path().join("a"), parent.path().join("d"), parent.path().join("y"));
        let _keeps = make(&alive).unwrap();
        for path in [&dead, &young] {
            let mut left = make(path).unwrap();
            left.path = parent.path().join("nothing");
        }
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        for path in [&alive, &dead] {
            File::open(path).unwrap().set_modified(long_ago).unwrap();
        }
        sweep(parent.path());
        assert_eq!((alive.exists(), dead.exists(), young.exists()), (true, false, true));
    }
}
