//! Moves everything of a tenant into its archive, and finds archives again.

use std::sync::Arc;

use deployer_domain::archive::{Archived, Begun, Manifest};
use deployer_domain::backend::{Backend, BackendAddress};
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{ArchiveSpace, ObjectKey, PlatformSpace};
use deployer_domain::name::TenantId;
use deployer_domain::object::{ObjectStore, PortError, WriteIf};
use deployer_domain::port_error::{Attempted, explain};
use deployer_domain::registry::{Derived, unknown_tenant};
use jiff::Timestamp;

use super::bounded;

/// How often the folder is looked at again for what others wrote meanwhile, such as a refused sign-in's record.
const ROUNDS: usize = 5;

/// An archive that is complete.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub space: ArchiveSpace,
    pub manifest: Manifest,
    /// Whether the tenant was restored from it.
    pub restored: bool,
    /// Whether a restoration from it has begun.
    pub begun: bool,
}

/// The archive from which a restoration has begun and not ended.
pub(super) fn under_way(all: &[Found]) -> Option<&Found> {
    all.iter().find(|found| !found.restored && found.begun)
}

/// What the marks of an archive say.
struct Marks {
    restored: bool,
    begun: Option<Begun>,
}

/// Finds the complete archives of a tenant, oldest first. Its last mark may be missing where a restoration was cut off
/// at the very end: it has ended all the same where the tenant was deleted again since.
pub(super) async fn archives(backend: &Backend, id: &TenantId) -> Result<Vec<Found>> {
    let folders = folders(backend, id).await?;
    let found = bounded::map(folders, |space| {
        let (objects, address) = (Arc::clone(&backend.objects), backend.place.address.clone());
        async move {
            let key = space.manifest();
            let Some(object) = objects.read(&key).await.attempted(format!("read {key}"), &address)? else {
                return Ok(None);
            };
            let manifest = Manifest::parse(&object.bytes, &key)?;
            Ok(Some((marks(&*objects, &space, &address).await?, space, manifest)))
        }
    });
    let found: Vec<_> = found.await?.into_iter().flatten().collect();
    let names: Vec<String> = found.iter().map(|(_, space, _)| space.name().to_owned()).collect();
    let judged = found.into_iter().map(|(marks, space, manifest)| {
        let begun = marks.begun.is_some();
        let ended = marks.begun.is_some_and(|mark| mark.has_ended(names.iter().map(String::as_str)));
        Found { space, manifest, restored: marks.restored || ended, begun }
    });
    Ok(judged.collect())
}

async fn marks(objects: &dyn ObjectStore, space: &ArchiveSpace, address: &BackendAddress) -> Result<Marks> {
    let mark = space.restored();
    let restored = objects.read(&mark).await.attempted(format!("read {mark}"), address)?.is_some();
    let mark = space.restoring();
    let begun = objects.read(&mark).await.attempted(format!("read {mark}"), address)?;
    Ok(Marks { restored, begun: begun.map(|object| Begun::parse(&object.bytes)) })
}

/// Refuses to use the name of a tenant that is being brought back, or below whose name somebody's work lies.
pub(super) async fn refuse_occupied(backend: &Backend, id: &TenantId) -> Result<()> {
    if let Some(found) = under_way(&archives(backend, id).await?) {
        return Err(being_restored(found, format!("a deleted tenant {id} is being restored")));
    }
    refuse_strange_work(backend, id).await
}

/// What is said where a restoration has begun and not ended, and how it ends.
pub(super) fn being_restored(found: &Found, message: String) -> Error {
    let (space, id) = (&found.space, &found.manifest.tenant);
    let prefix = PlatformSpace.tenant_folder(id);
    Error::new(Reason::StateConflict, message)
        .fact("From", space.name())
        .hint(format!("bring that to its end first: `deployer tenant restore {id}`"))
        .hint(format!(
            "or give it up: remove {} and then {} with the storage's own tools",
            prefix.as_str(),
            space.restoring()
        ))
}

/// Refuses a name below which somebody's work lies.
pub(super) async fn refuse_strange_work(backend: &Backend, id: &TenantId) -> Result<()> {
    let prefix = PlatformSpace.tenant_folder(id);
    let listed = backend.objects.list(&prefix).await;
    let listed = listed.attempted(format!("list {}", prefix.as_str()), &backend.place.address)?;
    let work: Vec<ObjectKey> =
        listed.into_iter().map(|listed| listed.key).filter(|key| PlatformSpace.is_work(id, key)).collect();
    if work.is_empty() {
        return Ok(());
    }
    let message = format!("{} objects lie below {} already, of no tenant that is known", work.len(), prefix.as_str());
    let error = Error::new(Reason::AlreadyExists, message);
    Err(work
        .iter()
        .take(10)
        .fold(error, |error, key| error.fact("Object", key))
        .hint("look whose they are; move them away with the storage's own tools, or choose another name"))
}

/// What is said of a tenant that the registry does not know: how it comes back where it was deleted.
pub(super) async fn unknown(backend: &Backend, id: &TenantId) -> Error {
    let error = unknown_tenant(id);
    let found = archives(backend, id).await.unwrap_or_default();
    let Some(newest) = found.iter().rfind(|found| !found.restored) else { return error };
    error
        .fact("Deleted", newest.manifest.deleted.strftime("%Y-%m-%d %H:%M UTC"))
        .fact("Kept until", newest.manifest.purgeable().strftime("%Y-%m-%d %H:%M UTC"))
        .hint(format!("`deployer tenant restore {id}` brings it back; `deployer tenant list --deleted` shows all"))
}

