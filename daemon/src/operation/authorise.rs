//! Who may act: turns a caller into the tenant or admin that it is signed in as.
//!
//! Every operation of a mode begins here. The registry was asked at most 30 s ago; [`recheck`] asks it in any case.

use deployer_domain::backend::{Backend, BackendRef};
use deployer_domain::caller::{Caller, InlineSignIn};
use deployer_domain::change::Owner;
use deployer_domain::context::{CONTEXT_FORMAT, Context};
use deployer_domain::credential::{ADMIN_SECRET, revoked};
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::{PlatformSpace, TenantSpace};
use deployer_domain::port_error::Attempted;
use deployer_domain::registry::{Derived, Place};
use deployer_domain::session::{Binding, Mode, Session};
use deployer_domain::tenant::{Tenant, TenantStatus};
use deployer_domain::tenant_config::TenantConfig;

use super::entries::{self, Freshness};
use super::record::{AuditOf, Recorder};
use super::sign_in::{self, AdminCredentials, TenantCredentials, VerifiedInline};
use super::{Ports, remembered, take_over};

/// What a caller who is signed in as a tenant may work with.
#[derive(Clone)]
pub struct TenantAccess {
    /// The backend, with the caller's credentials.
    pub backend: Backend,
    /// The only part of the storage that may be named.
    pub space: TenantSpace,
    /// The tenant's entry, as it was asked for last.
    pub tenant: Tenant,
    /// Where tenants are, as the registry says it.
    pub place: Place,
    /// The context that is acted in.
    pub context: Context,
    /// Its session.
    pub session: Session,
    caller: Caller,
}

impl TenantAccess {
    /// Reads `tenant.yaml`: policies, environments, regions. The defaults apply where there is none.
    pub async fn config(&self) -> Result<TenantConfig> {
        let key = self.space.config();
        let read = self.backend.objects.read(&key).await;
        match read.attempted(format!("read {key}"), &self.backend.place.address)? {
            Some(object) => TenantConfig::parse(&object.bytes, key.as_str()),
            None => Ok(TenantConfig::of(&self.tenant, &self.place)),
        }
    }

    /// Whose changes it may hear of.
    pub fn owner(&self) -> Owner {
        Owner { backend: self.backend.place.address.clone(), tenant: self.tenant.id.clone() }
    }

