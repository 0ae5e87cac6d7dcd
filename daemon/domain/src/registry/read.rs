//! From bytes to a registry, with the place of what is wrong.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_yaml::{Mapping, Value};

use super::entry::Entry;
use super::split::{Split, split};
use super::{REGISTRY_FILE, REGISTRY_VERSION, Registry, TENANTS, check};
use crate::error::{Error, Problem, Reason, Result};
use crate::tenant::Tenant;

/// The largest document that is read: room for some 50,000 tenants.
const MAX_BYTES: usize = 64 << 20;

/// Deeper flow collections than this are an attack on the parser, whose time grows with the square of the depth.
const MAX_FLOW_DEPTH: usize = 64;

/// The document as types, so that the parser knows the place of an error.
#[derive(Deserialize)]
#[allow(dead_code, reason = "read only for its errors")]
struct Strict {
    #[serde(default)]
    metadata: super::Metadata,
    #[serde(default)]
    config: super::Config,
    #[serde(default)]
    tenants: Option<Vec<Tenant>>,
}

/// Reads a registry; entries that are the same in one that is known are taken from there.
pub(super) fn registry(bytes: &[u8], known: Option<&Registry>) -> Result<Registry> {
    let text = text(bytes, REGISTRY_FILE)?;
    let registry = match in_parts(text, known) {
        Some(registry) => registry,
        None => whole(text)?,
    };
    let problems = check::tenants(registry.tenants().map(AsRef::as_ref), text, REGISTRY_FILE);
    if problems.is_empty() { Ok(registry) } else { Err(malformed(REGISTRY_FILE, problems)) }
}

/// Entry by entry; `None` where the document is written in another way, or something is wrong with it.
fn in_parts(text: &str, known: Option<&Registry>) -> Option<Registry> {
    let Split { before, entries, after, indent } = split(text)?;
    // It must be complete: else a quoted text that begins here might reach over what looks like entries.
    serde_yaml::from_str::<Option<Mapping>>(before).ok()?;
    let frame = mapping(&format!("{before}{TENANTS}: []\n{after}"), REGISTRY_FILE).ok()?;
    version(&frame, text, REGISTRY_FILE).ok()?;
    if !frame.get(TENANTS)?.as_sequence()?.is_empty() {
        return None;
    }
    let known = known.map(|known| known.entries.as_slice()).unwrap_or_default();
    let known: HashMap<&str, &Arc<Entry>> = known.iter().map(|entry| (entry.text(), entry)).collect();
    let entry =
        |text: &&str| known.get(text).map_or_else(|| Entry::read(text).map(Arc::new), |known| Some((*known).clone()));
    let entries = entries.iter().map(entry).collect::<Option<Vec<_>>>()?;
    Registry::new(frame, entries, indent).ok()
}

/// All at once, with the place of what is wrong.
fn whole(text: &str) -> Result<Registry> {
    let raw = mapping(text, REGISTRY_FILE)?;
    version(&raw, text, REGISTRY_FILE)?;
    if let Err(error) = serde_yaml::from_value::<Strict>(Value::Mapping(raw.clone())) {
        let placed = serde_yaml::from_str::<Strict>(text).err().unwrap_or(error);
        return Err(malformed(REGISTRY_FILE, [problem(&placed, REGISTRY_FILE)]));
    }
    Registry::from_mapping(raw)
}

/// A text; `key:` without a value is an empty one.
pub(super) fn text_or_nothing<'de, D: Deserializer<'de>>(document: D) -> std::result::Result<String, D::Error> {
    Option::<String>::deserialize(document).map(Option::unwrap_or_default)
}

/// Takes the bytes as text that is safe to parse.
pub(crate) fn text<'a>(bytes: &'a [u8], file: &str) -> Result<&'a str> {
    let whole = |message: String| malformed(file, [at(file, 0, 0, message)]);
    if bytes.len() > MAX_BYTES {
        return Err(whole(format!("it has {} bytes, at most {MAX_BYTES} are read", bytes.len())));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        malformed(file, [at(file, line + 1, 0, "it is not UTF-8 text".to_owned())])
    })?;
    match too_deep(text) {
        None => Ok(text),
        Some(line) => Err(malformed(file, [at(file, line, 0, "its brackets are nested too deeply".to_owned())])),
    }
}

/// The line where more brackets are open than any registry needs.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut line) = (0_usize, 1_usize);
    for byte in text.bytes() {
        match byte {
            b'\n' => line += 1,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_FLOW_DEPTH {
            return Some(line);
        }
    }
    None
}

/// Parses the text as one mapping without duplicate keys.
pub(super) fn mapping(text: &str, file: &str) -> Result<Mapping> {
    match serde_yaml::from_str::<Value>(text) {
        Ok(Value::Mapping(mapping)) => Ok(mapping),
        Ok(_) => {
            Err(malformed(file, [at(file, 1, 1, "it must be a mapping that begins with `version: v1`".to_owned())]))
        }
        Err(error) => Err(malformed(file, [problem(&error, file)])),
    }
}

/// Refuses documents of a newer release, and those that say no version.
pub(super) fn version(raw: &Mapping, text: &str, file: &str) -> Result<()> {
    let Some(version) = raw.get("version") else {
        return Err(malformed(
            file,
            [at(file, 1, 1, "it says no version; the first line should be `version: v1`".to_owned())],
        ));
    };
    let number = version.as_str().and_then(|version| version.strip_prefix('v')).and_then(|n| n.parse::<u32>().ok());
    match number {
        Some(1..=REGISTRY_VERSION) => Ok(()),
        Some(number) if number > REGISTRY_VERSION => Err(Error::new(
            Reason::BackendUnavailable,
            format!("cannot read {file}: it was made by a newer deployer (version v{number}, this one reads v1)"),
        )
        .hint("upgrade deployer")),
        _ => {
            let line = text.lines().position(|line| line.starts_with("version")).map_or(0, |line| line + 1);
            let column = usize::from(line > 0);
            Err(malformed(file, [at(file, line, column, "its version is not valid; write `version: v1`".to_owned())]))
        }
    }
}

/// What is said when a stored document makes no sense.
pub(crate) fn malformed(file: &str, problems: impl IntoIterator<Item = Problem>) -> Error {
    Error::new(Reason::BackendUnavailable, format!("cannot read {file}: it is malformed"))
        .problems(problems)
        .hint("correct it with the provider's own tools; earlier versions are kept where versioning is on")
}

pub(super) fn at(file: &str, line: usize, column: usize, message: String) -> Problem {
    let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Problem { file: file.to_owned(), line: short(line), column: short(column), message, hint: None }
}

pub(crate) fn problem(error: &serde_yaml::Error, file: &str) -> Problem {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or(&text);
    let message: String = message.chars().take(200).collect();
    match error.location() {
        Some(place) => at(file, place.line(), place.column(), message),
        None => at(file, 0, 0, message),
    }
}
