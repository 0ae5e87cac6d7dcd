//! Shows a session, and renews it.

use deployer_domain::backend::{BackendAddress, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::context::ContextName;
use deployer_domain::error::Result;
use deployer_domain::isolation::Isolation;
use deployer_domain::registry::Place;
use deployer_domain::session::{Mode, Session};
use deployer_domain::tenant::Tenant;

use super::authorise::{self, AdminAccess, TenantAccess};
use super::{Ports, isolation, registry, remembered};

/// A session as it is shown.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Its mode.
    pub mode: Mode,
    /// The context that holds it.
    pub context: ContextName,
    /// The backend that was signed in to.
    pub backend: BackendRef,
    /// The tenant, in tenant mode.
    pub tenant: Option<Tenant>,
    /// Where tenants are, as the registry says it.
    pub place: Place,
    /// Its times.
    pub session: Session,
    /// Where it is stored, for people.
    pub saved_to: String,
    /// How strictly the cloud keeps this tenant apart, in tenant mode.
    pub isolation: Option<Isolation>,
    /// Things worth a warning.
    pub warnings: Vec<String>,
}

impl SessionView {
    /// The session of a tenant.
    pub fn of_tenant(access: &TenantAccess, isolation: Isolation, saved_to: String) -> Self {
        Self {
            mode: Mode::Tenant,
            context: access.context.name(),
            backend: access.backend.place.clone(),
            tenant: Some(access.tenant.clone()),
            place: access.place.clone(),
            session: access.session.clone(),
            saved_to,
            isolation: Some(isolation),
            warnings: Vec::new(),
        }
    }

    /// The session of an admin.
    pub fn of_admin(access: &AdminAccess, place: &Place, saved_to: String) -> Self {
        Self {
            mode: Mode::Admin,
            context: access.context.name(),
            backend: access.backend.place.clone(),
            tenant: None,
            place: place.clone().or_of(&access.backend.place.address),
            session: access.session.clone(),
            saved_to,
            isolation: None,
            warnings: access.warnings.clone(),
        }
    }

    /// The region that is used; empty on local backends.
    pub fn region(&self) -> &str {
        match (&self.backend.address, &self.backend.region) {
            (BackendAddress::Local(_), _) => "",
            (_, Some(region)) => region,
            (_, None) => &self.place.region,
        }
    }
}

/// Shows the current session of a mode, or the one that the caller names, whose own mode then counts.
pub async fn show_session(ports: &Ports, caller: &Caller, mode: Mode) -> Result<SessionView> {
    let mode = remembered::mode_of(ports, caller).await?.unwrap_or(mode);
    let mut view = match mode {
        Mode::Tenant => {
            let access = authorise::tenant(ports, caller).await?;
            let judged = isolation::judge(ports, caller, &access.backend.place, &access.tenant.id).await;
            SessionView::of_tenant(&access, judged.isolation, String::new())
        }
        Mode::Admin => {
            let access = authorise::admin(ports, caller).await?;
            let registry = registry::registry(ports, &access.backend).await?;
            SessionView::of_admin(&access, &registry.place(), String::new())
        }
    };
    if caller.sign_in.is_some() {
        view.saved_to = "nowhere: signed in for this command only".to_owned();
    } else {
        let place = ports.vault.place(view.context.as_str()).await;
        view.saved_to = place.name;
        view.warnings.extend(place.warning);
    }
    Ok(view)
}
