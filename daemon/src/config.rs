//! The daemon's own settings: where it lives, how long it idles, where it keeps sessions.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::lease::LeaseTiming;
use deployer_proto::endpoint::{Endpoint, endpoint};
use deployer_proto::version::{OLDEST_PROTOCOL, PROTOCOL};
use tracing::Level;

const IDLE_EXIT: Duration = Duration::from_secs(30 * 60);
const GRACE: Duration = Duration::from_secs(10);

/// Where sessions are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStorage {
    /// The operating system's keyring, else memory.
    Keyring,
    /// The daemon's memory.
    Memory,
    /// A 0600 file in the state directory.
    File,
}

/// The settings of one daemon.
#[derive(Debug, Clone)]
pub struct Config {
    /// The socket and the state directory.
    pub endpoint: Endpoint,
    /// Whether it serves one command only (`--no-daemon`).
    pub private: bool,
    /// How long it lives without use.
    pub idle_exit: Duration,
    /// Where sessions are kept.
    pub session_storage: SessionStorage,
    /// The protocol version that it speaks.
    pub protocol: u32,
    /// The oldest protocol version that it serves.
    pub oldest_protocol: u32,
    /// How much it logs of its own doing.
    pub log_level: Level,
    /// How large its log grows before it is put aside, in bytes; the default where nothing is said.
    pub largest_log: Option<u64>,
    /// The durations of the lock protocol.
    pub lease_timing: LeaseTiming,
    /// Between SIGTERM and SIGKILL for a command that is cancelled.
    pub grace: Duration,
}

impl Config {
    /// Reads the settings from the daemon's own environment. A private daemon has a directory and no socket.
    pub fn from_environment(private: Option<&Path>) -> Result<Self> {
        let path = |name: &str| env::var_os(name).map(PathBuf::from);
        let endpoint = match private {
            Some(directory) => Endpoint { socket: PathBuf::new(), state_directory: directory.to_owned() },
            None => endpoint(path("DEPLOYER_SOCKET").as_deref(), path("DEPLOYER_STATE_DIR").as_deref())
                .map_err(|error| Error::new(Reason::InvalidRequest, error.to_string()))?,
        };
        Ok(Self {
            endpoint,
            private: private.is_some(),
            idle_exit: number("DEPLOYER_TEST_IDLE_EXIT_MS")?.map_or(IDLE_EXIT, Duration::from_millis),
            session_storage: session_storage()?,
            protocol: PROTOCOL,
            oldest_protocol: OLDEST_PROTOCOL,
            log_level: log_level()?,
            largest_log: number("DEPLOYER_TEST_LARGEST_LOG")?,
            lease_timing: lease_timing(number("DEPLOYER_TEST_LEASE_PERMILLE")?),
            grace: number("DEPLOYER_TEST_GRACE_MS")?.map_or(GRACE, Duration::from_millis),
        })
    }
}

fn lease_timing(permille: Option<u64>) -> LeaseTiming {
    permille.map_or(LeaseTiming::DEFAULT, |permille| LeaseTiming::DEFAULT.scaled(permille as f64 / 1000.0))
}

fn session_storage() -> Result<SessionStorage> {
    match env::var("DEPLOYER_KEYRING").as_deref() {
        Err(_) | Ok("" | "os") => Ok(SessionStorage::Keyring),
        Ok("memory") => Ok(SessionStorage::Memory),
        Ok("file") => Ok(SessionStorage::File),
        Ok(_) => Err(Error::new(Reason::InvalidRequest, "DEPLOYER_KEYRING has an unknown value")
            .hint("use `os` (the default), `memory` or `file`")),
    }
}

fn log_level() -> Result<Level> {
    match env::var("DEPLOYER_LOG").as_deref() {
        Err(_) | Ok("") => Ok(Level::INFO),
        Ok(text) => text.parse().map_err(|_| {
            Error::new(Reason::InvalidRequest, "DEPLOYER_LOG has an unknown value")
                .hint("use `error`, `warn`, `info`, `debug` or `trace`")
        }),
    }
}

fn number(name: &str) -> Result<Option<u64>> {
    match env::var(name) {
        Err(_) => Ok(None),
        Ok(text) => match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(Error::new(Reason::InvalidRequest, format!("{name} must be a number"))),
        },
    }
}
