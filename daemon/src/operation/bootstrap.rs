//! Creates what a backend needs. It can be repeated: it creates only what is missing.

use deployer_domain::backend::{Backend, BackendAddress, BackendRef, BuiltPart, check_lock_table, default_lock_table};
use deployer_domain::caller::Caller;
use deployer_domain::credential::{ADMIN_SECRET, AdminSecret, SecretHash, check_new_password};
use deployer_domain::entropy::ulid;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::PlatformSpace;
use deployer_domain::object::{ETag, PortError, WriteIf};
use deployer_domain::port_error::{Attempted, explain};
use deployer_domain::registry::{Place, REGISTRY_FILE, Registry};
use secrecy::{ExposeSecret, SecretString};

use super::record::{AuditOf, Recorder};
use super::{Ports, Steps, busy};

/// What is needed to create a backend.
#[derive(Debug)]
pub struct Bootstrap {
    /// Where.
    pub backend: BackendRef,
    /// The lock table's name, if it was said.
    pub lock_table: Option<String>,
    /// The admin secret's name, if it was said.
    pub admin_secret: Option<String>,
    /// The first admin password; needed only where no admin secret exists yet.
    pub password: Option<SecretString>,
}

/// What a backend consists of now.
#[derive(Debug, Clone)]
pub struct Bootstrapped {
    /// The backend.
    pub backend: BackendRef,
    /// Its lock table.
    pub lock_table: String,
    /// Its parts, in the order of their making.
    pub parts: Vec<BuiltPart>,
    /// The name of the admin secret, where it is not the usual one.
    pub admin_secret: Option<String>,
    /// Whether a password was given and not used, because there was one already.
    pub password_kept: bool,
}

/// Creates storage, lock table, admin secret and registry, each where it is missing, and tries the storage out.
pub async fn bootstrap(ports: &Ports, caller: &Caller, wanted: Bootstrap, steps: Steps<'_>) -> Result<Bootstrapped> {
    let place = &wanted.backend;
    let lock_table = lock_table(ports, caller, &wanted).await?;
    // What cannot be finished is not begun: a missing password is said before anything is made.
    let had_secret = has_secret(ports, caller, &wanted).await;
    if !had_secret {
        check_new_password(wanted.password.as_ref().ok_or_else(password_missing)?)?;
    }
    let mut parts = ports.backends.build(place, &lock_table, caller).await?;
    for part in &parts {
        steps(&step(part));
    }
    let backend = ports.backends.open(place, Some(&lock_table), caller).await?;
    probe(ports, &backend).await?;
    steps("Checking conditional writes");

    let recorder =
        Recorder::new(&backend, caller, AuditOf::Platform, "admin.bootstrap", &place.address.to_string()).await;
    let intent = recorder.intent(ports).await?;
    let made = finish(ports, caller, &backend, &wanted, &lock_table).await;
    recorder.result(ports, intent, &made).await;
    let (made, secret_is_new) = made?;
    for part in made {
        steps(&step(&part));
        parts.push(part);
    }
    let admin_secret = wanted.admin_secret.clone().filter(|name| name != ADMIN_SECRET);
    let password_kept = wanted.password.is_some() && !secret_is_new;
    Ok(Bootstrapped { backend: place.clone(), lock_table, parts, admin_secret, password_kept })
}

fn step(part: &BuiltPart) -> String {
    if part.created { format!("Creating {}", part.what) } else { format!("Finding {}", part.what) }
}

/// The lock table that was asked for, else the one of an existing registry, else the default one.
async fn lock_table(ports: &Ports, caller: &Caller, wanted: &Bootstrap) -> Result<String> {
    let existing = existing_registry(ports, caller, &wanted.backend).await?.map(|registry| registry.place().lock_table);
    let existing = existing.filter(|table| !table.is_empty());
    match (&wanted.lock_table, existing) {
        (Some(asked), Some(existing)) if *asked != existing => Err(Error::new(
            Reason::AlreadyExists,
            format!("{REGISTRY_FILE} names the lock table {existing} already, not {asked}"),
        )
        .hint("leave --table out, or change config.lockTable by hand while nothing is deployed")),
        (Some(table), _) => check_lock_table(table).map(|()| table.clone()),
        (None, Some(existing)) => Ok(existing),
        (None, None) => Ok(default_lock_table(&wanted.backend.address)),
    }
}

