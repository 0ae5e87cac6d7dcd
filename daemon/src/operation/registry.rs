//! How the whole registry is read, as admins do. It may be large: the last version is kept, and asked for again only
//! when it has changed.

use std::sync::{Arc, Mutex, PoisonError};

use deployer_domain::backend::{Backend, BackendRef};
use deployer_domain::error::Result;
use deployer_domain::key::PlatformSpace;
use deployer_domain::object::{ETag, Object, Reread};
use deployer_domain::port_error::Attempted;
use deployer_domain::registry::{REGISTRY_FILE, Registry};

use super::{Ports, busy, entries};

/// The registry that was read or written last. Whoever uses it has just been told by the storage, with credentials of
/// its own, that it still is the one.
#[derive(Default)]
pub(super) struct RegistryCache(Mutex<Option<Known>>);

#[derive(Clone)]
struct Known {
    place: BackendRef,
    etag: ETag,
    registry: Arc<Registry>,
    /// Whether every tenant of it was seen to have its derived entry.
    complete: bool,
}

impl RegistryCache {
    fn find(&self, place: &BackendRef) -> Option<Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone().filter(|known| known.place == *place)
    }

    /// Remembers what a backend holds now.
    pub(super) fn keep(&self, place: &BackendRef, etag: ETag, registry: Arc<Registry>) {
        let known = Known { place: place.clone(), etag, registry, complete: false };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(known);
    }

    /// Whether every tenant of this registry was seen to have its derived entry.
    pub(super) fn is_complete(&self, registry: &Arc<Registry>) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().is_some_and(|known| known.complete && Arc::ptr_eq(&known.registry, registry))
    }

    /// Remembers that it is so.
    pub(super) fn completed(&self, registry: &Arc<Registry>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_mut().filter(|known| Arc::ptr_eq(&known.registry, registry)) {
            known.complete = true;
        }
    }
}

/// Reads the whole registry.
pub async fn registry(ports: &Ports, backend: &Backend) -> Result<Arc<Registry>> {
    versioned(ports, backend).await.map(|(registry, _)| registry)
}

/// The same, with its version.
pub(super) async fn versioned(ports: &Ports, backend: &Backend) -> Result<(Arc<Registry>, ETag)> {
    let cache = &ports.caches.registry;
    let known = cache.find(&backend.place);
    let Some(Object { bytes, etag, .. }) = changed(backend, known.as_ref()).await? else {
        return known.map(|known| (known.registry, known.etag)).ok_or_else(|| entries::no_registry(backend));
    };
    let before = known.map(|known| known.registry);
    let registry = busy(move || match before {
        Some(before) => before.parse_after(&bytes),
        None => Registry::parse(&bytes),
    });
    let registry = Arc::new(registry.await??);
    cache.keep(&backend.place, etag.clone(), Arc::clone(&registry));
    Ok((registry, etag))
}

/// The document, unless it is the one that is known.
async fn changed(backend: &Backend, known: Option<&Known>) -> Result<Option<Object>> {
    let (key, address) = (PlatformSpace.registry(), &backend.place.address);
    let what = || format!("read {REGISTRY_FILE}");
    let found = match known {
        None => backend.objects.read(&key).await.attempted(what(), address)?,
        Some(known) => match backend.objects.reread(&key, &known.etag).await.attempted(what(), address)? {
            Reread::Unchanged => return Ok(None),
            Reread::Changed(object) => Some(object),
            Reread::Gone => None,
        },
    };
    found.map(Some).ok_or_else(|| entries::no_registry(backend))
}
