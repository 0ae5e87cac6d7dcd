//! Which stack file is meant.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::manifest::Manifest;
use deployer_domain::name::StackName;

/// The name of a stack file.
pub const STACK_FILE: &str = "stack.yaml";

/// What a person said about which file is meant.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Where they are.
    pub cwd: &'a Path,
    /// `--file`: the file, or its directory.
    pub file: Option<&'a Path>,
    /// `--stack`.
    pub stack: Option<&'a StackName>,
}

/// Finds the stack file: `--file`, else the nearest `stack.yaml` upwards, else `S/stack.yaml` or
/// `stacks/S/stack.yaml` for `--stack S`.
pub fn locate(wanted: &Wanted<'_>) -> Result<PathBuf> {
    if let Some(file) = wanted.file {
        let path = wanted.cwd.join(file);
        let path = if path.is_dir() { path.join(STACK_FILE) } else { path };
        return match path.metadata() {
            Ok(_) => Ok(path),
            Err(error) => Err(super::cannot("read", &path, &error).hint("check --file")),
        };
    }
    if let Some(found) = wanted.cwd.ancestors().enumerate().find_map(|(up, dir)| at(dir, up > 0)) {
        return Ok(found);
    }
    let below = wanted.stack.into_iter().flat_map(|stack| {
        let name = stack.as_str();
        [wanted.cwd.join(name), wanted.cwd.join("stacks").join(name)]
    });
    below.into_iter().find_map(|dir| at(&dir, false)).ok_or_else(|| nothing_found(wanted))
}

/// The stack file of a directory. Above the working directory only a file of the user's own or of root counts: in a
/// directory that everybody may write to, such as /tmp, a stranger could have left one.
fn at(directory: &Path, above: bool) -> Option<PathBuf> {
    let path = directory.join(STACK_FILE);
    let owner = path.metadata().ok().filter(std::fs::Metadata::is_file)?.uid();
    (!above || owner == 0 || owner == rustix::process::geteuid().as_raw()).then_some(path)
}

fn nothing_found(wanted: &Wanted<'_>) -> Error {
    let message = format!("no {STACK_FILE} in {} or above it", wanted.cwd.display());
    let error = Error::new(Reason::NotFound, message);
    match wanted.stack {
        Some(stack) => error
            .caused_by(format!("neither is there {stack}/{STACK_FILE} nor stacks/{stack}/{STACK_FILE}"))
            .hint("name the file with --file")
            .hint(format!("or write a new one with `deployer stack init {stack}`")),
        None => error.hint("name the file with --file").hint("or write a new one with `deployer stack init NAME`"),
    }
}

/// Refuses a file that describes another stack than the one that was named.
pub fn check_name(manifest: &Manifest, file: &Path, stack: Option<&StackName>) -> Result<()> {
    match stack {
        Some(stack) if *stack != manifest.name => {
            let message = format!("{} describes the stack `{}`, not `{stack}`", file.display(), manifest.name);
            let error = Error::new(Reason::InvalidRequest, message);
            Err(error.hint(format!("name the file of `{stack}` with --file, or leave --stack out")))
        }
        _ => Ok(()),
    }
}
