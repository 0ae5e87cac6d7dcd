//! The real world: which implementation each port has in a daemon that people run.

use std::sync::Arc;

use async_trait::async_trait;
use deployer_domain::backend::{Backend, BackendFactory, BackendRef, BuiltPart};
use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};

use crate::clock::SystemClock;
use crate::config::Config;
use crate::entropy::SystemEntropy;
use crate::keyring;
use crate::life::Life;
use crate::operation::Ports;

/// Joins the ports that a daemon with these settings uses.
pub fn ports(config: &Config, life: Arc<Life>) -> Result<Ports> {
    Ok(Ports::new(life, Arc::new(NotYet), keyring::vault(config), Arc::new(SystemClock), Arc::new(SystemEntropy)))
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
