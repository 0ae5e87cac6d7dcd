//! Which program is meant: `terraform`, else `tofu`, as the caller's PATH has them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use deployer_domain::engine::{EngineResult, Failure};

/// The programs, in the order in which they are looked for.
const NAMES: [&str; 2] = ["terraform", "tofu"];

/// A program that is installed.
#[derive(Debug, Clone)]
pub struct Program {
    /// Where it is.
    pub path: PathBuf,
    /// What it is called.
    pub name: &'static str,
}

impl Program {
    /// Finds the program in the directories of a PATH; those that depend on where somebody stands do not count.
    pub fn find(path: &str) -> EngineResult<Self> {
        let in_directory = |name: &'static str, directory: &Path| {
            let path = directory.join(name);
            let metadata = path.metadata().ok()?;
            let runs = metadata.is_file() && metadata.permissions().mode() & 0o111 != 0;
            runs.then_some(Self { path, name })
        };
        let directories: Vec<&Path> = path.split(':').map(Path::new).filter(|path| path.is_absolute()).collect();
        let found = NAMES.iter().find_map(|name| directories.iter().find_map(|at| in_directory(name, at)));
        found.ok_or_else(|| {
            Failure::Failed(
                "neither `terraform` nor `tofu` is on your PATH: install one of them, and run it again".to_owned(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terraform_is_preferred_wherever_it_is_and_what_cannot_be_run_does_not_count() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let write = |directory: &tempfile::TempDir, name: &str, mode: u32| {
            let path = directory.path().join(name);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        let path = format!("relative:{}:{}", first.path().display(), second.path().display());
        assert!(matches!(Program::find(&path), Err(Failure::Failed(why)) if why.contains("tofu")));
        write(&first, "tofu", 0o755);
        write(&first, "terraform", 0o644);
        assert_eq!(Program::find(&path).unwrap().name, "tofu");
        write(&second, "terraform", 0o755);
        assert_eq!(Program::find(&path).unwrap().path, second.path().join("terraform"));
    }
}
