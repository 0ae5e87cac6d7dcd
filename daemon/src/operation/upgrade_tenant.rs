//! Moves a tenant's state into another version namespace. The old one is kept, sealed.
//!
//! The tenant is closed while it moves: no sign-ins, no commands. An upgrade that is cut off leaves it so; the same command
//! brings it to its end, or [`abort_upgrade`](super::abort_upgrade) takes it back. No version is used twice: what was left
//! in one could not be told from what arrives.

use std::collections::BTreeSet;
use std::time::Duration;

use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{MoveSpace, PlatformSpace, TenantSpace};
use deployer_domain::moving::place_of;
use deployer_domain::name::{StateVersion, TenantId};
use deployer_domain::object::{PortError, WriteIf};
use deployer_domain::port_error::{Attempted, explain};
use deployer_domain::registry::unknown_tenant;
use deployer_domain::state::StateDocument;
use deployer_domain::tenant::Tenant;
use deployer_domain::tenant_config::TenantConfig;

use super::authorise::AdminAccess;
use super::change_tenant::{Change, First};
use super::lock_many::{Locking, Locks};
use super::move_objects::{copy, find, refuse_closed};
use super::tenant_states::open;
use super::{Ports, Steps, authorise, registry};

/// What is to be moved where.
#[derive(Debug, Clone)]
pub struct UpgradeTenant {
    /// The tenant.
    pub id: TenantId,
    /// The new version namespace.
    pub to: StateVersion,
    /// How long to wait for locks that are held.
    pub wait: Duration,
}

/// A tenant that was moved.
#[derive(Debug)]
pub struct UpgradedTenant {
    /// The tenant as it is now.
    pub tenant: Tenant,
    /// The old path, which is kept.
    pub from: String,
    /// Objects that were copied.
    pub objects: u64,
}

/// Moves a tenant's state. Fails with `ALREADY_EXISTS` where the version was used before, with `LOCK_HELD` while somebody
/// works; the tenant is then as it was before.
pub async fn upgrade_tenant(
    ports: &Ports,
    caller: &Caller,
    wanted: UpgradeTenant,
    steps: Steps<'_>,
) -> Result<UpgradedTenant> {
    let access = authorise::admin(ports, caller).await?;
    let registry = registry::registry(ports, &access.backend).await?;
    let before = registry.tenant(&wanted.id).ok_or_else(|| unknown_tenant(&wanted.id))?.clone();
    if before.storage.version == wanted.to {
        return Err(Error::new(Reason::AlreadyExists, format!("{} works in {} already", wanted.id, wanted.to))
            .hint(format!("look at it with `deployer tenant show {}`", wanted.id)));
    }
    before.moving(&wanted.to)?;
    let space = PlatformSpace.upgrade(&wanted.id, &before.storage.version, &wanted.to);
    if before.in_move().is_none() {
        refuse_used(&access.backend, &wanted).await?;
        refuse_closed(&access.backend, &find(&access.backend, &space).await?).await?;
    }
    let recorder = authorise::recorder(&access, caller, "tenant.upgrade", wanted.id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let upgrade = Upgrade { ports, caller, access: &access, wanted: &wanted, before: &before, space, steps };
    let upgraded = upgrade.carry_out().await;
    recorder.result(ports, intent, &upgraded).await;
    upgraded
}

/// Refuses a version that holds anything: of an earlier move, or of nobody knows whom.
async fn refuse_used(backend: &Backend, wanted: &UpgradeTenant) -> Result<()> {
    let UpgradeTenant { id, to, .. } = wanted;
    let folders = backend.objects.folders(&PlatformSpace.tenant_folder(id)).await;
    let folders = folders.attempted(format!("list the versions of {id}"), &backend.place.address)?;
    let used: BTreeSet<StateVersion> = folders.iter().filter_map(|folder| folder.parse().ok()).collect();
    if !used.contains(to) {
        return Ok(());
    }
    let message = format!("{id} has used {to} before: tenants/{id}/{to}/ is not empty");
    let hint = match StateVersion::after(&used) {
        Some(next) => format!("no version is used twice: choose one that never was, such as --to {next}"),
        None => "no version is used twice: choose one that never was".to_owned(),
    };
    Err(Error::new(Reason::AlreadyExists, message).hint(hint))
}

struct Upgrade<'a> {
    ports: &'a Ports,
    caller: &'a Caller,
    access: &'a AdminAccess,
    wanted: &'a UpgradeTenant,
    before: &'a Tenant,
    space: MoveSpace,
    steps: Steps<'a>,
}