/// The registry, where the backend exists and has one.
async fn existing_registry(ports: &Ports, caller: &Caller, place: &BackendRef) -> Result<Option<Registry>> {
    let backend = match ports.backends.open(place, None, caller).await {
        Ok(backend) => backend,
        Err(error) if error.reason == Reason::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    match backend.objects.read(&PlatformSpace.registry()).await {
        Ok(found) => found.map(|object| Registry::parse(&object.bytes)).transpose(),
        Err(PortError::NoSuchBackend(_)) => Ok(None),
        Err(error) => Err(explain(error, format!("read {REGISTRY_FILE}"), &place.address)),
    }
}

async fn has_secret(ports: &Ports, caller: &Caller, wanted: &Bootstrap) -> bool {
    let name = wanted.admin_secret.as_deref().unwrap_or(ADMIN_SECRET);
    match ports.backends.open(&wanted.backend, None, caller).await {
        Ok(backend) => matches!(backend.secrets.read(name).await, Ok(Some(_))),
        Err(_) => false,
    }
}

fn password_missing() -> Error {
    Error::new(Reason::InvalidRequest, "the first admin password is needed: there is no admin secret yet")
        .fact("Missing", "--password-stdin")
        .hint("pass it with --password-stdin or DEPLOYER_ADMIN_PASSWORD")
}

/// Locks and states rely on conditional writes; an endpoint that ignores them would lose data silently.
async fn probe(ports: &Ports, backend: &Backend) -> Result<()> {
    let key = PlatformSpace.probe(ulid(ports.entropy.as_ref(), ports.clock.now()));
    let address = &backend.place.address;
    let what = "try conditional writes";
    let etag = backend.objects.write(&key, b"1".to_vec(), WriteIf::Absent).await.attempted(what, address)?;
    let ETag(first) = &etag;
    let again = backend.objects.write(&key, b"2".to_vec(), WriteIf::Absent).await;
    let stale = WriteIf::Unchanged(ETag(first.chars().map(|c| if c == '0' { '1' } else { '0' }).collect()));
    let wrong = backend.objects.write(&key, b"3".to_vec(), stale).await;
    let right = backend.objects.write(&key, b"4".to_vec(), WriteIf::Unchanged(etag)).await;
    backend.objects.delete(&key).await.attempted("remove the trial object", address)?;
    for refused in [again, wrong] {
        match refused {
            Err(PortError::Conflict) => {}
            Ok(_) => return Err(ignores_conditions(address)),
            Err(error) => return Err(explain(error, what, address)),
        }
    }
    right.attempted(what, address).map(|_| ())
}

fn ignores_conditions(address: &BackendAddress) -> Error {
    Error::new(Reason::BackendUnavailable, format!("the storage of {address} ignores conditions on writes"))
        .hint("use storage that honours If-Match and If-None-Match, as AWS S3 does since November 2024")
}

/// Creates the admin secret and the registry where they are missing; answers also whether the secret is new.
async fn finish(
    ports: &Ports,
    caller: &Caller,
    backend: &Backend,
    wanted: &Bootstrap,
    lock_table: &str,
) -> Result<(Vec<BuiltPart>, bool)> {
    let name = wanted.admin_secret.as_deref().unwrap_or(ADMIN_SECRET);
    let secret = create_secret(ports, backend, name, wanted.password.as_ref()).await?;
    let place = Place { lock_table: lock_table.to_owned(), region: region(backend, caller), bucket: String::new() };
    let registry = create_registry(ports, backend, place.or_of(&backend.place.address)).await?;
    let parts = vec![
        BuiltPart { what: format!("admin secret {name}"), created: secret },
        BuiltPart { what: REGISTRY_FILE.to_owned(), created: registry },
    ];
    Ok((parts, secret))
}

/// The region that people will be told to use.
fn region(backend: &Backend, caller: &Caller) -> String {
    if let BackendAddress::Local(_) = backend.place.address {
        return String::new();
    }
    let variable = |name| caller.variable(name).map(|value| value.expose_secret().to_owned());
    let said = backend.place.region.clone();
    said.or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION")).unwrap_or_default()
}

async fn create_secret(ports: &Ports, backend: &Backend, name: &str, password: Option<&SecretString>) -> Result<bool> {
    let address = &backend.place.address;
    let what = format!("create the admin secret {name}");
    let read = backend.secrets.read(name).await.attempted(format!("read the admin secret {name}"), address)?;
    if let Some(stored) = read {
        return AdminSecret::parse(&stored, name).map(|_| false);
    }
    let Some(password) = password.cloned() else { return Err(password_missing()) };
    let entropy = std::sync::Arc::clone(&ports.entropy);
    let hash = busy(move || SecretHash::of(&password, entropy.as_ref())).await??;
    match backend.secrets.create(name, &AdminSecret::document(&hash)).await {
        Ok(()) => Ok(true),
        // Somebody else was quicker, or the answer of an earlier attempt got lost: one of the two passwords holds.
        Err(PortError::Conflict) => Ok(false),
        Err(error) => Err(explain(error, what, address)),
    }
}

async fn create_registry(ports: &Ports, backend: &Backend, place: Place) -> Result<bool> {
    let address = &backend.place.address;
    let key = PlatformSpace.registry();
    let read = backend.objects.read(&key).await.attempted(format!("read {REGISTRY_FILE}"), address)?;
    if let Some(object) = read {
        return Registry::parse(&object.bytes).map(|_| false);
    }
    let bytes = Registry::first(&place, ports.clock.now())?.to_bytes()?;
    match backend.objects.write(&key, bytes, WriteIf::Absent).await {
        Ok(_) => Ok(true),
        Err(PortError::Conflict) => Ok(false),
        Err(error) => Err(explain(error, format!("write {REGISTRY_FILE}"), address)),
    }
}
