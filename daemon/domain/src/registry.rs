//! `tenants.yaml`: the registry, the truth about tenants.
//!
//! The document belongs to people as much as to this program: every edit keeps the fields that are unknown here, the
//! order of entries and the very text of those that it does not change. Reading is strict about what matters and says
//! the line and column of what is wrong.
//!
//! Ten thousand entries are some megabytes: each is read by itself, and what is read again after a change is only what
//! is new.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_yaml::{Mapping, Value};

use crate::backend::default_lock_table;
use crate::error::{Error, Reason, Result};
use crate::name::{StateVersion, TenantId};
use crate::tenant::Tenant;

mod check;
mod derived;
mod entry;
mod merge;
mod read;
mod split;
#[cfg(test)]
mod tests;

use entry::Entry;

pub use derived::{Derived, Repair, repair};
pub(crate) use merge::into as keeping;
pub(crate) use read::{malformed, problem, text as plain_text};

/// The version of `tenants.yaml` that this program writes, and the newest that it reads.
pub const REGISTRY_VERSION: u32 = 1;

/// The file's name in messages.
pub const REGISTRY_FILE: &str = "tenants.yaml";

/// The key of the entries.
const TENANTS: &str = "tenants";

/// The registry as it was read, with the edits made to it since. A copy shares the entries.
#[derive(Clone)]
pub struct Registry {
    /// The whole document without its entries: `tenants` is an empty list here.
    frame: Mapping,
    head: Head,
    entries: Vec<Arc<Entry>>,
    /// How many spaces stand before the dashes of entries.
    indent: usize,
}

/// What is said of the registry as a whole.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct Head {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    config: Config,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
struct Metadata {
    #[serde(default, deserialize_with = "read::text_or_nothing")]
    bucket: String,
    #[serde(default, deserialize_with = "read::text_or_nothing")]
    region: String,
    /// Rises with each of our writes; absent (0) in documents of older tools.
    #[serde(default)]
    generation: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default, deserialize_with = "read::text_or_nothing")]
    lock_table: String,
    #[serde(default)]
    default_version: StateVersion,
}

/// What a tenant took over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// Where it was, such as `stacks/`.
    pub from: String,
    /// When all of it was there.
    pub completed: Timestamp,
    /// How many objects.
    pub objects: u64,
}

/// Where tenants are, as the registry says it; what a derived entry repeats.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The bucket, or the file of a local backend.
    pub bucket: String,
    /// The region; empty on local backends.
    pub region: String,
    /// The lock table.
    pub lock_table: String,
}

impl Registry {
    /// The first registry of a backend, without tenants.
    pub fn first(place: &Place, now: Timestamp) -> Result<Self> {
        let text = |text: &str| Value::String(text.to_owned());
        let now = text(&seconds(now));
        let metadata = mapping([
            ("created", now.clone()),
            ("updated", now),
            ("bucket", text(&place.bucket)),
            ("region", text(&place.region)),
            ("generation", Value::from(1)),
        ]);
        let config = mapping([("lockTable", text(&place.lock_table)), ("defaultVersion", text("v1"))]);
        let raw = mapping([
            ("version", text("v1")),
            ("metadata", Value::Mapping(metadata)),
            ("config", Value::Mapping(config)),
            ("tenants", Value::Sequence(Vec::new())),
        ]);
        Self::from_mapping(raw)
    }

