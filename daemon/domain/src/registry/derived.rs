//! `registry/<id>.yaml`: one tenant's entry, derived from the registry; what tenant mode reads.

use serde::Deserialize;
use serde_yaml::{Mapping, Value};

use super::{Place, REGISTRY_FILE, check, mapping, read, to_bytes};
use crate::error::Result;
use crate::object::{ETag, WriteIf};
use crate::tenant::Tenant;

/// One tenant's entry with what it needs to know of the whole registry.
#[derive(Clone)]
pub struct Derived {
    /// The registry's generation that it was made from, or will be the one of, when it is written first.
    pub generation: u64,
    /// Where tenants are.
    pub place: Place,
    /// The entry.
    pub tenant: Tenant,
    entry: Mapping,
}

impl Derived {
    pub(super) fn new(generation: u64, place: Place, tenant: Tenant, entry: Mapping) -> Self {
        Self { generation, place, tenant, entry }
    }

    /// Reads the document; `file` is its key.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self> {
        let text = read::text(bytes, file)?;
        let raw = read::mapping(text, file)?;
        read::version(&raw, text, file)?;
        let document: Document =
            serde_yaml::from_str(text).map_err(|error| read::malformed(file, [read::problem(&error, file)]))?;
        let problems = check::tenants(std::iter::once(&document.tenant), text, file);
        let Some(Value::Mapping(entry)) = raw.get("tenant") else {
            return Err(read::malformed(file, [read::at(file, 0, 0, "it has no tenant".to_owned())]));
        };
        if !problems.is_empty() {
            return Err(read::malformed(file, problems));
        }
        let Backend { bucket, region, lock_table } = document.backend;
        let place = Place { bucket, region, lock_table };
        Ok(Self::new(document.source.generation, place, document.tenant, entry.clone()))
    }

    /// The entry with all its fields, also those that are unknown here.
    pub(super) fn entry(&self) -> &Mapping {
        &self.entry
    }

    /// The document as it is stored.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let text = |text: &str| Value::String(text.to_owned());
        let source = mapping([("document", text(REGISTRY_FILE)), ("generation", Value::from(self.generation))]);
        let backend = mapping([
            ("bucket", text(&self.place.bucket)),
            ("region", text(&self.place.region)),
            ("lockTable", text(&self.place.lock_table)),
        ]);
        to_bytes(&mapping([
            ("version", text("v1")),
            ("source", Value::Mapping(source)),
            ("backend", Value::Mapping(backend)),
            ("tenant", Value::Mapping(self.entry.clone())),
        ]))
    }

    /// Whether the two say the same of the tenant.
    pub fn agrees_with(&self, other: &Self) -> bool {
        self.entry == other.entry && self.place == other.place
    }
}

impl std::fmt::Debug for Derived {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Derived({}, generation {})", self.tenant.id, self.generation)
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    source: Source,
    #[serde(default)]
    backend: Backend,
    tenant: Tenant,
}

#[derive(Default, Deserialize)]
struct Source {
    #[serde(default)]
    generation: u64,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Backend {
    #[serde(default)]
    bucket: String,
    #[serde(default)]
    region: String,
    #[serde(default)]
    lock_table: String,
}

/// What must be done so that a stored derived entry says what the registry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// Nothing.
    None,
    /// It must be written, under this condition.
    Write(WriteIf),
}

/// Compares a derived entry with the one that is stored; `stored` is `Ok(None)` when there is none, an error when it
/// makes no sense.
///
/// A stored entry of a later generation belongs to a command that writes it before the registry and is at work, or
/// whose registry this reader has not seen yet: it is left alone.
pub fn repair(wanted: &Derived, stored: Option<(Result<Derived>, ETag)>) -> Repair {
    match stored {
        None => Repair::Write(WriteIf::Absent),
        Some((Err(_), etag)) => Repair::Write(WriteIf::Unchanged(etag)),
        Some((Ok(stored), _)) if stored.agrees_with(wanted) || stored.generation > wanted.generation => Repair::None,
        Some((Ok(_), etag)) => Repair::Write(WriteIf::Unchanged(etag)),
    }
}
