//! How credentials are verified: for a sign-in that is remembered, and for one that travels with its call.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deployer_domain::backend::{Backend, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::credential::{ADMIN_SECRET, AdminSecret, SecretHash, TotpKey, invalid_credentials};
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::name::TenantId;
use deployer_domain::port_error::Attempted;
use deployer_domain::registry::{Derived, Registry};
use deployer_domain::secret_store::StoredSecret;
use deployer_domain::session::Binding;
use deployer_domain::tenant::{Tenant, TenantStatus};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::entries::{self, Asker, Freshness, TRUST};
use super::{Ports, Steps, busy, registry};

/// The credentials of a tenant.
pub(super) struct TenantCredentials<'a> {
    pub place: &'a BackendRef,
    pub tenant: &'a TenantId,
    pub secret: &'a SecretString,
}

/// A tenant whose secret was right.
pub(super) struct VerifiedTenant {
    pub backend: Backend,
    pub entry: Derived,
    pub binding: Binding,
}

/// Why a tenant was not signed in, with what is needed to record that.
pub(super) struct Refused {
    pub error: Error,
    /// The backend, if it was reached.
    pub backend: Option<Backend>,
    /// The tenant, if there is one of that name.
    pub tenant: Option<Box<Tenant>>,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self { error, backend: None, tenant: None }
    }
}

/// Verifies a tenant's secret. An unknown tenant costs the same time as a wrong secret and says the same; that a
/// tenant is suspended is said only to who knows its secret.
pub(super) async fn tenant(
    ports: &Ports,
    caller: &Caller,
    given: TenantCredentials<'_>,
    steps: Steps<'_>,
) -> std::result::Result<VerifiedTenant, Refused> {
    let place = BackendRef { tenant: Some(given.tenant.clone()), ..given.place.clone() };
    let backend = ports.backends.open(&place, None, caller).await?;
    let entry = entries::entry(ports, caller, &backend, given.tenant, Freshness::Asked).await?;
    steps("Loading tenants.yaml");
    steps("Finding tenant");
    let refused = |error| Refused {
        error,
        backend: Some(backend.clone()),
        tenant: entry.as_ref().map(|entry| Box::new(entry.tenant.clone())),
    };
    let hash = entry.as_ref().and_then(|entry| SecretHash::new(&entry.tenant.credentials.hash).ok());
    let attempt = ports.caches.throttle.attempt(&format!("{} {}", place.address, given.tenant), &*ports.clock).await;
    let (secret, known) = (given.secret.clone(), hash.clone().unwrap_or_else(SecretHash::of_nobody));
    let right = busy(move || known.verify(&secret)).await? && hash.is_some();
    attempt.ended(right);
    let Some(entry) = entry.as_ref().filter(|_| right) else { return Err(refused(wrong_secret())) };
    if let Some(error) = closed_to_sign_in(&entry.tenant) {
        return Err(refused(error));
    }
    steps("Verifying credentials");
    let binding = Binding::to(&entry.tenant.credentials.hash);
    let backend = ports.backends.open(&place, lock_table(entry), caller).await?;
    Ok(VerifiedTenant { backend, entry: entry.clone(), binding })
}

/// The same for a wrong secret and for an unknown tenant.
fn wrong_secret() -> Error {
    invalid_credentials().hint("Check the tenant's name and the secret, or ask your admin for a new one.")
}

/// The lock table that the registry names.
pub(super) fn lock_table(entry: &Derived) -> Option<&str> {
    Some(entry.place.lock_table.as_str()).filter(|table| !table.is_empty())
}

fn closed_to_sign_in(tenant: &Tenant) -> Option<Error> {
    match &tenant.status {
        TenantStatus::Active => None,
        TenantStatus::Suspended => Some(
            Error::new(Reason::TenantSuspended, format!("the tenant {} is suspended", tenant.id))
                .hint("contact your admin, who can lift it with `deployer tenant activate`"),
        ),
        TenantStatus::Closed(_) => Some(closed(tenant)),
    }
}

/// What the users of a tenant are told that takes no commands at all.
pub(super) fn closed(tenant: &Tenant) -> Error {
    Error::new(Reason::TenantSuspended, format!("the tenant {} is closed to commands", tenant.id))
        .fact("Status", &tenant.status)
        .hint("contact your admin")
}

/// Credentials that travelled with calls and were right: the calls of one command do not pay for the hash each.
#[derive(Default)]
pub(super) struct VerifiedInline(Mutex<HashSet<[u8; 32]>>);

impl VerifiedInline {
    /// A digest that differs with the stored credential and with the given one.
    pub(super) fn mark(place: &BackendRef, stored: &str, given: &SecretString) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [place.address.to_string().as_str(), stored, given.expose_secret()] {
            digest.update(part.len().to_be_bytes());
            digest.update(part.as_bytes());
        }
        digest.finalize().into()
    }

    pub(super) fn has(&self, mark: &[u8; 32]) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(mark)
    }

    pub(super) fn add(&self, mark: [u8; 32]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(mark);
    }
}

