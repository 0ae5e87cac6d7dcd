//! One daemon per user: the state directory, the file lock held for life, the socket.
//!
//! The lock decides who is the daemon, never a pid file. A socket that nobody answers on while the lock is free is
//! debris and is replaced; the new one appears complete (bound under another name, 0600, then renamed).

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use deployer_domain::error::{Error, Reason, Result};
use deployer_proto::endpoint::Endpoint;
use rustix::fs::OFlags;

/// How long a new daemon waits for one that is about to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// The right to be this user's daemon, held for as long as this lives.
#[derive(Debug)]
pub struct Instance {
    lock: File,
}

/// The socket file, removed by [`Self::remove`] if it is still ours.
#[derive(Debug)]
pub struct SocketFile {
    path: PathBuf,
    inode: u64,
}

/// Makes the state directory, owned by this user and closed to everybody else.
pub fn open_state_directory(path: &Path) -> Result<()> {
    let failed = |error: io::Error| cannot("use the state directory", path, &error);
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
    let metadata = std::fs::symlink_metadata(path).map_err(failed)?;
    if !metadata.is_dir() {
        return Err(failed(io::Error::other("it is a symbolic link or no directory")));
    }
    if metadata.uid() != rustix::process::getuid().as_raw() {
        return Err(failed(io::Error::other("it belongs to another user")));
    }
    if metadata.permissions().mode() & 0o022 != 0 {
        // Closing it could take a directory from others, such as /tmp from everybody.
        return Err(failed(io::Error::other("others may write there")).hint(
            "set DEPLOYER_STATE_DIR to a directory that is only for this, or take their rights away: chmod 700",
        ));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    match network_filesystem(path) {
        None => Ok(()),
        Some(kind) => Err(failed(io::Error::other(format!("it lies on a network filesystem ({kind})")))
            .hint("set DEPLOYER_STATE_DIR to a directory of this machine, for every shell that uses deployer")),
    }
}

/// Becomes this user's daemon; nothing when another one is and stays it.
pub fn claim(endpoint: &Endpoint) -> Result<Option<Instance>> {
    let path = endpoint.state_directory.join("daemon.lock");
    let failed = |error: io::Error| cannot("take the daemon's lock", &path, &error);
    let lock = private_file(&path).map_err(failed)?;
    let started = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(Some(Instance { lock })),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) => {}
        }
        // The one that holds the lock is either ready, or on its way to be, or on its way out.
        if std::os::unix::net::UnixStream::connect(&endpoint.socket).is_ok() {
            return Ok(None);
        }
        if started.elapsed() > PATIENCE {
            return Err(Error::new(Reason::DaemonBusy, "another daemon holds the lock and does not listen")
                .fact("Lock", path.display())
                .hint("it may be finishing its runs: look into its log with `deployer daemon logs`"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

impl Instance {
    /// Writes into the lock which protocol this daemon speaks, so that a newer guest needs no call to find out.
    pub fn describe(&self, protocol: u32) -> Result<()> {
        let text = format!("{protocol} {} {}\n", env!("CARGO_PKG_VERSION"), std::process::id());
        let written = self.lock.set_len(0).and_then(|()| (&self.lock).write_all(text.as_bytes()));
        written.map_err(|error| {
            let report = Error::new(Reason::Internal, format!("cannot write into the daemon's lock: {error}"));
            with_next_step(report, &error)
        })
    }

    /// Opens the socket, in place of one that was left behind.
    pub fn listen(&self, socket: &Path) -> Result<(UnixListener, SocketFile)> {
        let failed = |error: io::Error| cannot("listen on the socket", socket, &error);
        if let Some(parent) = socket.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent).map_err(failed)?;
        }
        let temporary = hidden(socket);
        remove_if_there(&temporary).map_err(failed)?;
        let listener = UnixListener::bind(&temporary).map_err(failed)?;
        std::fs::set_permissions(&temporary, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
        let inode = std::fs::symlink_metadata(&temporary).map_err(failed)?.ino();
        std::fs::rename(&temporary, socket).map_err(failed)?;
        Ok((listener, SocketFile { path: socket.to_owned(), inode }))
    }
}

impl SocketFile {
    /// Takes the socket away from its name, so that nobody new can connect.
    pub fn hide(&self) {
        if self.is_ours(&self.path) {
            warn_of(std::fs::rename(&self.path, hidden(&self.path)), "the socket could not be hidden");
        }
    }

    /// Puts the socket back to its name.
    pub fn show(&self) {
        if self.is_ours(&hidden(&self.path)) {
            warn_of(std::fs::rename(hidden(&self.path), &self.path), "the socket could not be shown again");
        }
    }

    /// Removes the socket, unless another one has taken its name.
    pub fn remove(&self) {
        for path in [hidden(&self.path), self.path.clone()] {
            if self.is_ours(&path) {
                warn_of(std::fs::remove_file(&path), "the socket could not be removed");
            }
        }
    }

    fn is_ours(&self, path: &Path) -> bool {
        std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.ino() == self.inode)
    }
}

/// Another name of the socket beside it, short enough to fit wherever the socket's own fits.
fn hidden(socket: &Path) -> PathBuf {
    socket.with_file_name(format!(".{}", std::process::id()))
}

fn warn_of(result: io::Result<()>, what: &str) {
    if let Err(error) = result {
        tracing::warn!(%error, "{what}");
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    let no_follow = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).custom_flags(no_follow).open(path)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Error {
    with_next_step(Error::new(Reason::Internal, format!("cannot {what} {}: {error}", path.display())), error)
}

/// Adds what helps against a directory that cannot be written.
pub fn with_next_step(report: Error, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            report.hint("set DEPLOYER_STATE_DIR to a directory that you may write, or use --no-daemon")
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => report.hint("the disk is full: make room there"),
        _ => report,
    }
}

/// The network filesystem that a path lies on: its locks and sockets would be shared by machines that share no daemon.
#[cfg(target_os = "linux")]
fn network_filesystem(path: &Path) -> Option<&'static str> {
    const KNOWN: [(u64, &str); 9] = [
        (0x6969, "nfs"),
        (0x517b, "smb"),
        (0xff53_4d42, "cifs"),
        (0xfe53_4d42, "smb2"),
        (0x5346_414f, "afs"),
        (0x7375_7245, "coda"),
        (0x00c3_6400, "ceph"),
        (0x0bd0_0bd0, "lustre"),
        (0x4750_4653, "gpfs"),
    ];
    let kind = rustix::fs::statfs(path).ok()?.f_type as u64 & 0xffff_ffff;
    KNOWN.iter().find(|(magic, _)| *magic == kind).map(|(_, name)| *name)
}

