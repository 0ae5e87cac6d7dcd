//! The one socket path, and the directory that goes with it.
//!
//! Every shell, cron job and editor of a user must compute the same path, so it never depends on session variables
//! (`XDG_RUNTIME_DIR`, `TMPDIR`) and never lies in `/tmp`.

use std::path::{Path, PathBuf};

/// The longest socket path that every supported system takes, in bytes (macOS: 104 with the final zero).
pub const LONGEST_SOCKET_PATH: usize = 103;

/// Why there is no usable endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointError {
    /// Neither `DEPLOYER_STATE_DIR` nor a home directory is known.
    NoHome,
    /// The path is longer than [`LONGEST_SOCKET_PATH`].
    TooLong(PathBuf),
    /// The path is not absolute.
    Relative(PathBuf),
}

impl std::fmt::Display for EndpointError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoHome => f.write_str("no home directory is known; set HOME or DEPLOYER_STATE_DIR"),
            Self::TooLong(path) => write!(
                f,
                "the socket path {} has {} bytes, the system allows {LONGEST_SOCKET_PATH}; set DEPLOYER_SOCKET to a shorter one",
                path.display(),
                path.as_os_str().len()
            ),
            Self::Relative(path) => write!(f, "the path {} must be absolute", path.display()),
        }
    }
}

impl std::error::Error for EndpointError {}

/// Where the daemon listens and where it keeps its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The socket.
    pub socket: PathBuf,
    /// The directory of log, journal, locks and run events.
    pub state_directory: PathBuf,
}

/// Computes the endpoint from the values of `DEPLOYER_SOCKET` and `DEPLOYER_STATE_DIR` (both may be absent).
pub fn endpoint(socket: Option<&Path>, state_directory: Option<&Path>) -> Result<Endpoint, EndpointError> {
    let state_directory = match state_directory.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => path.to_owned(),
        None => default_state_directory()?,
    };
    let socket = match socket.filter(|path| !path.as_os_str().is_empty()) {
        Some(path) => path.to_owned(),
        None => state_directory.join("deployerd.sock"),
    };
    for path in [&socket, &state_directory] {
        if !path.is_absolute() {
            return Err(EndpointError::Relative(path.clone()));
        }
    }
    if socket.as_os_str().len() > LONGEST_SOCKET_PATH {
        return Err(EndpointError::TooLong(socket));
    }
    Ok(Endpoint { socket, state_directory })
}

fn default_state_directory() -> Result<PathBuf, EndpointError> {
    let base = directories::BaseDirs::new().ok_or(EndpointError::NoHome)?;
    Ok(base.state_dir().unwrap_or_else(|| base.data_local_dir()).join("deployer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_paths_can_be_moved() {
        let moved = endpoint(Some(Path::new("/run/x.sock")), Some(Path::new("/var/x"))).unwrap();
        assert_eq!(moved.socket, Path::new("/run/x.sock"));
        assert_eq!(moved.state_directory, Path::new("/var/x"));
        let default_socket = endpoint(None, Some(Path::new("/var/x"))).unwrap();
        assert_eq!(default_socket.socket, Path::new("/var/x/deployerd.sock"));
    }

    #[test]
    fn a_path_too_long_for_a_socket_says_what_to_do() {
        let error = endpoint(Some(Path::new(&format!("/{}", "x".repeat(110)))), None).unwrap_err();
        assert!(error.to_string().contains("DEPLOYER_SOCKET"), "{error}");
    }

    #[test]
    fn a_relative_path_is_refused() {
        assert!(matches!(endpoint(Some(Path::new("x.sock")), None), Err(EndpointError::Relative(_))));
    }
}
