//! Looking at locks that somebody else may hold, and taking one away: for people, without acquiring.

use std::time::Duration;

use deployer_domain::backend::Backend;
use deployer_domain::key::LockKey;
use deployer_domain::lock::{LockItem, LockWrite, UnlockAudit, Written};
use deployer_domain::name::TenantId;
use deployer_domain::object::PortResult;

use super::LeaseKeeper;
use super::persist::{Persistence, persist};

impl LeaseKeeper {
    /// Reads one lock.
    pub async fn look(&self, backend: &Backend, key: &LockKey) -> PortResult<Option<LockItem>> {
        persist(self.patience(), || backend.locks.read(key)).await
    }

    /// Lists a tenant's locks, released ones included.
    pub async fn look_around(&self, backend: &Backend, tenant: &TenantId) -> PortResult<Vec<LockItem>> {
        persist(self.patience(), || backend.locks.list(tenant)).await
    }

    /// Takes a lock away by force; the audit's id makes repeating it safe.
    pub async fn take_away(&self, backend: &Backend, write: &LockWrite, audit: &UnlockAudit) -> PortResult<Written> {
        persist(self.patience(), || backend.locks.force_release(write, audit)).await
    }

    fn patience(&self) -> Persistence {
        let each = self.timing().operation.max(Duration::from_secs(2));
        Persistence { each, in_all: each * 2 }
    }
}
