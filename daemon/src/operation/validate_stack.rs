//! Checks a stack file, from disk or as unsaved text, and answers every problem with its position. Needs no session.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deployer_domain::caller::Caller;
use deployer_domain::error::{Problem, Reason, Result};
use deployer_domain::manifest::{Manifest, SourceFile};

use super::target::{Target, working_directory};
use crate::source::{self, StackFiles};

/// What is said about a stack file.
#[derive(Debug, Clone)]
pub struct Validated {
    /// The file that was checked.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// What it describes, if it can be read.
    pub manifest: Option<Manifest>,
}

/// Texts of files that are not saved yet, by absolute path.
pub type Unsaved = BTreeMap<PathBuf, String>;

/// Checks a stack file.
pub async fn validate_stack(caller: &Caller, target: &Target, unsaved: Unsaved) -> Result<Validated> {
    let (cwd, target) = (working_directory(caller)?, target.clone());
    super::blocking(move || validate(&cwd, &target, unsaved)).await
}

fn validate(cwd: &Path, target: &Target, unsaved: Unsaved) -> Result<Validated> {
    let (file, mut files) = match target.read_now(cwd) {
        Ok(found) => found,
        // A file that cannot be decoded is a file with problems; one that is not there is not.
        Err(error) if error.reason == Reason::ManifestInvalid => {
            let file =
                source::locate(&source::Wanted { cwd, file: target.file.as_deref(), stack: target.stack.as_ref() })?;
            return Ok(Validated { file, problems: error.problems, manifest: None });
        }
        Err(error) => return Err(error),
    };
    let file = file.canonicalize().unwrap_or(file);
    if let Err(problems) = overlay(&mut files, unsaved) {
        return Ok(Validated { file, problems, manifest: None });
    }
    match Manifest::parse(&files.main, &files.services) {
        Ok(manifest) => {
            source::check_name(&manifest, &file, target.stack.as_ref())?;
            Ok(Validated { file, problems: Vec::new(), manifest: Some(manifest) })
        }
        Err(problems) => Ok(Validated { file, problems, manifest: None }),
    }
}

/// Puts unsaved texts in the place of what is on disk.
fn overlay(files: &mut StackFiles, unsaved: Unsaved) -> std::result::Result<(), Vec<Problem>> {
    for (path, text) in unsaved {
        let path = path.canonicalize().unwrap_or(path);
        let Ok(relative) = path.strip_prefix(&files.directory) else { continue };
        let shown = relative.display().to_string();
        let is_service = relative.parent() == Some(Path::new("services"));
        if relative == Path::new(&files.name) {
            files.main = decode(&files.main.name, text)?;
        } else if is_service {
            let known = files.services.iter_mut().find(|known| known.name.ends_with(&shown));
            match known {
                Some(known) => *known = decode(&known.name.clone(), text)?,
                None => files.services.push(decode(&shown, text)?),
            }
        }
    }
    Ok(())
}

fn decode(name: &str, text: String) -> std::result::Result<SourceFile, Vec<Problem>> {
    SourceFile::decode(name, text.into_bytes()).map_err(|problem| vec![problem])
}