/// The credentials of an admin.
pub(super) struct AdminCredentials<'a> {
    pub place: &'a BackendRef,
    /// The name of the admin secret, where it is not the default one.
    pub admin_secret: Option<&'a str>,
    pub password: &'a SecretString,
    pub otp: Option<&'a SecretString>,
    /// Whether they travel with every call of one command: its code then counts for all of them.
    pub travel: bool,
}

impl AdminCredentials<'_> {
    fn mark(&self, stored: &StoredSecret) -> [u8; 32] {
        let otp = self.otp.map(ExposeSecret::expose_secret).unwrap_or_default();
        let together = SecretString::from(format!("{otp} {}", self.password.expose_secret()));
        VerifiedInline::mark(self.place, &stored.version, &together)
    }
}

/// An admin whose password was right.
pub(super) struct VerifiedAdmin {
    pub backend: Backend,
    pub registry: Arc<Registry>,
    pub binding: Binding,
    pub warnings: Vec<String>,
}

/// Verifies the admin's password, and the one-time password where one is asked for.
pub(super) async fn admin(
    ports: &Ports,
    caller: &Caller,
    given: AdminCredentials<'_>,
) -> std::result::Result<VerifiedAdmin, Refused> {
    let backend = ports.backends.open(given.place, None, caller).await?;
    let registry = registry::registry(ports, &backend).await?;
    let name = given.admin_secret.unwrap_or(ADMIN_SECRET);
    let stored = admin_secret(&backend, name).await?;
    let secret = AdminSecret::parse(&stored, name)?;
    let refused = |error| Refused { error, backend: Some(backend.clone()), tenant: None };
    let attempt = ports.caches.throttle.attempt(&format!("{} {name}", given.place.address), &*ports.clock).await;
    let (password, mark) = (given.password.clone(), given.mark(&stored));
    let (right, secret) = busy(move || (secret.verify(&password), secret)).await?;
    match (&secret.totp, given.otp) {
        _ if !right => {
            attempt.ended(false);
            return Err(refused(invalid_credentials().hint("Check the password, or ask whoever set up this backend.")));
        }
        (Some(_), None) => return Err(refused(otp_missing())),
        (Some(key), Some(otp)) if !takes(ports, &given, key, otp, &mark) => {
            attempt.ended(false);
            return Err(refused(
                invalid_credentials()
                    .hint("the one-time password was wrong, too old or used before: wait for the next one"),
            ));
        }
        _ => attempt.ended(true),
    }
    if given.travel {
        ports.caches.inline.add(mark);
    }
    let table = registry.place().lock_table;
    let table = Some(table.as_str()).filter(|table| !table.is_empty());
    let backend = ports.backends.open(given.place, table, caller).await?;
    let binding = Binding::to(&stored.version);
    let warnings = AdminSecret::age_warning(&stored, ports.clock.now()).into_iter().collect();
    Ok(VerifiedAdmin { backend, registry, binding, warnings })
}

/// Whether a code is right and was not used before, but by an earlier call of the same command.
fn takes(ports: &Ports, given: &AdminCredentials<'_>, key: &TotpKey, otp: &SecretString, mark: &[u8; 32]) -> bool {
    let again = given.travel && ports.caches.inline.has(mark);
    key.step_of(otp, ports.clock.now()).is_some_and(|step| again || ports.caches.codes.take(key, step))
}

fn otp_missing() -> Error {
    Error::new(Reason::InvalidRequest, "a one-time password is needed as well")
        .fact("Missing", "--otp")
        .hint("give the code of your authenticator app with --otp CODE or DEPLOYER_OTP")
}

/// Reads the admin secret.
pub(super) async fn admin_secret(backend: &Backend, name: &str) -> Result<StoredSecret> {
    let address = &backend.place.address;
    let read = backend.secrets.read(name).await.attempted(format!("read the admin secret {name}"), address)?;
    read.ok_or_else(|| {
        Error::new(Reason::NotFound, format!("there is no admin secret {name} in {address}"))
            .hint(format!("create it with `deployer admin bootstrap --backend {address}`"))
            .hint("or name another one with --admin-secret")
    })
}

/// The versions of admin secrets of the last half minute.
#[derive(Default)]
pub(super) struct AdminCache(Mutex<HashMap<(Asker, String), (Duration, Binding)>>);

impl AdminCache {
    /// Forgets what is known of a secret that this daemon has just changed.
    pub(super) fn forget(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, known), _| known != name);
    }
}

/// What a session of an admin must be bound to now; asked at most half a minute ago.
pub(super) async fn admin_binding(ports: &Ports, caller: &Caller, backend: &Backend, name: &str) -> Result<Binding> {
    let key = (Asker::new(&backend.place, caller), name.to_owned());
    let now = ports.clock.lease_now().boot;
    let known = ports.caches.admin.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
    if let Some((asked, binding)) = known
        && now.saturating_sub(asked) < TRUST
    {
        return Ok(binding);
    }
    let binding = Binding::to(&admin_secret(backend, name).await?.version);
    let mut all = ports.caches.admin.0.lock().unwrap_or_else(PoisonError::into_inner);
    all.insert(key, (now, binding.clone()));
    Ok(binding)
}
