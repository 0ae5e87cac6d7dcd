//! `tenants.yaml`: the registry, the truth about tenants.
//!
//! The document belongs to people as much as to this program: every edit keeps the fields that are unknown here and
//! the order of entries. Reading is strict about what matters and says the line and column of what is wrong.

use jiff::Timestamp;
use serde::Deserialize;
use serde_yaml::{Mapping, Value};

use crate::backend::default_lock_table;
use crate::error::{Error, Reason, Result};
use crate::name::{StateVersion, TenantId};
use crate::tenant::Tenant;

mod check;
mod derived;
mod merge;
mod read;
#[cfg(test)]
mod tests;

pub use derived::{Derived, Repair, repair};
pub(crate) use merge::into as keeping;
pub(crate) use read::{malformed, problem, text as plain_text};

/// The version of `tenants.yaml` that this program writes, and the newest that it reads.
pub const REGISTRY_VERSION: u32 = 1;

/// The file's name in messages.
pub const REGISTRY_FILE: &str = "tenants.yaml";

/// The registry as it was read, with the edits made to it since.
#[derive(Clone)]
pub struct Registry {
    raw: Mapping,
    head: Head,
    tenants: Vec<Tenant>,
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
        Self::from_mapping(raw).map_err(|error| Error::new(Reason::Internal, error.to_string()))
    }

    /// Reads the document.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        read::registry(bytes)
    }

    fn from_mapping(raw: Mapping) -> std::result::Result<Self, serde_yaml::Error> {
        #[derive(Deserialize)]
        struct Document {
            #[serde(flatten)]
            head: Head,
            #[serde(default)]
            tenants: Option<Vec<Tenant>>,
        }
        let Document { head, tenants } = serde_yaml::from_value(Value::Mapping(raw.clone()))?;
        Ok(Self { raw, head, tenants: tenants.unwrap_or_default() })
    }

    /// The document as it is stored.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        to_bytes(&self.raw)
    }

    /// All tenants, in the document's order.
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// One tenant.
    pub fn tenant(&self, id: &TenantId) -> Option<&Tenant> {
        self.tenants.iter().find(|tenant| tenant.id == *id)
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
    pub fn add(&mut self, tenant: Tenant, now: Timestamp) -> Result<()> {
        if self.tenant(&tenant.id).is_some() {
            return Err(Error::new(Reason::AlreadyExists, format!("there is a tenant {} already", tenant.id))
                .hint(format!("look at it with `deployer tenant show {}`, or choose another name", tenant.id)));
        }
        let entry = Value::Mapping(to_mapping(&tenant)?);
        match self.raw.get_mut("tenants") {
            Some(Value::Sequence(entries)) => entries.push(entry),
            _ => {
                self.raw.insert(Value::from("tenants"), Value::Sequence(vec![entry]));
            }
        }
        self.tenants.push(tenant);
        self.touch(now)
    }

    /// Replaces a tenant's known fields and keeps its unknown ones; refused when there is none with its id.
    pub fn update(&mut self, tenant: Tenant, now: Timestamp) -> Result<()> {
        let Some(at) = self.tenants.iter().position(|known| known.id == tenant.id) else {
            return Err(unknown_tenant(&tenant.id));
        };
        let known = to_mapping(&tenant)?;
        if let Some(Value::Mapping(entry)) = self.raw_entry_mut(at) {
            merge::into(entry, known);
        }
        self.tenants[at] = tenant;
        self.touch(now)
    }

    /// Adds a tenant that was deleted, with the fields that its entry had and nobody knows here.
    pub fn restore(&mut self, archived: &Derived, tenant: Tenant, now: Timestamp) -> Result<()> {
        self.add(tenant.clone(), now)?;
        let mut entry = archived.entry().clone();
        merge::into(&mut entry, to_mapping(&tenant)?);
        let last = self.tenants.len() - 1;
        if let Some(raw) = self.raw_entry_mut(last) {
            *raw = Value::Mapping(entry);
        }
        Ok(())
    }

    /// Remembers that a tenant took over what a deployment without tenants had kept.
    pub fn note_migration(&mut self, id: &TenantId, note: &Migration) -> Result<()> {
        let at = self.tenants.iter().position(|tenant| tenant.id == *id).ok_or_else(|| unknown_tenant(id))?;
        let said = mapping([
            ("from", Value::String(note.from.clone())),
            ("completed", Value::String(seconds(note.completed))),
            ("objects", Value::from(note.objects)),
        ]);
        if let Some(Value::Mapping(entry)) = self.raw_entry_mut(at) {
            merge::into(entry, mapping([("migration", Value::Mapping(said))]));
        }
        self.touch(note.completed)
    }

    /// Removes a tenant; that there is none is no error, so that it can be repeated.
    pub fn remove(&mut self, id: &TenantId, now: Timestamp) -> Result<()> {
        let Some(at) = self.tenants.iter().position(|tenant| tenant.id == *id) else { return Ok(()) };
        self.tenants.remove(at);
        if let Some(Value::Sequence(entries)) = self.raw.get_mut("tenants") {
            entries.remove(at);
        }
        self.touch(now)
    }

    /// The derived entry of a tenant.
    pub fn derive(&self, id: &TenantId) -> Option<Derived> {
        let at = self.tenants.iter().position(|tenant| tenant.id == *id)?;
        let Some(Value::Mapping(entry)) = self.raw.get("tenants").and_then(|tenants| tenants.get(at)) else {
            return None;
        };
        Some(Derived::new(self.generation(), self.place(), self.tenants[at].clone(), entry.clone()))
    }

    fn raw_entry_mut(&mut self, at: usize) -> Option<&mut Value> {
        self.raw.get_mut("tenants").and_then(|tenants| tenants.get_mut(at))
    }

    fn touch(&mut self, now: Timestamp) -> Result<()> {
        self.head.metadata.generation += 1;
        let marks = mapping([
            ("updated", Value::String(seconds(now))),
            ("generation", Value::from(self.head.metadata.generation)),
        ]);
        merge::into(&mut self.raw, mapping([("metadata", Value::Mapping(marks))]));
        Ok(())
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The raw document holds hashes.
        write!(f, "Registry(generation {}, {} tenants)", self.generation(), self.tenants.len())
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
