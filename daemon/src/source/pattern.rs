//! The paths and globs of files that components are made of.

use std::path::{Path, PathBuf};

use deployer_domain::error::Problem;
use deployer_domain::manifest::{InputPattern, Manifest};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// All patterns of a stack, each once.
pub(super) struct Patterns<'a> {
    pub list: Vec<Pattern<'a>>,
    set: GlobSet,
}

/// One pattern.
pub(super) struct Pattern<'a> {
    pub written: &'a InputPattern,
    /// The field that it stands in.
    pub field: &'static str,
    /// The path that every match begins with; the whole pattern where nothing in it is special.
    prefix: String,
    /// Whether it names exactly one file or directory.
    pub literal: bool,
}

impl<'a> Patterns<'a> {
    /// Takes the patterns of a stack; those that are no globs are reported with their place.
    /// `called` are the directories of local modules that the stack's own modules call.
    pub fn of(manifest: &'a Manifest, called: &'a [InputPattern]) -> Result<Self, Vec<Problem>> {
        let mut list: Vec<Pattern<'a>> = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        let mut set = GlobSetBuilder::new();
        let mut problems = Vec::new();
        for (field, written) in written(manifest).chain(called.iter().map(|called| ("source", called))) {
            if !seen.insert(&written.glob) {
                continue;
            }
            let glob = match written.glob.trim_start_matches("./").trim_end_matches('/') {
                // The stack's own directory.
                "" | "." => "**",
                glob => glob,
            };
            match (build(glob), build(&format!("{glob}/**"))) {
                (Ok(itself), Ok(below)) => {
                    // Two globs a pattern: the path itself, and all below it where it is a directory.
                    set.add(itself).add(below);
                    let prefix = literal_prefix(glob);
                    list.push(Pattern { written, field, literal: prefix == glob, prefix });
                }
                (Err(error), _) | (_, Err(error)) => {
                    let message = format!("`{field}`: {:?} is no pattern: {}", written.glob, error.kind());
                    problems.push(written.place.problem(message, None));
                }
            }
        }
        match set.build() {
            Ok(set) if problems.is_empty() => Ok(Self { list, set }),
            Ok(_) => Err(problems),
            Err(error) => {
                let place = list.first().map(|pattern| &pattern.written.place);
                problems.extend(place.map(|place| place.problem(format!("`inputs`: {}", error.kind()), None)));
                Err(problems)
            }
        }
    }

    /// The indices of the patterns that name a file.
    pub fn matching(&self, relative: &Path) -> Vec<usize> {
        let mut found: Vec<usize> = self.set.matches(relative).into_iter().map(|at| at / 2).collect();
        found.dedup();
        found
    }

    /// The directories in which a match may lie.
    pub fn directories(&self) -> Directories {
        Directories(self.list.iter().map(|pattern| PathBuf::from(&pattern.prefix)).collect())
    }
}

/// The directories in which a match may lie: those on the way to a prefix, and all below one.
pub(super) struct Directories(Vec<PathBuf>);

impl Directories {
    pub fn may_hold(&self, relative: &Path) -> bool {
        self.0.iter().any(|prefix| prefix.starts_with(relative) || relative.starts_with(prefix))
    }
}

fn written(manifest: &Manifest) -> impl Iterator<Item = (&'static str, &InputPattern)> {
    let definitions = manifest.components.iter().map(|component| &component.definition);
    definitions.flat_map(|definition| definition.files().iter().map(|file| (definition.files_field(), file)))
}

fn build(glob: &str) -> Result<globset::Glob, globset::Error> {
    GlobBuilder::new(glob).literal_separator(true).build()
}

/// The leading directories without anything special in them.
fn literal_prefix(glob: &str) -> String {
    let plain = |part: &&str| !part.contains(['*', '?', '[', ']', '{', '}']);
    let parts: Vec<&str> = glob.split('/').take_while(plain).collect();
    parts.join("/")
}
