//! The CloudFormation templates among the files of a stack: planning needs their texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use deployer_domain::error::Problem;
use deployer_domain::manifest::{Definition, InputPattern, Manifest};

use super::pattern::Patterns;

/// The most bytes that CloudFormation takes.
const MAX_TEMPLATE: usize = 1_000_000;

/// The files of templates, by how the stack file names them.
pub(super) type TemplatePaths<'a> = BTreeMap<&'a str, &'a str>;

/// Finds which file each template of a stack is.
pub(super) fn paths<'a>(
    manifest: &'a Manifest,
    patterns: &Patterns<'_>,
    matched: &'a BTreeMap<usize, Vec<String>>,
) -> TemplatePaths<'a> {
    let path = |written: &'a InputPattern| {
        let at = patterns.list.iter().position(|pattern| pattern.written.glob == written.glob)?;
        // More than one is a directory, which is no template.
        match matched.get(&at)?.as_slice() {
            [only] => Some((written.glob.as_str(), only.as_str())),
            _ => None,
        }
    };
    templates(manifest).filter_map(path).collect()
}

/// The texts of all templates, by how the stack file names them.
pub(super) fn read(
    manifest: &Manifest,
    contents: &BTreeMap<String, Vec<u8>>,
    paths: &TemplatePaths<'_>,
) -> Result<BTreeMap<String, Arc<str>>, Vec<Problem>> {
    let (mut texts, mut problems) = (BTreeMap::new(), Vec::new());
    for written in templates(manifest) {
        let content = paths.get(written.glob.as_str()).and_then(|path| contents.get(*path));
        match content.map(|bytes| text(bytes)) {
            Some(Ok(text)) => drop(texts.insert(written.glob.clone(), text)),
            Some(Err(why)) => problems.push(problem(written, &why)),
            None => problems.push(problem(written, "it is no file")),
        }
    }
    if problems.is_empty() { Ok(texts) } else { Err(problems) }
}

fn templates(manifest: &Manifest) -> impl Iterator<Item = &InputPattern> {
    manifest.components.iter().filter_map(|component| match &component.definition {
        Definition::Cloudformation(stack) => Some(&stack.template),
        _ => None,
    })
}

fn text(bytes: &[u8]) -> Result<Arc<str>, String> {
    if bytes.len() > MAX_TEMPLATE {
        return Err(format!("it has {} bytes; CloudFormation takes {MAX_TEMPLATE}", bytes.len()));
    }
    std::str::from_utf8(bytes).map(Arc::from).map_err(|_| "it is not UTF-8".to_owned())
}

fn problem(written: &InputPattern, why: &str) -> Problem {
    written.place.problem(format!("`template`: {}: {why}", written.glob), None)
}
