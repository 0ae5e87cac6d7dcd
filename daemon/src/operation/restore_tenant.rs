//! Brings a tenant that was deleted back from its newest archive, with a new secret.

use std::sync::Arc;

use deployer_domain::archive::{Archived, reopened};
use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::credential::SecretHash;
use deployer_domain::entropy::ulid;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{ObjectKey, PlatformSpace};
use deployer_domain::name::TenantId;
use deployer_domain::object::{PortError, WriteIf};
use deployer_domain::port_error::{Attempted, explain};
use deployer_domain::registry::{Derived, Registry};
use deployer_domain::tenant::{Tenant, secret_prefix};
use secrecy::SecretString;

use super::archive_tenant::{Found, archives, verified};
use super::authorise::AdminAccess;
use super::rotate_tenant::credentials;
use super::{Ports, Steps, authorise, bounded, entries, registry, registry_edit};

/// A tenant that was restored, and its new secret, which is nowhere else.
#[derive(Debug)]
pub struct RestoredTenant {
    /// The tenant.
    pub tenant: Tenant,
    /// Its new secret.
    pub secret: SecretString,
    /// How many objects were put back.
    pub objects: u64,
}

/// Restores a tenant. Can be repeated after it was cut off.
pub async fn restore_tenant(ports: &Ports, caller: &Caller, id: &TenantId, steps: Steps<'_>) -> Result<RestoredTenant> {
    let access = authorise::admin(ports, caller).await?;
    let registry = registry::registry(ports, &access.backend).await?;
    if registry.tenant(id).is_some() {
        return Err(Error::new(Reason::AlreadyExists, format!("the tenant {id} is not deleted"))
            .hint(format!("look at it with `deployer tenant show {id}`")));
    }
    let found = newest(&access.backend, id).await?;
    let recorder = authorise::recorder(&access, caller, "tenant.restore", id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let restored = Restoration { ports, access: &access, id, found, steps }.carry_out().await;
    recorder.result(ports, intent, &restored).await;
    restored
}

async fn newest(backend: &Backend, id: &TenantId) -> Result<Found> {
    let found = archives(backend, id).await?.into_iter().rfind(|found| !found.restored);
    found.ok_or_else(|| {
        Error::new(Reason::NotFound, format!("there is no archive of a tenant {id}"))
            .hint("a tenant that was purged cannot be restored; `deployer tenant list` shows those that exist")
    })
}

struct Restoration<'a> {
    ports: &'a Ports,
    access: &'a AdminAccess,
    id: &'a TenantId,
    found: Found,
    steps: Steps<'a>,
}

impl Restoration<'_> {
    async fn carry_out(&self) -> Result<RestoredTenant> {
        let archived = Derived::parse(self.found.manifest.entry.as_bytes(), self.found.space.manifest().as_str())?;
        if archived.tenant.id != *self.id {
            let key = self.found.space.manifest();
            return Err(Error::new(Reason::StateConflict, format!("{key} is about another tenant")));
        }
        let (secret, hash) = credentials(self.ports, secret_prefix("", self.id)?).await?;
        (self.steps)("Generating new secret");
        self.put_back().await?;
        (self.steps)("Restoring its objects");
        let tenant = self.register(&archived, &hash).await?;
        (self.steps)("Updating tenants.yaml");
        self.mark().await;
        Ok(RestoredTenant { tenant, secret, objects: self.found.manifest.objects.len() as u64 })
    }

    /// Puts every object back where it was; nobody may use them before the registry knows the tenant.
    async fn put_back(&self) -> Result<()> {
        let objects = self.found.manifest.objects.clone();
        let put = bounded::map(objects, |(name, expected)| {
            let place = self.found.space.original_of(&name);
            let copy = place.as_ref().and_then(|original| self.found.space.copy_of(original));
            let item = Item { name, expected, original: place, copy, id: self.id.clone() };
            let (backend, entropy, now) =
                (self.access.backend.clone(), Arc::clone(&self.ports.entropy), self.ports.clock.now());
            async move { item.put_back(&backend, ulid(entropy.as_ref(), now)).await }
        });
        put.await.map(drop)
    }

    async fn register(&self, archived: &Derived, hash: &SecretHash) -> Result<Tenant> {
        let (backend, now) = (&self.access.backend, self.ports.clock.now());
        let tenant = archived.tenant.restored(hash, now)?;
        let add = |registry: &mut Registry| registry.restore(archived, &tenant, now);
        let ours =
            |registry: &Registry| registry.tenant(self.id).is_some_and(|found| found.credentials.hash == hash.as_str());
        let registry = registry_edit::edit(self.ports, backend, add, ours).await?;
        if let Some(derived) = registry.derive(self.id) {
            entries::repair_entry(backend, &derived).await?;
        }
        self.ports.caches.entries.forget(self.id);
        Ok(tenant)
    }

    /// An archive that is not marked is only kept for longer.
    async fn mark(&self) {
        let (key, now) = (self.found.space.restored(), self.ports.clock.now());
        let mark = format!("{{\"restored\": \"{now}\"}}\n").into_bytes();
        if let Err(error) = self.access.backend.objects.write(&key, mark, WriteIf::Always).await {
            tracing::warn!(tenant = %self.id, %error, "an archive was not marked as restored");
        }
    }
}

/// One object of an archive.
struct Item {
    name: String,
    expected: Archived,
    original: Option<ObjectKey>,
    copy: Option<ObjectKey>,
    id: TenantId,
}

impl Item {
    async fn put_back(self, backend: &Backend, write_id: ulid::Ulid) -> Result<()> {
        let (Some(original), Some(copy)) = (self.original, self.copy) else {
            let message = format!("the archive names {:?}, which is no object of {}", self.name, self.id);
            return Err(Error::new(Reason::StateConflict, message));
        };
        let archived = verified(backend.objects.as_ref(), backend, &copy, &self.expected).await?;
        let bytes = match PlatformSpace.state_of(&self.id, &original) {
            Some(space) => reopened(&archived, &space, write_id)?,
            None => archived,
        };
        match backend.objects.write(&original, bytes, WriteIf::Absent).await {
            // What is there was put back by an earlier attempt that was cut off: nobody else writes here.
            Ok(_) | Err(PortError::Conflict) => Ok(()),
            Err(PortError::Unavailable(_)) => {
                let there = backend.objects.read(&original).await;
                let there = there.attempted(format!("read {original}"), &backend.place.address)?;
                let lost = || PortError::Unavailable("no answer to the write".to_owned());
                there.map(drop).ok_or_else(lost).attempted(format!("write {original}"), &backend.place.address)
            }
            Err(error) => Err(explain(error, format!("write {original}"), &backend.place.address)),
        }
    }
}
