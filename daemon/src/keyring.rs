//! Where sessions are kept: the OS keyring, the daemon's memory, or a private file.
//!
//! The only room that speaks to a keyring.

mod file;
mod memory;
mod os;

use std::sync::Arc;

use deployer_domain::vault::SessionVault;

use crate::config::{Config, SessionStorage};

pub use file::FileVault;
pub use memory::MemoryVault;
pub use os::KeyringVault;

/// The vault that the daemon's settings ask for.
pub fn vault(config: &Config) -> Arc<dyn SessionVault> {
    let memory = if config.private { MemoryVault::of_one_command() } else { MemoryVault::default() };
    match config.session_storage {
        SessionStorage::Memory => Arc::new(memory),
        SessionStorage::File => Arc::new(FileVault::new(config.endpoint.state_directory.join("sessions.json"))),
        SessionStorage::Keyring => Arc::new(KeyringVault::new(memory)),
    }
}
