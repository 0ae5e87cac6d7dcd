//! Writes a new stack file and the schema that it names for editors; never overwrites one. Needs no session.

use std::fs::{OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::manifest::{SCHEMA_FILE, stack_template};
use deployer_domain::name::StackName;
use deployer_domain::nearest::did_you_mean;

use super::schema::schema;
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
    let new = NewStack {
        directory: working_directory(caller)?.join(name.as_str()),
        text: stack_template(name),
        umask: caller.umask(),
    };
    super::blocking(move || new.write()).await
}

/// What is written where.
struct NewStack {
    directory: PathBuf,
    text: String,
    umask: u32,
}

impl NewStack {
    fn write(&self) -> Result<PathBuf> {
        let path = self.directory.join(STACK_FILE);
        self.create_directory().map_err(|error| cannot(&path, error))?;
        self.create(&path, &self.text).map_err(|error| cannot(&path, error))?;
        let schema_path = self.directory.join(SCHEMA_FILE);
        match self.create(&schema_path, &schema()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(cannot(&schema_path, error)),
            _ => Ok(path),
        }
    }

    fn create_directory(&self) -> io::Result<()> {
        match std::fs::create_dir(&self.directory) {
            Ok(()) => std::fs::set_permissions(&self.directory, Permissions::from_mode(0o777 & !self.umask)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn create(&self, path: &Path, text: &str) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        // The daemon's own files are for its user alone; this one is the user's.
        let written = file
            .set_permissions(Permissions::from_mode(0o666 & !self.umask))
            .and_then(|()| file.write_all(text.as_bytes()));
        // Half a file would keep the next attempt from writing a whole one.
        written.inspect_err(|_| drop(std::fs::remove_file(path)))
    }
}

fn cannot(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => Error::new(Reason::AlreadyExists, format!("{} exists", path.display()))
            .hint("it is never overwritten: choose another name, or edit it"),
        _ => Error::new(Reason::InvalidRequest, format!("cannot write {}", path.display()))
            .caused_by(error)
            .hint("check who may write to the directory, and the space on the disk"),
    }
}
