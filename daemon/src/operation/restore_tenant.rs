//! Brings a tenant that was deleted back from an archive, with a new secret.
//!
//! The archive is marked before the first object is put back, so that nobody takes the name meanwhile and a restoration
//! that was cut off goes on from the same archive.

use std::collections::BTreeSet;
use std::sync::Arc;

use deployer_domain::archive::{Archived, Begun, reopened};
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

use super::archive_tenant::{Found, archives, being_restored, put, refuse_strange_work, remove, under_way, verified};
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

/// Who is to be restored.
#[derive(Debug, Clone)]
pub struct RestoreTenant {
    /// The tenant.
    pub id: TenantId,
    /// The archive, such as `20240120T143000Z`; the newest that was not restored where none is named.
    pub from: Option<String>,
}

/// Restores a tenant. Can be repeated after it was cut off.
pub async fn restore_tenant(
    ports: &Ports,
    caller: &Caller,
    wanted: RestoreTenant,
    steps: Steps<'_>,
) -> Result<RestoredTenant> {
    let id = &wanted.id;
    let access = authorise::admin(ports, caller).await?;
    let registry = registry::registry(ports, &access.backend).await?;
    if registry.tenant(id).is_some() {
        return Err(Error::new(Reason::AlreadyExists, format!("the tenant {id} is not deleted"))
            .hint(format!("look at it with `deployer tenant show {id}`")));
    }
    let all = archives(&access.backend, id).await?;
    let found = chosen(&all, &wanted)?;
    let goes_on = under_way(&all).is_some();
    if !goes_on {
        refuse_strange_work(&access.backend, id).await?;
    }
    let recorder = authorise::recorder(&access, caller, "tenant.restore", id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let known = all.iter().map(|found| found.space.name().to_owned()).collect();
    let restored = Restoration { ports, access: &access, id, found, known, goes_on, steps }.carry_out().await;
    recorder.result(ports, intent, &restored).await;
    restored
}

/// The archive that is named, else the one whose restoration has begun, else the newest that was not restored.
fn chosen(all: &[Found], RestoreTenant { id, from }: &RestoreTenant) -> Result<Found> {
    let under_way = under_way(all);
    let Some(name) = from else {
        let newest = under_way.or_else(|| all.iter().rfind(|found| !found.restored));
        return newest.cloned().ok_or_else(|| {
            not_found(all, format!("there is no archive of a tenant {id} that it was not restored from"))
        });
    };
    match (all.iter().find(|found| found.space.name() == name), under_way) {
        (Some(found), None) => Ok(found.clone()),
        (Some(found), Some(begun)) if found.space == begun.space => Ok(found.clone()),
        (Some(_), Some(begun)) => {
            Err(being_restored(begun, format!("{id} is being restored from another archive already")))
        }
        (None, _) => Err(not_found(all, format!("there is no archive {name} of a tenant {id}"))),
    }
}

fn not_found(all: &[Found], message: String) -> Error {
    let error = Error::new(Reason::NotFound, message);
    if all.is_empty() {
        return error
            .hint("a tenant that was purged cannot be restored; `deployer tenant list --deleted` shows who can be");
    }
    let shown = |found: &Found| {
        let Found { manifest, restored, .. } = found;
        let objects = manifest.objects.len();
        format!("{objects} objects{}", if *restored { ", restored already" } else { "" })
    };
    let error = all.iter().fold(error, |error, found| error.fact(found.space.name(), shown(found)));
    error.hint("choose one of these with --from")
}

struct Restoration<'a> {
    ports: &'a Ports,
    access: &'a AdminAccess,
    id: &'a TenantId,
    found: Found,
    /// The names of all archives of the tenant.
    known: BTreeSet<String>,
    goes_on: bool,
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
        self.begin(&archived.tenant).await?;
        self.put_back().await?;
        (self.steps)("Restoring its objects");
        let tenant = self.register(&archived, &hash).await?;
        (self.steps)("Updating tenants.yaml");
        self.mark().await;
        Ok(RestoredTenant { tenant, secret, objects: self.found.manifest.objects.len() as u64 })
    }

    /// Marks the archive; one that was restored before counts as one that was not.
    async fn begin(&self, tenant: &Tenant) -> Result<()> {
        let (backend, space) = (&self.access.backend, &self.found.space);
        let mark = Begun { begun: Some(self.ports.clock.now()), archives: Some(self.known.clone()) };
        put(backend, &space.restoring(), mark.to_bytes()?).await?;
        if !self.goes_on {
            // What a creation that was cut off may have left is nobody's, and the archive has another.
            remove(backend, vec![tenant.space().config()]).await?;
        }
        if self.found.restored {
            remove(backend, vec![space.restored()]).await?;
        }
        Ok(())
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
