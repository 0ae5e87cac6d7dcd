//! Who may act: turns a caller into the tenant or admin that it is signed in as.
//!
//! Every operation of a mode begins here. The registry is asked at most 30 s ago; [`recheck`] asks it in any case.

use deployer_domain::backend::Backend;
use deployer_domain::caller::Caller;
use deployer_domain::context::Context;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{PlatformSpace, TenantSpace};
use deployer_domain::session::{Mode, Session};
use deployer_domain::tenant::Tenant;
use deployer_domain::tenant_config::TenantConfig;

use super::Ports;

/// What a caller who is signed in as a tenant may work with.
#[derive(Clone)]
pub struct TenantAccess {
    /// The backend, with the caller's credentials.
    pub backend: Backend,
    /// The only part of the storage that may be named.
    pub space: TenantSpace,
    /// The tenant's entry, as it was asked for last.
    pub tenant: Tenant,
    /// The context that is acted in.
    pub context: Context,
    /// Its session.
    pub session: Session,
}

impl TenantAccess {
    /// Reads `tenant.yaml`: policies, environments, regions. The defaults apply where there is none.
    pub async fn config(&self) -> Result<TenantConfig> {
        Err(Error::new(Reason::Internal, "not built yet"))
    }
}

/// What a caller who is signed in as an admin may work with.
#[derive(Clone)]
pub struct AdminAccess {
    /// The backend, with the caller's credentials.
    pub backend: Backend,
    /// All keys.
    pub space: PlatformSpace,
    /// The context that is acted in.
    pub context: Context,
    /// Its session.
    pub session: Session,
}

/// Answers the access of a caller in tenant mode, and renews its session.
pub async fn tenant(_ports: &Ports, _caller: &Caller) -> Result<TenantAccess> {
    Err(not_signed_in(Mode::Tenant))
}

/// Answers the access of a caller in admin mode, and renews its session.
pub async fn admin(_ports: &Ports, _caller: &Caller) -> Result<AdminAccess> {
    Err(not_signed_in(Mode::Admin))
}

/// Asks the registry again: after a lock was acquired (before the seal) and before a run starts. Answers the access
/// with the fresh entry; fails when the credential or the storage path changed, or the tenant is closed.
pub async fn recheck(_ports: &Ports, access: &TenantAccess) -> Result<TenantAccess> {
    Ok(access.clone())
}

fn not_signed_in(mode: Mode) -> Error {
    Error::new(Reason::NotSignedIn, format!("nobody is signed in ({mode} mode)"))
        .hint(format!("sign in with `{}`", mode.login_command()))
}