    /// Reads the document.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        read::registry(bytes, None)
    }

    /// Reads a later version of the document; entries whose text is the same are not read again.
    pub fn parse_after(&self, bytes: &[u8]) -> Result<Self> {
        read::registry(bytes, Some(self))
    }

    /// From all of it as values: entries get the text that this program gives them.
    fn from_mapping(mut frame: Mapping) -> Result<Self> {
        let entries = match frame.insert(Value::from(TENANTS), Value::Sequence(Vec::new())) {
            Some(Value::Sequence(entries)) => entries,
            _ => Vec::new(),
        };
        let written = entries.iter().filter_map(Value::as_mapping).map(|fields| Entry::write(fields, 0).map(Arc::new));
        let entries = written.collect::<Result<Vec<_>>>()?;
        Self::new(frame, entries, 0)
            .map_err(|error| Error::new(Reason::Internal, format!("the registry cannot be read again: {error}")))
    }

    fn new(frame: Mapping, entries: Vec<Arc<Entry>>, indent: usize) -> std::result::Result<Self, serde_yaml::Error> {
        let head = serde_yaml::from_value(Value::Mapping(frame.clone()))?;
        Ok(Self { frame, head, entries, indent })
    }

    /// The document as it is stored.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let frame = to_bytes(&self.frame)?;
        if self.entries.is_empty() {
            return Ok(frame);
        }
        // No other line can be this one: whatever else the frame holds is indented.
        let mark = format!("{TENANTS}: []\n");
        let mut lines = frame.split_inclusive(|byte| *byte == b'\n');
        let before: usize = lines.by_ref().take_while(|line| *line != mark.as_bytes()).map(<[u8]>::len).sum();
        let Some(after) = frame.get(before + mark.len()..) else {
            return Err(Error::new(Reason::Internal, "a registry without a place for its tenants cannot be written"));
        };
        let size: usize = self.entries.iter().map(|entry| entry.text().len()).sum();
        let mut bytes = Vec::with_capacity(frame.len() + size);
        bytes.extend_from_slice(&frame[..before]);
        bytes.extend_from_slice(format!("{TENANTS}:\n").as_bytes());
        self.entries.iter().for_each(|entry| bytes.extend_from_slice(entry.text().as_bytes()));
        bytes.extend_from_slice(after);
        Ok(bytes)
    }

    /// All tenants, in the document's order.
    pub fn tenants(&self) -> impl ExactSizeIterator<Item = &Arc<Tenant>> + Clone {
        self.entries.iter().map(|entry| &entry.tenant)
    }

    /// One tenant.
    pub fn tenant(&self, id: &TenantId) -> Option<&Tenant> {
        self.position(id).map(|at| self.entries[at].tenant.as_ref())
    }

    fn position(&self, id: &TenantId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.tenant.id == *id)
    }

    /// How often this program has written it.
    pub fn generation(&self) -> u64 {
        self.head.metadata.generation
    }

    /// The version namespace of new tenants.
    pub fn default_version(&self) -> &StateVersion {
        &self.head.config.default_version
    }

    /// Where tenants are.
    pub fn place(&self) -> Place {
        Place {
            bucket: self.head.metadata.bucket.clone(),
            region: self.head.metadata.region.clone(),
            lock_table: self.head.config.lock_table.clone(),
        }
    }

    /// Adds a tenant after all others; refused when there is one with its id.
    pub fn add(&mut self, tenant: &Tenant, now: Timestamp) -> Result<()> {
        self.refuse_taken(&tenant.id)?;
        self.push(&to_mapping(tenant)?, now)
    }

    fn refuse_taken(&self, id: &TenantId) -> Result<()> {
        match self.position(id) {
            None => Ok(()),
            Some(_) => Err(Error::new(Reason::AlreadyExists, format!("there is a tenant {id} already"))
                .hint(format!("look at it with `deployer tenant show {id}`, or choose another name"))),
        }
    }

    fn push(&mut self, fields: &Mapping, now: Timestamp) -> Result<()> {
        self.entries.push(Arc::new(Entry::write(fields, self.indent)?));
        self.touch(now);
        Ok(())
    }

    /// Replaces a tenant's known fields and keeps its unknown ones; refused when there is none with its id.
    pub fn update(&mut self, tenant: &Tenant, now: Timestamp) -> Result<()> {
        self.put(&tenant.id, to_mapping(tenant)?, now)
    }

    /// Puts fields into an entry; refused when there is none with this id.
    fn put(&mut self, id: &TenantId, known: Mapping, now: Timestamp) -> Result<()> {
        let at = self.position(id).ok_or_else(|| unknown_tenant(id))?;
        let mut fields = self.entries[at].fields()?;
        merge::into(&mut fields, known);
        self.entries[at] = Arc::new(Entry::write(&fields, self.indent)?);
        self.touch(now);
        Ok(())
    }

    /// Adds a tenant that was deleted, with the fields that its entry had and nobody knows here.
    pub fn restore(&mut self, archived: &Derived, tenant: &Tenant, now: Timestamp) -> Result<()> {
        self.refuse_taken(&tenant.id)?;
        let mut fields = archived.entry().clone();
        merge::into(&mut fields, to_mapping(tenant)?);
        self.push(&fields, now)
    }

    /// Remembers that a tenant took over what a deployment without tenants had kept.
    pub fn note_migration(&mut self, id: &TenantId, note: &Migration) -> Result<()> {
        let said = mapping([
            ("from", Value::String(note.from.clone())),
            ("completed", Value::String(seconds(note.completed))),
            ("objects", Value::from(note.objects)),
        ]);
        self.put(id, mapping([("migration", Value::Mapping(said))]), note.completed)
    }

    /// Removes a tenant; that there is none is no error, so that it can be repeated.
    pub fn remove(&mut self, id: &TenantId, now: Timestamp) {
        if let Some(at) = self.position(id) {
            self.entries.remove(at);
            self.touch(now);
        }
    }

    /// The derived entry of a tenant.
    pub fn derive(&self, id: &TenantId) -> Option<Derived> {
        self.position(id).and_then(|at| self.to_derive(&self.entries[at]).derive().ok())
    }

    /// The tenants that are chosen, each to be derived in its turn.
    pub fn derive_all(&self, chosen: impl Fn(&Tenant) -> bool) -> Vec<ToDerive> {
        self.entries.iter().filter(|entry| chosen(&entry.tenant)).map(|entry| self.to_derive(entry)).collect()
    }

    fn to_derive(&self, entry: &Arc<Entry>) -> ToDerive {
        ToDerive { generation: self.generation(), place: self.place(), entry: Arc::clone(entry) }
    }

    fn touch(&mut self, now: Timestamp) {
        self.head.metadata.generation += 1;
        let marks = mapping([
            ("updated", Value::String(seconds(now))),
            ("generation", Value::from(self.head.metadata.generation)),
        ]);
        merge::into(&mut self.frame, mapping([("metadata", Value::Mapping(marks))]));
    }
}

