//! Changes one tenant's entry, in the registry and in the derived document that tenant mode reads.

use deployer_domain::error::Result;
use deployer_domain::name::TenantId;
use deployer_domain::registry::{Registry, unknown_tenant};
use deployer_domain::tenant::Tenant;
use jiff::Timestamp;

use super::authorise::AdminAccess;
use super::{Ports, entries, registry, registry_edit};

/// Which document says it first; the command succeeds only after both do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// The derived entry: what is taken away is gone at once, also when the command is cut off in its middle.
    Derived,
    /// The registry: what is given counts only once the truth says so.
    Registry,
}

/// A change of one tenant's entry.
pub(super) struct Change<'a> {
    pub id: &'a TenantId,
    pub first: First,
    /// Makes the entry so; asked anew for each version that another admin wrote meanwhile.
    pub change: &'a (dyn Fn(&Tenant) -> Result<Tenant> + Send + Sync),
    /// Whether an entry holds this very change already.
    pub landed: &'a (dyn Fn(&Tenant) -> bool + Send + Sync),
}

impl Change<'_> {
    /// Writes both documents; answers the entry as it is now.
    pub(super) async fn write(&self, ports: &Ports, access: &AdminAccess) -> Result<Tenant> {
        let backend = &access.backend;
        let now = ports.clock.now();
        if self.first == First::Derived {
            let mut registry = Registry::clone(registry::registry(ports, backend).await?.as_ref());
            self.edit(&mut registry, now)?;
            entries::repair_entry(backend, &self.derived(&registry)?).await?;
        }
        let edit = |registry: &mut Registry| self.edit(registry, now);
        let landed = |registry: &Registry| registry.tenant(self.id).is_some_and(self.landed);
        let registry = registry_edit::edit(ports, backend, edit, landed).await?;
        let derived = self.derived(&registry)?;
        entries::repair_entry(backend, &derived).await?;
        ports.caches.entries.forget(self.id);
        Ok(derived.tenant)
    }

    fn edit(&self, registry: &mut Registry, now: Timestamp) -> Result<()> {
        let tenant = registry.tenant(self.id).ok_or_else(|| unknown_tenant(self.id))?;
        let changed = (self.change)(tenant)?;
        registry.update(&changed, now)
    }

    fn derived(&self, registry: &Registry) -> Result<deployer_domain::registry::Derived> {
        registry.derive(self.id).ok_or_else(|| unknown_tenant(self.id))
    }
}
