//! How one tenant's entry is read: remembered for half a minute, written where it is missing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deployer_domain::backend::{Backend, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::PlatformSpace;
use deployer_domain::name::TenantId;
use deployer_domain::object::{ETag, PortError, Reread, WriteIf};
use deployer_domain::port_error::{Attempted, explain};
use deployer_domain::registry::{Derived, REGISTRY_FILE, Registry, Repair, repair};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

use super::Ports;

/// How long an entry is used without asking.
pub(super) const TRUST: Duration = Duration::from_secs(30);

/// Whether an answer from memory will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// One of the last 30 s.
    Remembered,
    /// The backend is asked: at sign-in, after a lock is acquired, before a run starts.
    Asked,
}

/// Whose answer is remembered: two terminals with different cloud credentials do not share one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Asker {
    place: BackendRef,
    environment: [u8; 32],
}

impl Asker {
    pub(super) fn new(place: &BackendRef, caller: &Caller) -> Self {
        let mut digest = Sha256::new();
        for (name, value) in caller.environment.iter().filter(|(name, _)| name.starts_with("AWS_") || *name == "HOME") {
            digest.update(name.as_bytes());
            digest.update([0]);
            digest.update(value.expose_secret().as_bytes());
            digest.update([0]);
        }
        Self { place: place.clone(), environment: digest.finalize().into() }
    }
}

/// The entries of the last half minute.
#[derive(Default)]
pub struct EntryCache(Mutex<HashMap<(Asker, TenantId), Remembered>>);

#[derive(Clone)]
struct Remembered {
    entry: Derived,
    /// The version of the derived document; none when the entry was found in the registry.
    etag: Option<ETag>,
    asked: Duration,
}

impl EntryCache {
    fn find(&self, key: &(Asker, TenantId)) -> Option<Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Forgets what is known of a tenant that this daemon has just changed.
    pub(super) fn forget(&self, id: &TenantId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, known), _| known != id);
    }

    fn keep(&self, key: (Asker, TenantId), remembered: Option<Remembered>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match remembered {
            Some(remembered) => all.insert(key, remembered),
            None => all.remove(&key),
        };
    }
}

/// Reads a tenant's entry: the derived one, else the registry's; `None` when there is no such tenant.
pub async fn entry(
    ports: &Ports,
    caller: &Caller,
    backend: &Backend,
    id: &TenantId,
    freshness: Freshness,
) -> Result<Option<Derived>> {
    let key = (Asker::new(&backend.place, caller), id.clone());
    let known = ports.caches.entries.find(&key);
    let now = ports.clock.lease_now().boot;
    if let (Some(known), Freshness::Remembered) = (&known, freshness)
        && now.saturating_sub(known.asked) < TRUST
    {
        return Ok(Some(known.entry.clone()));
    }
    let fresh = ask(backend, id, known).await?.map(|(entry, etag)| Remembered { entry, etag, asked: now });
    let entry = fresh.as_ref().map(|fresh| fresh.entry.clone());
    ports.caches.entries.keep(key, fresh);
    Ok(entry)
}

async fn ask(backend: &Backend, id: &TenantId, known: Option<Remembered>) -> Result<Option<(Derived, Option<ETag>)>> {
    let key = PlatformSpace.registry_entry(id);
    let address = &backend.place.address;
    let what = || format!("read {key}");
    let found = match known {
        Some(Remembered { entry, etag: Some(etag), .. }) => {
            match backend.objects.reread(&key, &etag).await.attempted(what(), address)? {
                Reread::Unchanged => return Ok(Some((entry, Some(etag)))),
                Reread::Changed(object) => Some(object),
                Reread::Gone => None,
            }
        }
        _ => backend.objects.read(&key).await.attempted(what(), address)?,
    };
    match found {
        Some(object) => {
            let entry = Derived::parse(&object.bytes, key.as_str())?;
            if entry.tenant.id != *id {
                return Err(Error::new(Reason::BackendUnavailable, format!("{key} is about another tenant"))
                    .hint("an admin can repair it with `deployer tenant show`"));
            }
            Ok(Some((entry, Some(object.etag))))
        }
        None => Ok(from_registry(backend, id).await?.map(|entry| (entry, None))),
    }
}

/// The way of tenants that no admin command has touched since they were written by hand or by an older tool.
async fn from_registry(backend: &Backend, id: &TenantId) -> Result<Option<Derived>> {
    match backend.objects.read(&PlatformSpace.registry()).await {
        Ok(Some(object)) => Ok(Registry::parse(&object.bytes)?.derive(id)),
        Ok(None) => Err(no_registry(backend)),
        // Where the cloud keeps tenants apart nobody but admins reads the registry: then there is no such tenant.
        Err(PortError::Denied(_)) => Ok(None),
        Err(error) => Err(explain(error, format!("read {REGISTRY_FILE}"), &backend.place.address)),
    }
}

pub(super) fn no_registry(backend: &Backend) -> Error {
    let address = &backend.place.address;
    Error::new(Reason::NotFound, format!("there is no {REGISTRY_FILE} in {address}"))
        .hint(format!("create it with `deployer admin bootstrap --backend {address}`"))
}

/// Makes the stored derived entry of a tenant say what the registry says; answers whether anything was written.
pub async fn repair_entry(backend: &Backend, wanted: &Derived) -> Result<bool> {
    let key = PlatformSpace.registry_entry(&wanted.tenant.id);
    let address = &backend.place.address;
    let mut last = PortError::Conflict;
    for _ in 0..5 {
        let stored = backend.objects.read(&key).await.attempted(format!("read {key}"), address)?;
        let stored = stored.map(|object| (Derived::parse(&object.bytes, key.as_str()), object.etag));
        let Repair::Write(condition) = repair(wanted, stored) else { return Ok(false) };
        match write(backend, &key, wanted.to_bytes()?, condition).await {
            Ok(()) => return Ok(true),
            // Somebody else was quicker, or the answer got lost: what is there now decides.
            Err(error @ (PortError::Conflict | PortError::Gone | PortError::Unavailable(_))) => last = error,
            Err(error) => return Err(explain(error, format!("write {key}"), address)),
        }
    }
    Err(explain(last, format!("write {key}"), address))
}

async fn write(
    backend: &Backend,
    key: &deployer_domain::key::ObjectKey,
    bytes: Vec<u8>,
    condition: WriteIf,
) -> std::result::Result<(), PortError> {
    backend.objects.write(key, bytes, condition).await.map(|_| ())
}
