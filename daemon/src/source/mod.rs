//! The files of a stack: finding them, reading them, keeping them as a source, and unpacking a source again.
//!
//! Everything here blocks: call it from a blocking thread.
//!
//! ```text
//! locate(&Wanted { cwd, file, stack })          -> the path of the stack file
//! read_stack(&path, &cwd)                       -> StackFiles: the texts for Manifest::read
//! gather(&files, &manifest, Keep::Hash)         -> Source: its hash, the hashes of `inputs:`, warnings     (plan)
//! gather(&files, &manifest, Keep::Archive)      -> the same and the archive that is stored               (apply)
//! unpack(&archive, &hash, &empty_directory)     -> StackFiles, with nothing outside the directory     (rollback)
//! contents(&archive, &hash)                     -> the files, in memory                           (history diff)
//! ```
//!
//! **Invariant:** no file outside the stack's directory is read or written: not by `..`, not by a symbolic link.
//! **Invariant:** a file is read once; what was hashed is what is kept.

mod archive;
mod gather;
mod locate;
mod modules;
mod pattern;
mod read;
mod templates;
#[cfg(test)]
mod tests;

pub use archive::{contents, unpack};
pub use gather::{Keep, Source, gather};
pub use locate::{STACK_FILE, Wanted, check_name, locate};
pub use read::{StackFiles, read_file, read_stack};

use std::path::Path;

pub use deployer_domain::yaml::MAX_FILE_BYTES;

use deployer_domain::error::{Error, Reason};

/// What a failed system call on a path says to a person.
fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Error {
    let reason = match error.kind() {
        std::io::ErrorKind::NotFound => Reason::NotFound,
        _ => Reason::InvalidRequest,
    };
    Error::new(reason, format!("cannot {what} {}", path.display())).caused_by(error)
}
