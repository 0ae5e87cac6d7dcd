//! Removes the archives of a tenant for ever, once their time is over.

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::ObjectKey;
use deployer_domain::name::TenantId;
use deployer_domain::port_error::Attempted;

use super::archive_tenant::{Found, archives, being_restored, remove, under_way};
use super::authorise::AdminAccess;
use super::{Ports, authorise, registry};

/// What was removed for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PurgedTenant {
    /// How many archives.
    pub archives: u32,
    /// How many objects were in them.
    pub objects: u64,
}

/// Purges the archives of a tenant whose grace period is over. Fails with `NOT_FOUND` where there is none, with
/// `POLICY_DENIED` where all are too young, with `STATE_CONFLICT` while one is restored from. Can be repeated.
pub async fn purge_tenant(ports: &Ports, caller: &Caller, id: &TenantId) -> Result<PurgedTenant> {
    let access = authorise::admin(ports, caller).await?;
    let found = archives(&access.backend, id).await?;
    if let Some(begun) = under_way(&found) {
        return Err(being_restored(begun, format!("nothing of {id} is purged: it is being restored")));
    }
    let lives = registry::registry(ports, &access.backend).await?.tenant(id).is_some();
    let due = due(ports, id, found, lives)?;
    let recorder = authorise::recorder(&access, caller, "tenant.purge", id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let purged = purge(&access, due).await;
    recorder.result(ports, intent, &purged).await;
    purged
}

fn due(ports: &Ports, id: &TenantId, found: Vec<Found>, lives: bool) -> Result<Vec<Found>> {
    let now = ports.clock.now();
    let Some(next) = found.iter().map(|found| found.manifest.purgeable()).min() else {
        return Err(Error::new(Reason::NotFound, format!("there is no archive of a tenant {id}"))
            .hint("only tenants that were deleted can be purged: `deployer tenant delete`"));
    };
    let due: Vec<Found> = found.into_iter().filter(|found| found.manifest.purgeable() <= now).collect();
    if due.is_empty() {
        let message = format!("the archive of {id} cannot be purged yet");
        let hint = match lives {
            true => format!("a tenant {id} lives, and has nothing to do with it: only its earlier life is kept"),
            false => format!("until then `deployer tenant restore {id}` brings it back"),
        };
        return Err(Error::new(Reason::PolicyDenied, message)
            .fact("Kept until", next.strftime("%Y-%m-%d %H:%M UTC"))
            .hint(hint));
    }
    Ok(due)
}

async fn purge(access: &AdminAccess, due: Vec<Found>) -> Result<PurgedTenant> {
    let backend = &access.backend;
    let mut purged = PurgedTenant::default();
    for Found { space, .. } in due {
        let listed = backend.objects.list(&space.everything()).await;
        let listed = listed.attempted(format!("list {}", space.path()), &backend.place.address)?;
        let manifest = space.manifest();
        let (last, first): (Vec<ObjectKey>, Vec<ObjectKey>) =
            listed.into_iter().map(|listed| listed.key).partition(|key| *key == manifest);
        purged.objects += first.len() as u64;
        // The manifest goes last, so that an archive that was purged in part is found again.
        remove(backend, first).await?;
        remove(backend, last).await?;
        purged.archives += 1;
    }
    Ok(purged)
}
