//! The file under the database: where it may be, who may read it, and whether it is still the one that was opened.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use deployer_domain::object::{PortError, PortResult};

/// Tells one file from another that later takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileIdentity {
    device: u64,
    inode: u64,
}

/// Resolves the directory, so that the only part of a path that could still be a symlink is the file itself.
pub(super) fn resolve(path: &Path) -> PortResult<PathBuf> {
    let refuse = |why: &str| PortError::Invalid(format!("{} cannot hold a database: {why}", path.display()));
    let name = path.file_name().ok_or_else(|| refuse("it names no file"))?;
    let directory = path.parent().filter(|parent| parent.is_absolute()).ok_or_else(|| refuse("it is not absolute"))?;
    let directory = fs::canonicalize(directory).map_err(|error| match error.kind() {
        ErrorKind::NotFound => PortError::NoSuchBackend(format!(
            "the directory {0} does not exist; `mkdir -p {0}` makes it",
            directory.display()
        )),
        ErrorKind::PermissionDenied => PortError::Denied(format!("{}: {error}", directory.display())),
        _ => PortError::Invalid(format!("{}: {error}", directory.display())),
    })?;
    refuse_network(&directory)?;
    Ok(directory.join(name))
}

/// Answers which file is at the path; refuses what is not a plain file.
pub(super) fn identify(path: &Path) -> PortResult<FileIdentity> {
    let found = fs::symlink_metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => PortError::NoSuchBackend(format!("{} does not exist", path.display())),
        ErrorKind::PermissionDenied => PortError::Denied(format!("{}: {error}", path.display())),
        _ => PortError::Unavailable(format!("{}: {error}", path.display())),
    })?;
    if found.is_symlink() {
        return Err(PortError::Invalid(format!("{} is a symbolic link; name the file itself", path.display())));
    }
    if !found.is_file() {
        return Err(PortError::Invalid(format!("{} is not a file", path.display())));
    }
    Ok(FileIdentity { device: found.dev(), inode: found.ino() })
}

/// Creates the file, empty and private, unless it is there; answers whether it did.
pub(super) fn create(path: &Path) -> PortResult<bool> {
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                PortError::Denied(format!("{} cannot be created: {error}", path.display()))
            }
            _ => PortError::Unavailable(format!("{} cannot be created: {error}", path.display())),
        }),
    }
}

/// SQLite's locks and shared memory do not hold across machines, so a file there would be corrupted sooner or later.
#[cfg(target_os = "linux")]
fn refuse_network(directory: &Path) -> PortResult<()> {
    /// Magic numbers of statfs(2).
    const NETWORKS: [(u64, &str); 9] = [
        (0x6969, "NFS"),
        (0xff53_4d42, "CIFS"),
        (0xfe53_4d42, "SMB"),
        (0x517b, "SMB"),
        (0x564c, "NCP"),
        (0x5346_414f, "AFS"),
        (0x7375_7245, "Coda"),
        (0x0102_1997, "9p"),
        (0x00c3_6400, "Ceph"),
    ];
    let found = rustix::fs::statfs(directory)
        .map_err(|error| PortError::Unavailable(format!("{}: {error}", directory.display())))?;
    // The field's width and sign differ between architectures.
    #[allow(clippy::unnecessary_cast, reason = "it is necessary elsewhere")]
    let magic = found.f_type as u64 & 0xffff_ffff;
    refuse_kind(directory, NETWORKS.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name))
}

#[cfg(not(target_os = "linux"))]
fn refuse_network(directory: &Path) -> PortResult<()> {
    /// From the system's `mount.h`.
    const MNT_LOCAL: u32 = 0x1000;
    let found = rustix::fs::statfs(directory)
        .map_err(|error| PortError::Unavailable(format!("{}: {error}", directory.display())))?;
    refuse_kind(directory, (found.f_flags & MNT_LOCAL == 0).then_some("network"))
}

fn refuse_kind(directory: &Path, kind: Option<&str>) -> PortResult<()> {
    match kind {
        None => Ok(()),
        Some(kind) => Err(PortError::Invalid(format!(
            "{} is on a {kind} filesystem, where a database would be damaged; use a local disk, or s3://BUCKET to share",
            directory.display()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbolic_link_and_a_directory_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link.db");
        std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
        assert!(matches!(identify(&link), Err(PortError::Invalid(_))));
        assert!(matches!(identify(dir.path()), Err(PortError::Invalid(_))));
        assert!(matches!(identify(&dir.path().join("none")), Err(PortError::NoSuchBackend(_))));
    }

    #[test]
    fn a_new_file_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = resolve(&dir.path().join("a.db")).unwrap();
        assert!(create(&path).unwrap());
        assert!(!create(&path).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_network_filesystem_is_refused_with_what_to_do() {
        let error = refuse_kind(Path::new("/mnt"), Some("NFS")).unwrap_err();
        assert!(error.to_string().contains("NFS") && error.to_string().contains("s3://"), "{error}");
    }

    #[test]
    fn a_missing_directory_is_named() {
        let error = resolve(Path::new("/nowhere/at/all/x.db")).unwrap_err();
        assert!(matches!(&error, PortError::NoSuchBackend(text) if text.contains("/nowhere/at/all")), "{error}");
    }
}
