//! Gathering what a plan is made of.

use std::collections::BTreeMap;
use std::path::Path;

use deployer_domain::error::{Error, Problem, Reason, Result};
use deployer_domain::manifest::{Manifest, invalid};
use deployer_domain::source::{InputHashes, MAX_SOURCE_BYTES, MAX_SOURCE_FILES, SourceEntry, SourceHash};
use ignore::WalkBuilder;
use sha2::{Digest, Sha256};

use super::archive::Packer;
use super::modules::Modules;
use super::pattern::Patterns;
use super::read::{Opened, StackFiles, open_inside, read_whole};
use super::templates::{self, TemplatePaths};

/// Directories that are never part of a source.
const NEVER: [&str; 3] = [".git", ".deployer", ".terraform"];

/// What is kept of what is gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Only the hashes, for a plan; the archive as well where the stack has modules, as a plan of theirs needs it.
    Hash,
    /// The archive as well, for a run.
    Archive,
}

/// What a plan is made of.
#[derive(Debug, Clone)]
pub struct Source {
    /// The hash of the whole.
    pub hash: SourceHash,
    /// The hashes of the files that `inputs:` name.
    pub inputs: InputHashes,
    /// The archive, where it was to be kept.
    pub archive: Option<Vec<u8>>,
    /// How many files it has.
    pub files: usize,
    /// How many bytes they have.
    pub bytes: u64,
    /// What a person should know: patterns that name no file.
    pub warnings: Vec<String>,
}

/// Gathers the stack's files and every file that `inputs:` name.
pub fn gather(files: &StackFiles, manifest: &Manifest, keep: Keep) -> Result<Source> {
    let modules = Modules::of(files, manifest).map_err(|problems| invalid(&files.main.name, problems))?;
    let keep = if modules.any() { Keep::Archive } else { keep };
    let patterns = Patterns::of(manifest, &modules.called).map_err(|problems| invalid(&files.main.name, problems))?;
    let mut gathering = Gathering { files, problems: Vec::new(), warnings: Vec::new(), matched: BTreeMap::new() };
    let found = gathering.walk(&patterns)?;
    gathering.check_unmatched(&patterns);
    if !gathering.problems.is_empty() {
        return Err(invalid(&files.main.name, gathering.problems));
    }
    let (matched, warnings) = (gathering.matched, gathering.warnings);
    let template_paths = templates::paths(manifest, &patterns, &matched);
    let packed = pack(files, found, keep, &template_paths)?;
    let templates = templates::read(manifest, &packed.kept, &template_paths);
    let templates = templates.map_err(|problems| invalid(&files.main.name, problems))?;
    let entries: BTreeMap<&str, &SourceEntry> = packed.entries.iter().map(|e| (e.path.as_str(), e)).collect();
    let position = |glob: &String| patterns.list.iter().position(|pattern| pattern.written.glob == *glob);
    let inputs = InputHashes::new(patterns.list.iter().enumerate().map(|(at, pattern)| {
        let called = modules.called_by(&pattern.written.glob).iter().filter_map(position);
        let paths = std::iter::once(at).chain(called).filter_map(|at| matched.get(&at)).flatten();
        (pattern.written.glob.clone(), paths.filter_map(|path| entries.get(path.as_str()).copied()).collect())
    }));
    let inputs = inputs.with_templates(templates);
    Ok(Source {
        hash: packed.hash,
        inputs,
        archive: packed.archive,
        files: packed.entries.len(),
        bytes: packed.bytes,
        warnings,
    })
}

struct Gathering<'a> {
    files: &'a StackFiles,
    problems: Vec<Problem>,
    warnings: Vec<String>,
    /// For each pattern the paths that it names.
    matched: BTreeMap<usize, Vec<String>>,
}

impl Gathering<'_> {
    /// Finds every file that a pattern names; a directory in which none can lie is not entered.
    fn walk(&mut self, patterns: &Patterns<'_>) -> Result<Vec<String>> {
        let mut found = Vec::new();
        if patterns.list.is_empty() {
            return Ok(found);
        }
        for entry in walker(self.files, patterns) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) => {
                    let message = format!("cannot read the files of {}", self.files.directory.display());
                    return Err(Error::new(Reason::InvalidRequest, message).caused_by(error));
                }
            };
            let Ok(relative) = entry.path().strip_prefix(&self.files.directory) else { continue };
            let kind = entry.file_type();
            if relative.as_os_str().is_empty() || kind.is_some_and(|kind| kind.is_dir()) {
                continue;
            }
            let matching = patterns.matching(relative);
            if let Some(&first) = matching.first() {
                let pattern = &patterns.list[first];
                match self.accept(relative, kind.is_some_and(|kind| kind.is_symlink())) {
                    Ok(Some(path)) => {
                        matching.iter().for_each(|&at| self.matched.entry(at).or_default().push(path.clone()));
                        found.push(path);
                    }
                    Ok(None) => {}
                    Err(why) => {
                        let message = format!("`{}`: {}: {why}", pattern.field, relative.display());
                        self.problems.push(pattern.written.place.problem(message, None));
                    }
                }
            }
            if found.len() > MAX_SOURCE_FILES {
                let message = format!("`inputs:` name more than {MAX_SOURCE_FILES} files");
                return Err(Error::new(Reason::InvalidRequest, message).hint(LESS));
            }
        }
        Ok(found)
    }

    /// Whether a file that is named can be part of a source; FIFOs, sockets and devices are passed over.
    fn accept(&mut self, relative: &Path, link: bool) -> std::result::Result<Option<String>, String> {
        let Some(path) = relative.to_str() else { return Err("its name is not valid UTF-8".to_owned()) };
        if !link {
            let is_file = self.files.directory.join(relative).symlink_metadata().is_ok_and(|m| m.is_file());
            return Ok(is_file.then(|| path.to_owned()));
        }
        let target = match self.files.directory.join(relative).canonicalize() {
            Ok(target) => target,
            Err(error) => return Err(format!("the symbolic link leads nowhere ({error})")),
        };
        if !target.starts_with(&self.files.directory) {
            return Err("the symbolic link leads out of the stack's directory".to_owned());
        }
        if target.is_dir() {
            self.warnings.push(format!("{path} is a symbolic link to a directory, which `inputs:` do not follow"));
            return Ok(None);
        }
        Ok(target.is_file().then(|| path.to_owned()))
    }

    /// A path that is not there is a mistake; a glob that names nothing may be meant so.
    fn check_unmatched(&mut self, patterns: &Patterns<'_>) {
        for (at, pattern) in patterns.list.iter().enumerate() {
            if self.matched.contains_key(&at) {
                continue;
            }
            let (glob, field) = (&pattern.written.glob, pattern.field);
            let there = self.files.directory.join(glob).symlink_metadata();
            match (pattern.literal, there) {
                (true, Err(_)) => {
                    self.problems.push(pattern.written.place.problem(format!("`{field}`: there is no {glob}"), None));
                }
                (true, Ok(found)) if found.is_file() => {
                    let message = format!("`{field}`: {glob} is ignored by .gitignore or .deployerignore");
                    let hint =
                        format!("write `!/{glob}`, and the same for the directories above it, into .deployerignore");
                    self.problems.push(pattern.written.place.problem(message, Some(hint)));
                }
                _ => self.warnings.push(format!("`{field}: {glob}` names no file")),
            }
        }
    }
}