async fn folders(backend: &Backend, id: &TenantId) -> Result<Vec<ArchiveSpace>> {
    let names = backend.objects.folders(&PlatformSpace.archives(id)).await;
    let names = names.attempted(format!("list the archives of {id}"), &backend.place.address)?;
    Ok(names.iter().filter_map(|name| PlatformSpace.archive_of(id, name)).collect())
}

/// One archive in the making. Everything can be repeated: what is there already is compared, not copied again.
pub(super) struct Archiving<'a> {
    backend: &'a Backend,
    id: &'a TenantId,
    space: ArchiveSpace,
    manifest: Manifest,
}

impl<'a> Archiving<'a> {
    /// Begins an archive, or goes on with the newest one where an earlier deletion was cut off.
    pub(super) async fn begin(backend: &'a Backend, entry: &'a Derived, again: bool, now: Timestamp) -> Result<Self> {
        let id = &entry.tenant.id;
        let earlier = if again { folders(backend, id).await?.pop() } else { None };
        let space = earlier.unwrap_or_else(|| PlatformSpace.archive(id, now));
        let key = space.manifest();
        let stored = backend.objects.read(&key).await.attempted(format!("read {key}"), &backend.place.address)?;
        let manifest = match stored {
            Some(object) => Manifest::parse(&object.bytes, &key)?,
            None => {
                let text = String::from_utf8_lossy(&entry.to_bytes()?).into_owned();
                Manifest::new(id.clone(), now, text)
            }
        };
        Ok(Self { backend, id, space, manifest })
    }

    /// Copies everything, writes the manifest, then removes the originals; again for what was written meanwhile.
    pub(super) async fn carry_out(mut self) -> Result<Found> {
        for _ in 0..ROUNDS {
            let prefix = PlatformSpace.tenant_folder(self.id);
            let listed = self.backend.objects.list(&prefix).await;
            let listed = listed.attempted(format!("list {}", prefix.as_str()), &self.backend.place.address)?;
            if listed.is_empty() {
                return Ok(Found { space: self.space, manifest: self.manifest, restored: false, begun: false });
            }
            let keys: Vec<ObjectKey> = listed.into_iter().map(|listed| listed.key).collect();
            self.copy(&keys).await?;
            self.note().await?;
            remove(self.backend, keys).await?;
        }
        Err(Error::new(Reason::StateConflict, format!("something goes on writing below tenants/{}/", self.id))
            .hint("find out what writes there, then run the command again"))
    }

    async fn copy(&mut self, keys: &[ObjectKey]) -> Result<()> {
        let pairs = keys.iter().filter_map(|key| Some((key.clone(), self.space.copy_of(key)?)));
        let copied = bounded::map(pairs, |(from, to)| {
            let backend = self.backend.clone();
            async move {
                let mut copied = backend.objects.copy(&from, &to).await;
                if let Err(PortError::Unavailable(_)) = copied {
                    copied = backend.objects.copy(&from, &to).await;
                }
                let copied = copied.attempted(format!("copy {from}"), &backend.place.address)?;
                Ok(copied.map(|archived| (from, archived)))
            }
        });
        for (key, archived) in copied.await?.into_iter().flatten() {
            if let Some(name) = self.space.name_of(&key) {
                self.manifest.objects.insert(name.to_owned(), archived);
            }
        }
        Ok(())
    }

    async fn note(&self) -> Result<()> {
        put(self.backend, &self.space.manifest(), self.manifest.to_bytes()?).await
    }
}

/// Writes a document that only this deletion or restoration writes: nobody works below the tenant's name meanwhile.
pub(super) async fn put(backend: &Backend, key: &ObjectKey, bytes: Vec<u8>) -> Result<()> {
    let mut again = true;
    loop {
        match backend.objects.write(key, bytes.clone(), WriteIf::Always).await {
            Ok(_) => return Ok(()),
            Err(PortError::Unavailable(_)) if again => again = false,
            Err(error) => return Err(explain(error, format!("write {key}"), &backend.place.address)),
        }
    }
}

/// Deletes objects; those that are gone already are no error.
pub(super) async fn remove(backend: &Backend, keys: Vec<ObjectKey>) -> Result<()> {
    let removed = bounded::map(keys, |key| {
        let (objects, address) = (Arc::clone(&backend.objects), backend.place.address.clone());
        async move { objects.delete(&key).await.attempted(format!("delete {key}"), &address) }
    });
    removed.await.map(drop)
}

/// Reads an archived object and compares it with what the manifest says.
pub(super) async fn verified(
    objects: &dyn ObjectStore,
    backend: &Backend,
    key: &ObjectKey,
    expected: &Archived,
) -> Result<Vec<u8>> {
    let damaged = |why: &str| {
        Error::new(Reason::StateConflict, format!("{key} is not what was archived"))
            .caused_by(why)
            .hint("restore an earlier version of the object with the storage's own tools, then run the command again")
    };
    let read = objects.read(key).await.attempted(format!("read {key}"), &backend.place.address)?;
    let Some(object) = read else { return Err(damaged("it is gone")) };
    if Archived::of(&object.bytes) != *expected {
        return Err(damaged("its checksum differs from the manifest's"));
    }
    Ok(object.bytes)
}
