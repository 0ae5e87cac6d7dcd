//! The real world: which implementation each port has in a daemon that people run.

use std::path::PathBuf;
use std::sync::Arc;

use deployer_domain::clock::Clock;
use deployer_domain::entropy::ulid;
use deployer_domain::error::{Error, Reason, Result};

use crate::backends::Backends;
use crate::changes::Changes;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::entropy::SystemEntropy;
use crate::instance::with_next_step;
use crate::journal::Journal;
use crate::keyring;
use crate::lease::{KeeperSettings, LeaseKeeper};
use crate::life::Life;
use crate::operation::Ports;
use crate::run::{RunRegistry, RunSettings};

/// Joins the ports that a daemon with these settings uses.
pub fn ports(config: &Config, life: Arc<Life>) -> Result<Ports> {
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let work = work(config, &life)?;
    Ok(Ports::new(life, Arc::new(Backends::default()), keyring::vault(config), clock, entropy, work))
}

/// What keeps locks and runs, both under one incarnation's name.
fn work(config: &Config, life: &Arc<Life>) -> Result<(Arc<LeaseKeeper>, Arc<RunRegistry>)> {
    let clock = Arc::new(SystemClock);
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let state_directory = config.endpoint.state_directory.clone();
    let session = ulid(&SystemEntropy, clock.now());
    let failed = |error: std::io::Error| {
        let report =
            Error::new(Reason::Internal, format!("cannot write below {}", config.endpoint.state_directory.display()));
        with_next_step(report.caused_by(&error), &error)
    };
    let changes = Changes::new(session, clock.clone());
    let journal = Arc::new(Journal::open(&state_directory.join("journal"), session).map_err(failed)?);
    let leases = LeaseKeeper::start(KeeperSettings {
        session,
        version: version.clone(),
        timing: config.lease_timing,
        clock: clock.clone(),
        entropy: Arc::new(SystemEntropy),
        changes: Arc::clone(&changes),
    })?;
    let settings = RunSettings { state_directory, program: own_program(), grace: config.grace, version, changes };
    let runs = RunRegistry::open(settings, clock, Arc::clone(life), journal).map_err(failed)?;
    Ok((leases, runs))
}

/// This very program, also after its file was replaced by an upgrade.
fn own_program() -> PathBuf {
    match cfg!(target_os = "linux") {
        true => PathBuf::from("/proc/self/exe"),
        false => std::env::current_exe().unwrap_or_else(|_| PathBuf::from("deployerd")),
    }
}