#[cfg(not(target_os = "linux"))]
fn network_filesystem(_: &Path) -> Option<&'static str> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(directory: &Path) -> Endpoint {
        Endpoint { socket: directory.join("d.sock"), state_directory: directory.to_owned() }
    }

    #[test]
    fn a_second_daemon_finds_the_first_and_stands_back() {
        let directory = tempfile::tempdir().unwrap();
        let endpoint = endpoint(directory.path());
        let first = claim(&endpoint).unwrap().unwrap();
        let (_listener, _) = first.listen(&endpoint.socket).unwrap();
        assert!(claim(&endpoint).unwrap().is_none());
    }

    #[test]
    fn a_socket_left_behind_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let endpoint = endpoint(directory.path());
        drop(UnixListener::bind(&endpoint.socket).unwrap());
        let instance = claim(&endpoint).unwrap().unwrap();
        let (_listener, file) = instance.listen(&endpoint.socket).unwrap();
        let mode = std::fs::metadata(&endpoint.socket).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::os::unix::net::UnixStream::connect(&endpoint.socket).unwrap();
        file.remove();
        assert!(!endpoint.socket.exists());
    }

    #[test]
    fn a_socket_of_a_successor_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let endpoint = endpoint(directory.path());
        let instance = claim(&endpoint).unwrap().unwrap();
        let (_first, old) = instance.listen(&endpoint.socket).unwrap();
        let (_second, _new) = instance.listen(&endpoint.socket).unwrap();
        old.remove();
        assert!(endpoint.socket.exists());
    }

    #[test]
    fn the_state_directory_is_closed_to_others_and_no_symlink() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("a/b");
        std::fs::create_dir_all(&directory).unwrap();
        std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o755)).unwrap();
        open_state_directory(&directory).unwrap();
        assert_eq!(std::fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        let link = parent.path().join("link");
        std::os::unix::fs::symlink(&directory, &link).unwrap();
        assert!(open_state_directory(&link).unwrap_err().message.contains("symbolic link"));
    }
}
