//! The commit and branch of a directory, read from git's own files.

use std::path::{Path, PathBuf};

/// Where a work tree stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revision {
    /// The commit, in hexadecimal.
    pub commit: Option<String>,
    /// The branch, unless the head is detached.
    pub branch: Option<String>,
}

impl Revision {
    /// The revision of the work tree that a directory lies in; nothing where it lies in none.
    pub fn of(directory: &Path) -> Self {
        let Some(git) = directory.ancestors().find_map(git_directory) else { return Self::default() };
        let head = line(&git.join("HEAD")).unwrap_or_default();
        match head.strip_prefix("ref: ") {
            Some(reference) => Self {
                commit: resolve(&git, reference),
                branch: reference.strip_prefix("refs/heads/").map(str::to_owned),
            },
            None => Self { commit: Some(head).filter(|head| is_hash(head)), branch: None },
        }
    }
}

/// `.git` is a directory, or in a linked work tree a file that names one.
fn git_directory(above: &Path) -> Option<PathBuf> {
    let path = above.join(".git");
    if path.is_dir() {
        return Some(path);
    }
    let named = line(&path)?;
    Some(above.join(named.strip_prefix("gitdir: ")?))
}

fn resolve(git: &Path, reference: &str) -> Option<String> {
    let common = line(&git.join("commondir")).map(|named| git.join(named));
    let places = std::iter::once(git).chain(common.as_deref());
    let plain = |reference: &str| !reference.split('/').any(|part| part == "..") && !reference.starts_with('/');
    if !plain(reference) {
        return None;
    }
    for place in places {
        if let Some(hash) = line(&place.join(reference)).filter(|hash| is_hash(hash)) {
            return Some(hash);
        }
        let packed = read(&place.join("packed-refs")).unwrap_or_default();
        let found = packed.lines().filter_map(|line| line.split_once(' ')).find(|(_, name)| *name == reference);
        if let Some((hash, _)) = found.filter(|(hash, _)| is_hash(hash)) {
            return Some(hash.to_owned());
        }
    }
    None
}

fn line(path: &Path) -> Option<String> {
    read(path)?.lines().next().map(|line| line.trim().to_owned())
}

fn read(path: &Path) -> Option<String> {
    const LARGEST: u64 = 16 << 20;
    let small = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= LARGEST);
    if small { std::fs::read_to_string(path).ok() } else { None }
}

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef01234567";

    fn write(path: PathBuf, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn the_branch_and_commit_are_found_from_below_also_when_refs_are_packed() {
        let directory = tempfile::tempdir().unwrap();
        let git = directory.path().join(".git");
        assert_eq!(Revision::of(directory.path()).branch, None);
        write(git.join("HEAD"), "ref: refs/heads/feature/x\n");
        write(git.join("packed-refs"), &format!("# pack-refs\n{HASH} refs/heads/feature/x\n"));
        let below = directory.path().join("stacks/shop");
        std::fs::create_dir_all(&below).unwrap();
        let found = Revision { commit: Some(HASH.to_owned()), branch: Some("feature/x".to_owned()) };
        assert_eq!(Revision::of(&below), found);
        write(git.join("refs/heads/feature/x"), &format!("{}\n", HASH.replace('0', "9")));
        assert_ne!(Revision::of(&below), found);
    }

    #[test]
    fn a_detached_head_and_a_linked_work_tree_are_understood() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path().join("main/.git/refs/heads/b"), HASH);
        write(directory.path().join("main/.git/worktrees/w/HEAD"), "ref: refs/heads/b\n");
        write(directory.path().join("main/.git/worktrees/w/commondir"), "../..\n");
        write(directory.path().join("w/.git"), "gitdir: ../main/.git/worktrees/w\n");
        assert_eq!(Revision::of(&directory.path().join("w")).commit.as_deref(), Some(HASH));
        write(directory.path().join("main/.git/HEAD"), HASH);
        let detached = Revision::of(&directory.path().join("main"));
        assert_eq!((detached.commit.as_deref(), detached.branch), (Some(HASH), None));
    }

    #[test]
    fn a_head_that_points_out_of_git_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path().join("secret"), HASH);
        write(directory.path().join(".git/HEAD"), "ref: ../secret\n");
        assert_eq!(Revision::of(directory.path()).commit, None);
    }
}