impl Upgrade<'_> {
    async fn carry_out(self) -> Result<UpgradedTenant> {
        let backend = &self.access.backend;
        self.change(First::Derived, &|tenant| tenant.moving(&self.wanted.to)).await?;
        (self.steps)("Closing the tenant");
        let locks = match self.lock().await {
            Ok(locks) => locks,
            Err(error) => {
                // What was not begun before is taken back; what was, goes on with the same command.
                if self.before.in_move().is_none() {
                    self.take_back().await;
                }
                return Err(error);
            }
        };
        let to = self.space.to().clone();
        let left =
            |state: &mut StateDocument| state.moved_to = Some(place_of(&to.stack(&state.stack, &state.environment)));
        let sealed = locks.update(left).await;
        locks.release().await;
        sealed?;
        (self.steps)("Sealing its states");
        let found = find(backend, &self.space).await?;
        copy(backend, &self.space, &found).await?;
        point_config(backend, self.space.to()).await?;
        (self.steps)("Copying and comparing");
        let tenant = self.change(First::Registry, &|tenant| tenant.moved(&self.wanted.to)).await?;
        (self.steps)("Updating tenants.yaml");
        let from = self.space.from().trim_end_matches('/').to_owned();
        Ok(UpgradedTenant { tenant, from, objects: found.objects() })
    }

    async fn change(&self, first: First, change: &(dyn Fn(&Tenant) -> Result<Tenant> + Send + Sync)) -> Result<Tenant> {
        let landed = |tenant: &Tenant| change(tenant).is_ok_and(|wanted| wanted == *tenant);
        Change { id: &self.wanted.id, first, change, landed: &landed }.write(self.ports, self.access).await
    }

    async fn take_back(&self) {
        if let Err(error) = self.change(First::Registry, &|tenant| tenant.stayed()).await {
            tracing::warn!(tenant = %self.wanted.id, %error, "a tenant whose upgrade was refused is still closed");
        }
    }

    /// Takes the locks of all states of the old place that have not left it yet.
    async fn lock(&self) -> Result<Locks> {
        let locking = Locking {
            ports: self.ports,
            caller: self.caller,
            backend: &self.access.backend,
            operation: "tenant upgrade",
            wait: self.wanted.wait,
        };
        let states = open(&self.access.backend, &self.wanted.id).await?;
        let here = states.into_iter().map(|(space, _)| space);
        let here = here.filter(|place| place.everything().as_str().starts_with(self.space.from()));
        locking.take(here.collect()).await
    }
}

/// Makes `tenant.yaml` say where the state is now.
pub(super) async fn point_config(backend: &Backend, space: &TenantSpace) -> Result<()> {
    let (key, address) = (space.config(), &backend.place.address);
    for _ in 0..5 {
        let found = backend.objects.read(&key).await.attempted(format!("read {key}"), address)?;
        let Some(object) = found else { return Ok(()) };
        let bytes = TenantConfig::moved(&object.bytes, key.as_str(), space)?;
        if bytes == object.bytes {
            return Ok(());
        }
        match backend.objects.write(&key, bytes, WriteIf::Unchanged(object.etag)).await {
            Ok(_) => return Ok(()),
            Err(PortError::Conflict | PortError::Gone | PortError::Unavailable(_)) => {}
            Err(error) => return Err(explain(error, format!("write {key}"), address)),
        }
    }
    Err(explain(PortError::Conflict, format!("write {key}"), address))
}
