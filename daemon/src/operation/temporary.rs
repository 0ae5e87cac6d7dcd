//! Private directories for as long as something is looked at.

use std::path::PathBuf;

use deployer_domain::entropy::ulid;
use deployer_domain::error::{Error, Reason, Result};

use super::Ports;

/// A directory that is removed with its content.
pub(super) struct Temporary(PathBuf);

impl Temporary {
    /// Makes one below a directory of the daemon's own.
    pub fn of(ports: &Ports, below: &str) -> Result<Self> {
        let id = ulid(ports.entropy.as_ref(), ports.clock.now());
        Self::create(ports.runs.settings().state_directory.join(below).join(id.to_string()))
    }

    /// Makes it, for its owner only.
    fn create(path: PathBuf) -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|error| {
            Error::new(Reason::Internal, format!("cannot create {}", path.display())).caused_by(error)
        })?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &PathBuf {
        &self.0
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
