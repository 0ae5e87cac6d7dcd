//! Signs in as a tenant.

use deployer_domain::backend::BackendRef;
use deployer_domain::caller::Caller;
use deployer_domain::context::{CONTEXT_FORMAT, Context};
use deployer_domain::error::Result;
use deployer_domain::name::TenantId;
use deployer_domain::session::{Mode, Session};
use secrecy::SecretString;

use super::record::{AuditOf, Recorder};
use super::show_session::SessionView;
use super::sign_in::{self, Refused, TenantCredentials, VerifiedTenant};
use super::{Ports, Steps, authorise, isolation, remembered};

/// The audit's name of it.
const ACTION: &str = "tenant.login";

/// What is needed to sign in as a tenant.
#[derive(Debug)]
pub struct Login {
    /// Where.
    pub backend: BackendRef,
    /// As whom.
    pub tenant: TenantId,
    /// The tenant's secret.
    pub secret: SecretString,
}

/// Verifies the secret, remembers the session and makes its context the current one.
pub async fn login(ports: &Ports, caller: &Caller, given: Login, steps: Steps<'_>) -> Result<SessionView> {
    let credentials = TenantCredentials { place: &given.backend, tenant: &given.tenant, secret: &given.secret };
    let verified = verified(ports, caller, credentials, steps).await?;
    let session = Session::start(Mode::Tenant, verified.binding, ports.clock.now());
    let context = Context {
        format_version: CONTEXT_FORMAT,
        tenant: Some(given.tenant),
        backend: verified.backend.place.clone(),
        lock_table: sign_in::lock_table(&verified.entry).map(str::to_owned),
        admin_secret: None,
        session: Some(session),
        revoked: false,
    };
    let access = authorise::signed_in(verified.backend, verified.entry, context, caller)?;
    access.config().await?;
    steps("Loading tenant configuration");
    let place = remembered::save(ports, &access.context).await?;
    remembered::set_current(ports, Mode::Tenant, Some(access.context.name())).await?;
    steps("Authentication successful");
    let judged = isolation::judge(ports, caller, &access.backend.place, &access.tenant.id).await;
    let mut view = SessionView::of_tenant(&access, judged.isolation, place.name);
    view.warnings.extend(place.warning);
    view.warnings.extend(verified.warning);
    Ok(view)
}

/// A tenant whose secret was right, and what could not be recorded of it.
pub(super) struct Recorded {
    pub backend: deployer_domain::backend::Backend,
    pub entry: deployer_domain::registry::Derived,
    pub binding: deployer_domain::session::Binding,
    pub warning: Option<String>,
}

/// Verifies the secret and records the sign-in, also a refused one.
pub(super) async fn verified(
    ports: &Ports,
    caller: &Caller,
    given: TenantCredentials<'_>,
    steps: Steps<'_>,
) -> Result<Recorded> {
    let id = given.tenant.clone();
    match sign_in::tenant(ports, caller, given, steps).await {
        Ok(VerifiedTenant { backend, entry, binding }) => {
            let of = AuditOf::Tenant(entry.tenant.space());
            let recorder = Recorder::new(&backend, caller, of, ACTION, id.as_str()).await;
            let warning = recorder.note(ports, &Ok(())).await;
            Ok(Recorded { backend, entry, binding, warning })
        }
        Err(Refused { error, backend, tenant }) => {
            let result: Result<()> = Err(error.clone());
            if let Some(backend) = backend {
                let of = tenant.map_or(AuditOf::Platform, |tenant| AuditOf::Tenant(tenant.space()));
                Recorder::new(&backend, caller, of, ACTION, id.as_str()).await.note(ports, &result).await;
            }
            Err(error)
        }
    }
}
