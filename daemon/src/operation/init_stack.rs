//! Writes a new stack file; never overwrites one. Needs no session.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::manifest::stack_template;
use deployer_domain::name::StackName;
use deployer_domain::nearest::did_you_mean;

use super::target::working_directory;
use crate::source::STACK_FILE;

/// The templates that there are.
const TEMPLATES: [&str; 1] = ["command"];

/// Writes `NAME/stack.yaml` below the caller's working directory and answers its path.
pub async fn init_stack(caller: &Caller, name: &StackName, template: Option<&str>) -> Result<PathBuf> {
    let template = template.unwrap_or(TEMPLATES[0]);
    if !TEMPLATES.contains(&template) {
        let shown: String = template.chars().take(40).collect();
        let error = Error::new(Reason::NotFound, format!("there is no template {shown:?}"));
        let hint = did_you_mean(template, TEMPLATES).unwrap_or_else(|| format!("there is: {}", TEMPLATES.join(", ")));
        return Err(error.hint(hint));
    }
    let directory = working_directory(caller)?.join(name.as_str());
    let text = stack_template(name);
    super::blocking(move || write(&directory, &text)).await
}

fn write(directory: &Path, text: &str) -> Result<PathBuf> {
    let path = directory.join(STACK_FILE);
    let cannot = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::new(Reason::AlreadyExists, format!("{} exists", path.display()))
            .hint("it is never overwritten: choose another name, or edit it"),
        _ => Error::new(Reason::InvalidRequest, format!("cannot write {}", path.display()))
            .caused_by(error)
            .hint("check who may write to the directory, and the space on the disk"),
    };
    std::fs::create_dir_all(directory).map_err(cannot)?;
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(cannot)?;
    // Half a file would keep the next attempt from writing a whole one.
    file.write_all(text.as_bytes()).inspect_err(|_| drop(std::fs::remove_file(&path))).map_err(cannot)?;
    Ok(path)
}
