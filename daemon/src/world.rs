//! The real world: which implementation each port has in a daemon that people run.

use std::sync::Arc;

use async_trait::async_trait;
use deployer_domain::backend::{Backend, BackendFactory, BackendRef, BuiltPart};
use deployer_domain::caller::Caller;
use deployer_domain::entropy::Entropy;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::vault::{SessionVault, VaultError, VaultPlace, VaultResult};
use secrecy::SecretString;

use crate::clock::SystemClock;
use crate::config::Config;
use crate::life::Life;
use crate::operation::Ports;

/// Joins the ports that a daemon with these settings uses.
pub fn ports(_config: &Config, life: Arc<Life>) -> Result<Ports> {
    Ok(Ports::new(life, Arc::new(NotYet), Arc::new(NotYet), Arc::new(SystemClock), Arc::new(NotYet)))
}

/// Stands where an implementation is still to come.
struct NotYet;

fn not_yet() -> Error {
    Error::new(Reason::Internal, "this release has no backends")
}

#[async_trait]
impl BackendFactory for NotYet {
    async fn open(&self, _: &BackendRef, _: Option<&str>, _: &Caller) -> Result<Backend> {
        Err(not_yet())
    }

    async fn build(&self, _: &BackendRef, _: &str, _: &Caller) -> Result<Vec<BuiltPart>> {
        Err(not_yet())
    }
}

#[async_trait]
impl SessionVault for NotYet {
    async fn place(&self) -> VaultPlace {
        VaultPlace { name: "the daemon's memory (until it stops)".to_owned(), lasting: false, warning: None }
    }

    async fn read(&self, _: &str) -> VaultResult<Option<SecretString>> {
        Ok(None)
    }

    async fn write(&self, _: &str, _: &SecretString) -> VaultResult<()> {
        Err(VaultError(not_yet().to_string()))
    }

    async fn remove(&self, _: &str) -> VaultResult<()> {
        Ok(())
    }

    async fn names(&self) -> VaultResult<Vec<String>> {
        Ok(Vec::new())
    }
}

impl Entropy for NotYet {
    fn fill(&self, bytes: &mut [u8]) {
        use std::io::Read;
        let source = std::fs::File::open("/dev/urandom");
        let _ = source.and_then(|mut source| source.read_exact(bytes));
    }
}