    fn new(backend: Backend, entry: Derived, context: Context, session: Session, caller: &Caller) -> Self {
        Self {
            space: entry.tenant.space(),
            place: entry.place.or_of(&backend.place.address),
            backend,
            tenant: entry.tenant,
            context,
            session,
            caller: caller.clone(),
        }
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
    /// Things worth a warning, such as an old password; only of a sign-in for one call.
    pub warnings: Vec<String>,
}

/// Answers the access of a caller in tenant mode, and renews its session. What a dead incarnation of this daemon left
/// may use the caller's credentials.
pub async fn tenant(ports: &Ports, caller: &Caller) -> Result<TenantAccess> {
    let mut access = tenant_in_passing(ports, caller).await?;
    if caller.sign_in.is_none() && access.tenant.status == TenantStatus::Active {
        access.session = renew(ports, &mut access.context, access.session).await;
    }
    take_over::lend(ports, &access);
    Ok(access)
}

/// The same for what nobody asks for at this moment: that is no use of the session, so it does not renew it.
pub(super) async fn tenant_in_passing(ports: &Ports, caller: &Caller) -> Result<TenantAccess> {
    if let Some(sign_in) = &caller.sign_in {
        return inline_tenant(ports, caller, sign_in).await;
    }
    let (context, session) = live(ports, caller, Mode::Tenant).await?;
    let Some(id) = context.tenant.clone() else { return Err(not_signed_in(Mode::Tenant)) };
    let mut backend = ports.backends.open(&context.backend, context.lock_table.as_deref(), caller).await?;
    let entry = entries::entry(ports, caller, &backend, &id, Freshness::Remembered).await?;
    let entry = match entry {
        Some(entry) if Binding::to(&entry.tenant.credentials.hash) == session.binding => entry,
        _ => return Err(revoke(ports, context, &session).await),
    };
    if let TenantStatus::Closed(_) = entry.tenant.status {
        return Err(sign_in::closed(&entry.tenant));
    }
    let mut context = context;
    if sign_in::lock_table(&entry) != context.lock_table.as_deref() {
        context.lock_table = sign_in::lock_table(&entry).map(str::to_owned);
        backend = ports.backends.open(&context.backend, context.lock_table.as_deref(), caller).await?;
    }
    Ok(TenantAccess::new(backend, entry, context, session, caller))
}

/// The access of a tenant that has just signed in.
pub(super) fn signed_in(backend: Backend, entry: Derived, context: Context, caller: &Caller) -> Result<TenantAccess> {
    let Some(session) = context.session.clone() else { return Err(not_signed_in(Mode::Tenant)) };
    Ok(TenantAccess::new(backend, entry, context, session, caller))
}

/// Answers the access of a caller in admin mode, and renews its session.
pub async fn admin(ports: &Ports, caller: &Caller) -> Result<AdminAccess> {
    if let Some(sign_in) = &caller.sign_in {
        return inline_admin(ports, caller, sign_in).await;
    }
    let (mut context, session) = live(ports, caller, Mode::Admin).await?;
    let backend = ports.backends.open(&context.backend, context.lock_table.as_deref(), caller).await?;
    let name = context.admin_secret.as_deref().unwrap_or(ADMIN_SECRET);
    if sign_in::admin_binding(ports, caller, &backend, name).await? != session.binding {
        return Err(revoke(ports, context, &session).await);
    }
    let session = renew(ports, &mut context, session).await;
    Ok(AdminAccess { backend, space: PlatformSpace, context, session, warnings: Vec::new() })
}

/// Asks the registry again: after a lock was acquired (before the seal) and before a run starts. Answers the access
/// with the fresh entry; fails when the credential or the storage path changed, or the tenant is closed.
pub async fn recheck(ports: &Ports, access: &TenantAccess) -> Result<TenantAccess> {
    let id = access.space.id();
    let entry = entries::entry(ports, &access.caller, &access.backend, id, Freshness::Asked).await?;
    let entry = match entry {
        Some(entry) if Binding::to(&entry.tenant.credentials.hash) == access.session.binding => entry,
        _ if access.caller.sign_in.is_some() => return Err(revoked()),
        _ => return Err(revoke(ports, access.context.clone(), &access.session).await),
    };
    if let TenantStatus::Closed(_) = entry.tenant.status {
        return Err(sign_in::closed(&entry.tenant));
    }
    if entry.tenant.space() != access.space {
        return Err(Error::new(Reason::StateConflict, format!("the storage of {id} moved meanwhile"))
            .fact("From", access.space.path())
            .fact("To", entry.tenant.space().path())
            .hint("run the command again"));
    }
    Ok(TenantAccess { place: entry.place.or_of(&access.backend.place.address), tenant: entry.tenant, ..access.clone() })
}

/// The context that the caller acts in and its session, if time has not ended it.
async fn live(ports: &Ports, caller: &Caller, mode: Mode) -> Result<(Context, Session)> {
    let Some(context) = remembered::chosen(ports, caller, mode).await? else { return Err(not_signed_in(mode)) };
    match context.session.clone() {
        Some(session) if session.is_expired(ports.clock.now()) => {
            Err(Error::new(Reason::SessionExpired, format!("the session of {} has expired", context.name()))
                .fact("Expired", session.expires.min(session.hard_expires).strftime("%Y-%m-%d %H:%M:%S UTC"))
                .hint(format!("sign in again with `{}`", mode.login_command())))
        }
        Some(session) => Ok((context, session)),
        None if context.revoked => Err(revoked()),
        None => Err(not_signed_in(mode).fact("Context", context.name())),
    }
}

/// Ends a session whose credential changed. Every later command hears the same until somebody signs in again; who has done
/// so meanwhile is left alone: an old run may hear of it long after.
async fn revoke(ports: &Ports, context: Context, session: &Session) -> Error {
    let ended = Context { session: None, revoked: true, ..context };
    if let Err(error) = remembered::save_over(ports, session, &ended).await {
        tracing::warn!(context = %ended.name(), %error, "a session that has ended is still saved");
    }
    revoked()
}

/// Renews a session by its use. A vault that cannot be written to does not stop the command.
async fn renew(ports: &Ports, context: &mut Context, session: Session) -> Session {
    let Some(renewed) = session.renewed(context.mode(), ports.clock.now()) else { return session };
    context.session = Some(renewed.clone());
    match remembered::save_over(ports, &session, context).await {
        Ok(_) => renewed,
        Err(error) => {
            tracing::warn!(context = %context.name(), %error, "a session was not renewed");
            session
        }
    }
}

async fn inline_tenant(ports: &Ports, caller: &Caller, given: &InlineSignIn) -> Result<TenantAccess> {
    let Some(id) = &given.tenant else { return Err(wrong_mode(Mode::Tenant)) };
    let place = BackendRef { tenant: Some(id.clone()), ..given.backend.clone() };
    if let Some(access) = verified_before(ports, caller, given, &place).await? {
        return Ok(access);
    }
    let credentials = TenantCredentials { place: &place, tenant: id, secret: &given.secret };
    let verified = super::login::verified(ports, caller, credentials, &|_| {}).await?;
    let mark = VerifiedInline::mark(&place, &verified.entry.tenant.credentials.hash, &given.secret);
    ports.caches.inline.add(mark);
    let session = Session::start(Mode::Tenant, verified.binding, ports.clock.now());
    let context = unsaved(place, &session);
    Ok(TenantAccess::new(verified.backend, verified.entry, context, session, caller))
}

/// The access of credentials that were right in an earlier call of the same command.
async fn verified_before(
    ports: &Ports,
    caller: &Caller,
    given: &InlineSignIn,
    place: &BackendRef,
) -> Result<Option<TenantAccess>> {
    let Some(id) = &given.tenant else { return Ok(None) };
    let backend = ports.backends.open(place, None, caller).await?;
    let Some(entry) = entries::entry(ports, caller, &backend, id, Freshness::Remembered).await? else {
        return Ok(None);
    };
    let hash = &entry.tenant.credentials.hash;
    let known = ports.caches.inline.has(&VerifiedInline::mark(place, hash, &given.secret));
    if !known || entry.tenant.status != TenantStatus::Active {
        return Ok(None);
    }
    let backend = ports.backends.open(place, sign_in::lock_table(&entry), caller).await?;
    let session = Session::start(Mode::Tenant, Binding::to(hash), ports.clock.now());
    let context = unsaved(place.clone(), &session);
    Ok(Some(TenantAccess::new(backend, entry, context, session, caller)))
}

async fn inline_admin(ports: &Ports, caller: &Caller, given: &InlineSignIn) -> Result<AdminAccess> {
    if given.tenant.is_some() {
        return Err(wrong_mode(Mode::Admin));
    }
    let credentials = AdminCredentials {
        place: &given.backend,
        admin_secret: None,
        password: &given.secret,
        otp: given.otp.as_ref(),
        travel: true,
    };
    let verified = super::admin_login::verified(ports, caller, credentials).await?;
    let session = Session::start(Mode::Admin, verified.binding, ports.clock.now());
    let context = unsaved(given.backend.clone(), &session);
    let warnings = verified.warnings;
    Ok(AdminAccess { backend: verified.backend, space: PlatformSpace, context, session, warnings })
}

/// The context of a sign-in that nothing is stored of.
fn unsaved(backend: BackendRef, session: &Session) -> Context {
    Context {
        format_version: CONTEXT_FORMAT,
        tenant: backend.tenant.clone(),
        backend,
        lock_table: None,
        admin_secret: None,
        session: Some(session.clone()),
        revoked: false,
    }
}

fn wrong_mode(mode: Mode) -> Error {
    let (given, needed) = match mode {
        Mode::Tenant => ("an admin", "DEPLOYER_TENANT and DEPLOYER_SECRET"),
        Mode::Admin => ("a tenant", "DEPLOYER_ADMIN_PASSWORD"),
    };
    Error::new(
        Reason::NotSignedIn,
        format!("this command needs {mode} mode, the call carries the credentials of {given}"),
    )
    .hint(format!("set {needed}"))
}

fn not_signed_in(mode: Mode) -> Error {
    Error::new(Reason::NotSignedIn, format!("nobody is signed in ({mode} mode)"))
        .hint(format!("sign in with `{}`", mode.login_command()))
}

/// Prepares to record a change of the platform.
pub(super) async fn recorder(access: &AdminAccess, caller: &Caller, action: &'static str, subject: &str) -> Recorder {
    Recorder::new(&access.backend, caller, AuditOf::Platform, action, subject).await
}
