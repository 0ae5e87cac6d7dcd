//! Reads git's `user.email` as it applies in a directory, from git's own files: starting git for each call would cost
//! more than most calls do.
//!
//! Understands sections, quoting, comments, `include` and `includeIf "gitdir:…"`. What it does not understand, it skips:
//! the name is for people, and a weaker source follows.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How much of one file is read.
const LARGEST: u64 = 64 << 10;
/// How deep files may include others.
const DEEPEST: u8 = 4;

/// Where git looks.
pub struct Places {
    /// The directory that the caller is in.
    pub cwd: PathBuf,
    /// The caller's home, if it is known.
    pub home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`, if it is set.
    pub config_home: Option<PathBuf>,
}

/// The e-mail address of the caller, if git knows one.
pub fn git_email(places: &Places) -> Option<String> {
    let repository = repository(&places.cwd);
    let global = places.config_home.clone().or_else(|| Some(places.home.as_ref()?.join(".config")));
    let files = [
        repository.as_ref().map(|directory| directory.join("config")),
        places.home.as_ref().map(|home| home.join(".gitconfig")),
        global.map(|config| config.join("git/config")),
        Some(PathBuf::from("/etc/gitconfig")),
    ];
    let reader = Reader { home: places.home.as_deref(), repository: repository.as_deref() };
    files.into_iter().flatten().find_map(|file| reader.email(&file, 0))
}

/// The directory that holds the repository's configuration.
fn repository(cwd: &Path) -> Option<PathBuf> {
    let found = cwd.ancestors().take(64).map(|directory| directory.join(".git")).find(|path| path.exists())?;
    if found.is_dir() {
        return Some(found);
    }
    // A worktree or a submodule: the file says where the repository is.
    let text = text(&found)?;
    let directory = found.parent()?.join(text.trim().strip_prefix("gitdir:")?.trim());
    match self::text(&directory.join("commondir")) {
        Some(common) => Some(directory.join(common.trim())),
        None => Some(directory),
    }
}

struct Reader<'a> {
    home: Option<&'a Path>,
    repository: Option<&'a Path>,
}

impl Reader<'_> {
    /// The last value in a file wins, and what a file includes stands where it is included.
    fn email(&self, file: &Path, depth: u8) -> Option<String> {
        let (mut email, mut section) = (None, String::new());
        for line in text(file)?.lines().map(str::trim) {
            if let Some(header) = line.strip_prefix('[') {
                section = header.split(']').next().unwrap_or_default().trim().to_owned();
                continue;
            }
            let Some((key, value)) = line.split_once('=') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), unquoted(value));
            if section.eq_ignore_ascii_case("user") && key == "email" {
                email = Some(value).filter(|value| !value.is_empty());
            } else if key == "path" && depth < DEEPEST && self.applies(&section) {
                email = self.email(&self.resolve(&value, file)?, depth + 1).or(email);
            }
        }
        email
    }

    fn applies(&self, section: &str) -> bool {
        if section.eq_ignore_ascii_case("include") {
            return true;
        }
        let condition = section.split_once('"').map(|(name, rest)| (name.trim(), rest.trim_end_matches('"')));
        let Some((name, condition)) = condition else { return false };
        let pattern = condition.strip_prefix("gitdir:").or_else(|| condition.strip_prefix("gitdir/i:"));
        match (pattern, self.repository) {
            (Some(pattern), Some(repository)) if name.eq_ignore_ascii_case("includeif") => {
                let below = self.expanded(pattern.trim_end_matches("**").trim_end_matches('*'));
                repository.starts_with(below)
            }
            _ => false,
        }
    }

    fn resolve(&self, path: &str, file: &Path) -> Option<PathBuf> {
        let path = self.expanded(path);
        if path.is_absolute() { Some(path) } else { Some(file.parent()?.join(path)) }
    }

    fn expanded(&self, path: &str) -> PathBuf {
        match (path.strip_prefix("~/"), self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(path),
        }
    }
}

/// A value without its quotes and without a comment behind it.
fn unquoted(value: &str) -> String {
    let (mut kept, mut quoted) = (String::new(), false);
    for character in value.trim().chars() {
        match character {
            '"' => quoted = !quoted,
            '#' | ';' if !quoted => break,
            other => kept.push(other),
        }
    }
    kept.trim().to_owned()
}

/// The text of a plain file; a pipe or a device would block.
fn text(path: &Path) -> Option<String> {
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LARGEST).read_to_end(&mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    struct Home(tempfile::TempDir);

    impl Home {
        fn new(global: &str) -> Self {
            let home = tempfile::tempdir().unwrap();
            fs::create_dir_all(home.path().join("work/repo/.git")).unwrap();
            fs::create_dir_all(home.path().join("work/repo/sub")).unwrap();
            fs::write(home.path().join(".gitconfig"), global).unwrap();
            Self(home)
        }

        fn write(&self, path: &str, text: &str) -> &Self {
            fs::write(self.0.path().join(path), text).unwrap();
            self
        }

        fn email_in(&self, directory: &str) -> Option<String> {
            let home = self.0.path().to_owned();
            git_email(&Places { cwd: home.join(directory), home: Some(home), config_home: None })
        }
    }

    #[test]
    fn the_repository_is_stronger_than_the_home() {
        let home = Home::new("[user]\n\tname = A\n\temail = home@x ; mine\n");
        assert_eq!(home.email_in("").as_deref(), Some("home@x"));
        assert_eq!(home.email_in("work/repo/sub").as_deref(), Some("home@x"));
        home.write("work/repo/.git/config", "[core]\n[user]\nemail = \"repo@x\"\n");
        assert_eq!(home.email_in("work/repo/sub").as_deref(), Some("repo@x"));
    }

    #[test]
    fn included_files_count_where_their_condition_holds() {
        let home = Home::new("[user]\nemail = home@x\n[includeIf \"gitdir:~/work/\"]\npath = work.inc\n");
        home.write("work.inc", "[user]\nemail = work@x\n");
        assert_eq!(home.email_in("work/repo").as_deref(), Some("work@x"));
        assert_eq!(home.email_in("").as_deref(), Some("home@x"));
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let home = Home::new("[include]\npath = .gitconfig\n[user]\nemail = home@x\n");
        assert_eq!(home.email_in("").as_deref(), Some("home@x"));
    }

    #[test]
    fn a_worktree_finds_its_repository() {
        let home = Home::new("");
        fs::create_dir_all(home.0.path().join("work/repo/.git/worktrees/w")).unwrap();
        fs::create_dir_all(home.0.path().join("tree")).unwrap();
        home.write("tree/.git", "gitdir: ../work/repo/.git/worktrees/w\n")
            .write("work/repo/.git/worktrees/w/commondir", "../..\n")
            .write("work/repo/.git/config", "[user]\nemail = repo@x\n");
        assert_eq!(home.email_in("tree").as_deref(), Some("repo@x"));
    }

    #[test]
    fn nonsense_is_no_address() {
        let home = Home::new("[user\nemail\n=\n[]\n\u{0}");
        assert_eq!(home.email_in(""), None);
    }
}
