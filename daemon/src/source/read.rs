//! Reading files: only regular ones, only inside the stack's directory, never more than is allowed.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::manifest::{SourceFile, invalid};
use deployer_domain::yaml::MAX_FILE_BYTES;
use rustix::fs::OFlags;

use super::cannot;

/// The most files that `services/` may have.
const MAX_SERVICE_FILES: usize = 500;

/// The most bytes that all of them may have.
const MAX_SERVICE_BYTES: u64 = 16 << 20;

/// The texts of a stack.
#[derive(Debug, Clone)]
pub struct StackFiles {
    /// The stack's directory, canonical.
    pub directory: PathBuf,
    /// The name of the main file in it.
    pub name: String,
    /// The main file.
    pub main: SourceFile,
    /// The files of `services/`, by name.
    pub services: Vec<SourceFile>,
    /// Whether the rules of `.gitignore` and `.deployerignore` count; not for what was unpacked from a source.
    pub ignoring: bool,
}

/// Reads a stack file and the files of `services/` beside it; they are called as seen from `cwd`.
pub fn read_stack(file: &Path, cwd: &Path) -> Result<StackFiles> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let directory = parent.canonicalize().map_err(|error| cannot("read", parent, &error))?;
    let name = file
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| Error::new(Reason::InvalidRequest, format!("{} is no name of a stack file", file.display())))?;
    let shown = shown(&directory, cwd);
    let main = text(&directory, Path::new(name), &shown)?;
    let services = service_files(&directory)?;
    let mut files = Vec::with_capacity(services.len());
    let mut total = 0;
    for path in services {
        let file = text(&directory, &path, &shown)?;
        total += file.text.len() as u64;
        if total > MAX_SERVICE_BYTES {
            let message = format!("the files of {}services/ have more than {MAX_SERVICE_BYTES} bytes", shown);
            return Err(Error::new(Reason::InvalidRequest, message));
        }
        files.push(file);
    }
    Ok(StackFiles { directory, name: name.to_owned(), main, services: files, ignoring: true })
}

/// Reads a file that a person named, such as a `--var-file`.
pub fn read_file(path: &Path, shown: &str) -> Result<SourceFile> {
    let file = open_regular(path).map_err(|error| cannot("read", path, &error))?;
    decode(file, path, shown)
}

/// How the directory is called in front of its files' names: as seen from `cwd` where it is below it.
fn shown(directory: &Path, cwd: &Path) -> String {
    let cwd = cwd.canonicalize().unwrap_or_else(|_| cwd.to_owned());
    let relative = directory.strip_prefix(&cwd).unwrap_or(directory);
    match relative.display().to_string() {
        here if here.is_empty() => here,
        path if path.ends_with('/') => path,
        path => format!("{path}/"),
    }
}

fn text(directory: &Path, relative: &Path, shown: &str) -> Result<SourceFile> {
    let path = directory.join(relative);
    let file = match open_inside(directory, relative).map_err(|error| cannot("read", &path, &error))? {
        Opened::File(file) => file,
        Opened::Directory => return Err(not_regular(&path, "it is a directory")),
        Opened::Special => return Err(not_regular(&path, "it is no regular file")),
        Opened::Outside => return Err(not_regular(&path, "it is a symbolic link out of the stack's directory")),
    };
    decode(file, &path, &format!("{shown}{}", relative.display()))
}

fn decode(file: File, path: &Path, shown: &str) -> Result<SourceFile> {
    let size = file.metadata().map_err(|error| cannot("read", path, &error))?.len();
    if size > MAX_FILE_BYTES {
        return Err(invalid(shown, vec![SourceFile::too_large(shown, size)]));
    }
    let mut bytes = Vec::with_capacity(size as usize);
    let read = file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| cannot("read", path, &error))?;
    SourceFile::decode(shown, bytes).map_err(|problem| invalid(shown, vec![problem]))
}

fn not_regular(path: &Path, why: &str) -> Error {
    Error::new(Reason::InvalidRequest, format!("cannot read {}", path.display())).caused_by(why)
}

fn service_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let services = directory.join("services");
    let entries = match std::fs::read_dir(&services) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(cannot("read", &services, &error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| cannot("read", &services, &error))?;
        let name = entry.file_name();
        let is_yaml = |name: &&str| !name.starts_with('.') && (name.ends_with(".yaml") || name.ends_with(".yml"));
        if let Some(name) = name.to_str().filter(is_yaml) {
            files.push(Path::new("services").join(name));
        }
        if files.len() > MAX_SERVICE_FILES {
            let message = format!("{} has more than {MAX_SERVICE_FILES} files", services.display());
            return Err(Error::new(Reason::InvalidRequest, message));
        }
    }
    files.sort();
    Ok(files)
}

/// What stands at a path inside the stack's directory.
pub(super) enum Opened {
    File(File),
    Directory,
    /// A FIFO, a socket, a device.
    Special,
    /// A symbolic link that leaves the directory.
    Outside,
}

/// Opens a path below a canonical directory; a symbolic link is followed only when it stays inside.
pub(super) fn open_inside(directory: &Path, relative: &Path) -> std::io::Result<Opened> {
    let resolved = directory.join(relative).canonicalize()?;
    if !resolved.starts_with(directory) {
        return Ok(Opened::Outside);
    }
    match resolved.symlink_metadata()?.file_type() {
        kind if kind.is_dir() => Ok(Opened::Directory),
        kind if kind.is_file() => match open_regular(&resolved) {
            Ok(file) => Ok(Opened::File(file)),
            Err(error) if error.kind() == std::io::ErrorKind::Unsupported => Ok(Opened::Special),
            Err(error) => Err(error),
        },
        _ => Ok(Opened::Special),
    }
}

/// Opens a regular file; does not hang on anything else that may stand in its place.
fn open_regular(path: &Path) -> std::io::Result<File> {
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    match file.metadata()?.file_type() {
        kind if kind.is_file() => Ok(file),
        kind if kind.is_dir() => Err(std::io::ErrorKind::IsADirectory.into()),
        _ => Err(std::io::Error::new(std::io::ErrorKind::Unsupported, "it is no regular file")),
    }
}

/// Reads a whole file of at most so many bytes, and whether it may be executed.
pub(super) fn read_whole(file: File, most: u64) -> std::io::Result<(Vec<u8>, bool)> {
    let metadata = file.metadata()?;
    let mut bytes = Vec::with_capacity(metadata.len().min(most) as usize);
    file.take(most + 1).read_to_end(&mut bytes)?;
    Ok((bytes, metadata.permissions().mode() & 0o100 != 0))
}
