//! Signs in as the platform's admin.

use deployer_domain::backend::BackendRef;
use deployer_domain::caller::Caller;
use deployer_domain::context::{CONTEXT_FORMAT, Context};
use deployer_domain::error::Result;
use deployer_domain::key::PlatformSpace;
use deployer_domain::session::{Mode, Session};
use secrecy::SecretString;

use super::authorise::AdminAccess;
use super::record::{AuditOf, Recorder};
use super::show_session::SessionView;
use super::sign_in::{self, AdminCredentials, Refused, VerifiedAdmin};
use super::{Ports, remembered};

/// The audit's name of it.
const ACTION: &str = "admin.login";

/// What is needed to sign in as an admin.
#[derive(Debug)]
pub struct AdminLogin {
    /// Where.
    pub backend: BackendRef,
    /// The name of the admin secret, where it is not the default one.
    pub admin_secret: Option<String>,
    /// The admin's password.
    pub password: SecretString,
    /// The one-time password, where the admin secret asks for one.
    pub otp: Option<SecretString>,
}

/// Verifies the password, remembers the session and makes its context the current one.
pub async fn admin_login(ports: &Ports, caller: &Caller, given: AdminLogin) -> Result<SessionView> {
    let credentials = AdminCredentials {
        place: &given.backend,
        admin_secret: given.admin_secret.as_deref(),
        password: &given.password,
        otp: given.otp.as_ref(),
        travel: false,
    };
    let VerifiedAdmin { backend, registry, binding, warnings } = verified(ports, caller, credentials).await?;
    let tables = registry.place();
    let session = Session::start(Mode::Admin, binding, ports.clock.now());
    let context = Context {
        format_version: CONTEXT_FORMAT,
        tenant: None,
        backend: given.backend,
        lock_table: Some(tables.lock_table.clone()).filter(|table| !table.is_empty()),
        admin_secret: given.admin_secret,
        session: Some(session.clone()),
        revoked: false,
    };
    let place = remembered::save(ports, &context).await?;
    remembered::set_current(ports, Mode::Admin, Some(context.name())).await?;
    let access = AdminAccess { backend, space: PlatformSpace, context, session, warnings };
    let mut view = SessionView::of_admin(&access, &tables, place.name);
    view.warnings.extend(place.warning);
    Ok(view)
}

/// Verifies the password and records the sign-in, also a refused one.
pub(super) async fn verified(ports: &Ports, caller: &Caller, given: AdminCredentials<'_>) -> Result<VerifiedAdmin> {
    let subject = given.place.address.to_string();
    match sign_in::admin(ports, caller, given).await {
        Ok(mut verified) => {
            let recorder = Recorder::new(&verified.backend, caller, AuditOf::Platform, ACTION, &subject).await;
            let warning = recorder.note(ports, &Ok(())).await;
            verified.warnings.extend(warning);
            Ok(verified)
        }
        Err(Refused { error, backend, .. }) => {
            let result: Result<()> = Err(error.clone());
            if let Some(backend) = backend {
                Recorder::new(&backend, caller, AuditOf::Platform, ACTION, &subject).await.note(ports, &result).await;
            }
            Err(error)
        }
    }
}