const LESS: &str = "name fewer files in `inputs:`, or leave some out in .deployerignore";

fn walker(files: &StackFiles, patterns: &Patterns<'_>) -> ignore::Walk {
    let in_git = files.directory.ancestors().any(|dir| dir.join(".git").exists());
    let directory = files.directory.clone();
    let below = patterns.directories();
    WalkBuilder::new(&files.directory)
        .hidden(false)
        .ignore(false)
        .git_global(false)
        .git_exclude(false)
        .git_ignore(files.ignoring)
        .require_git(in_git)
        .parents(files.ignoring && in_git)
        .add_custom_ignore_filename(if files.ignoring { ".deployerignore" } else { ".deployer/none" })
        .follow_links(false)
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .filter_entry(move |entry| {
            let Ok(relative) = entry.path().strip_prefix(&directory) else { return true };
            let is_dir = entry.file_type().is_some_and(|kind| kind.is_dir());
            let never = NEVER.iter().any(|name| entry.file_name() == *name) && entry.depth() > 0;
            !never && (!is_dir || relative.as_os_str().is_empty() || below.may_hold(relative))
        })
        .build()
}

struct Packed {
    entries: Vec<SourceEntry>,
    hash: SourceHash,
    archive: Option<Vec<u8>>,
    bytes: u64,
    /// The content of the files that are needed in memory, by path.
    kept: BTreeMap<String, Vec<u8>>,
}

fn pack(files: &StackFiles, found: Vec<String>, keep: Keep, needed: &TemplatePaths<'_>) -> Result<Packed> {
    let own = own_files(files);
    let mut paths: Vec<&str> = found.iter().map(String::as_str).chain(own.keys().map(String::as_str)).collect();
    paths.sort_unstable();
    paths.dedup();
    let failed = |error: std::io::Error| Error::new(Reason::Internal, "cannot pack the source").caused_by(error);
    let mut packer = Packer::new(keep, &files.name).map_err(failed)?;
    let mut entries = Vec::with_capacity(paths.len());
    let (mut bytes, mut kept) = (0, BTreeMap::new());
    for path in paths {
        let (content, executable) = match own.get(path) {
            Some(text) => (text.as_bytes().to_vec(), false),
            None => content(&files.directory, path, MAX_SOURCE_BYTES - bytes)?,
        };
        bytes += content.len() as u64;
        if bytes > MAX_SOURCE_BYTES {
            let most = MAX_SOURCE_BYTES >> 20;
            let message = format!("the stack's files and `inputs:` have more than {most} MB");
            return Err(Error::new(Reason::InvalidRequest, message).fact("At", path).hint(LESS));
        }
        packer.add(path, &content, executable).map_err(failed)?;
        entries.push(SourceEntry { path: path.to_owned(), executable, sha256: Sha256::digest(&content).into() });
        if needed.values().any(|needed| *needed == path) {
            kept.insert(path.to_owned(), content);
        }
    }
    let (hash, archive) = packer.finish().map_err(failed)?;
    Ok(Packed { entries, hash, archive, bytes, kept })
}

/// The stack's own files, as they were read for the manifest.
fn own_files(files: &StackFiles) -> BTreeMap<String, &str> {
    let service = |file: &'_ deployer_domain::manifest::SourceFile| {
        format!("services/{}", file.name.rsplit('/').next().unwrap_or(&file.name))
    };
    let services = files.services.iter().map(|file| (service(file), file.text.as_str()));
    services.chain([(files.name.clone(), files.main.text.as_str())]).collect()
}

fn content(directory: &Path, path: &str, most: u64) -> Result<(Vec<u8>, bool)> {
    let full = directory.join(path);
    match open_inside(directory, Path::new(path)) {
        Ok(Opened::File(file)) => read_whole(file, most).map_err(|error| super::cannot("read", &full, &error)),
        Ok(_) => Err(Error::new(Reason::InvalidRequest, format!("{} changed while it was read", full.display()))
            .hint("run the command again")),
        Err(error) => Err(super::cannot("read", &full, &error)),
    }
}