/// A derived entry before it is made: thousands of these need little memory.
pub struct ToDerive {
    generation: u64,
    place: Place,
    entry: Arc<Entry>,
}

impl ToDerive {
    /// Makes it. The entry was read before: a failure is a defect of this program.
    pub fn derive(self) -> Result<Derived> {
        let fields = self.entry.fields()?;
        Ok(Derived::new(self.generation, self.place, self.entry.tenant.as_ref().clone(), fields))
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The entries hold hashes.
        write!(f, "Registry(generation {}, {} tenants)", self.generation(), self.entries.len())
    }
}

impl Place {
    /// What is said of a backend whose registry says nothing.
    #[must_use]
    pub fn or_of(self, address: &crate::backend::BackendAddress) -> Self {
        let lock_table = Some(self.lock_table).filter(|table| !table.is_empty());
        Self {
            bucket: if self.bucket.is_empty() { bucket_of(address) } else { self.bucket },
            region: self.region,
            lock_table: lock_table.unwrap_or_else(|| default_lock_table(address)),
        }
    }
}

/// The bucket of a backend, or the file of a local one, as text.
pub fn bucket_of(address: &crate::backend::BackendAddress) -> String {
    match address {
        crate::backend::BackendAddress::Local(path) => path.display().to_string(),
        crate::backend::BackendAddress::S3(bucket) => bucket.clone(),
    }
}

/// What an admin is told who names a tenant that does not exist.
pub fn unknown_tenant(id: &TenantId) -> Error {
    Error::new(Reason::NotFound, format!("there is no tenant {id}")).hint("`deployer tenant list` shows all tenants")
}

/// A time as the reference writes it, without fractions of a second.
pub(crate) fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn mapping<const N: usize>(fields: [(&str, Value); N]) -> Mapping {
    fields.into_iter().map(|(key, value)| (Value::from(key), value)).collect()
}

fn to_mapping(value: &impl serde::Serialize) -> Result<Mapping> {
    match serde_yaml::to_value(value) {
        Ok(Value::Mapping(mapping)) => Ok(mapping),
        Ok(_) => Err(Error::new(Reason::Internal, "an entry is not a mapping")),
        Err(error) => Err(Error::new(Reason::Internal, format!("an entry cannot be written: {error}"))),
    }
}

fn to_bytes(raw: &Mapping) -> Result<Vec<u8>> {
    serde_yaml::to_string(raw)
        .map(String::into_bytes)
        .map_err(|error| Error::new(Reason::Internal, format!("a document cannot be written: {error}")))
}
