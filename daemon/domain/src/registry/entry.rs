//! One entry of the registry: its text as it stands in the document, and the tenant that it tells of.

use std::sync::Arc;

use serde_yaml::{Mapping, Value};

use crate::error::{Error, Reason, Result};
use crate::tenant::Tenant;

/// An entry. Nothing but a change of this very entry changes its text.
pub(super) struct Entry {
    text: Box<str>,
    pub tenant: Arc<Tenant>,
}

impl Entry {
    /// Reads a text that is one entry and nothing else; `None` where it is not.
    pub fn read(text: &str) -> Option<Self> {
        // By way of a value, which refuses a key that is there twice.
        let value: Value = serde_yaml::from_str(text).ok()?;
        let (tenant,) = serde_yaml::from_value(value).ok()?;
        let text = if text.ends_with('\n') { text.into() } else { format!("{text}\n").into() };
        Some(Self { text, tenant: Arc::new(tenant) })
    }

    /// Writes an entry, with its dash behind so many spaces.
    pub fn write(fields: &Mapping, indent: usize) -> Result<Self> {
        let failed = |why: String| Error::new(Reason::Internal, format!("an entry cannot be written: {why}"));
        let text = serde_yaml::to_string(&[fields]).map_err(|error| failed(error.to_string()))?;
        let text = match indent {
            0 => text,
            _ => text.split_inclusive('\n').map(|line| indented(line, indent)).collect(),
        };
        Self::read(&text).ok_or_else(|| failed("what was written is not what was meant".to_owned()))
    }

    /// The text, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All fields, also those that are unknown here.
    pub fn fields(&self) -> Result<Mapping> {
        let (fields,) = serde_yaml::from_str(&self.text)
            .map_err(|error| Error::new(Reason::Internal, format!("an entry cannot be read again: {error}")))?;
        Ok(fields)
    }
}

fn indented(line: &str, indent: usize) -> String {
    if line.trim().is_empty() { line.to_owned() } else { format!("{:indent$}{line}", "") }
}
