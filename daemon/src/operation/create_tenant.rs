//! Creates a tenant.
//!
//! The registry is the truth: a tenant exists once it is there. What is written before (its folder) is harmless
//! without it, what is written after (its derived entry) any admin command repairs.

use deployer_domain::backend::BackendRef;
use deployer_domain::caller::Caller;
use deployer_domain::credential::{COST, SecretHash};
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::key::ObjectKey;
use deployer_domain::name::{StateVersion, TenantId};
use deployer_domain::object::{PortError, WriteIf};
use deployer_domain::port_error::{Attempted, explain};
use deployer_domain::registry::{Place, Registry};
use deployer_domain::tenant::{
    AwsPlace, Credentials, DEFAULT_MAX_SERVICES, DEFAULT_MAX_STACKS, Labels, Limits, LockPrefix, Storage, Tenant,
    TenantStatus, id_from_name, secret_prefix, team_of,
};
use deployer_domain::tenant_config::TenantConfig;
use jiff::Timestamp;
use secrecy::SecretString;

use super::authorise::{self, AdminAccess};
use super::rotate_tenant::credentials;
use super::{Ports, Steps, entries, registry_edit};

/// What a new tenant is to be.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "the fields of the tenant's entry")]
pub struct CreateTenant {
    pub name: String,
    pub display_name: String,
    pub email: String,
    pub account_id: String,
    pub region: String,
    pub team: String,
    pub department: String,
    pub secret_prefix: String,
    pub cost_tracking: bool,
    pub monthly_cost_limit: Option<u32>,
    pub max_stacks: Option<u32>,
    pub max_services: Option<u32>,
    pub state_version: Option<StateVersion>,
}

/// A tenant that was created, and its secret, which is nowhere else.
#[derive(Debug)]
pub struct CreatedTenant {
    /// The tenant.
    pub tenant: Tenant,
    /// Its secret.
    pub secret: SecretString,
    /// The full storage path, such as `s3://bucket/tenants/x/v1/`.
    pub storage_path: String,
    /// Such as `tenant:x:`.
    pub lock_prefix: String,
    /// The backend to share with the team.
    pub backend: BackendRef,
    /// The region to share with the team; empty on local backends.
    pub region: String,
}

/// Creates a tenant and answers its secret.
pub async fn create_tenant(
    ports: &Ports,
    caller: &Caller,
    wanted: CreateTenant,
    steps: Steps<'_>,
) -> Result<CreatedTenant> {
    let access = authorise::admin(ports, caller).await?;
    let id = id_from_name(&wanted.name)?;
    check(&wanted)?;
    let prefix = secret_prefix(&wanted.secret_prefix, &id)?;
    let (registry, _) = entries::registry(&access.backend).await?;
    refuse_taken(&registry, &id)?;
    steps("Generating tenant ID");

    let (secret, hash) = credentials(ports, prefix).await?;
    steps("Generating credentials");

    let recorder = authorise::recorder(&access, caller, "tenant.create", id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let tenant = tenant(&wanted, id, &hash, &registry, ports.clock.now());
    let created = write(ports, &access, &registry.place(), &tenant, steps).await;
    recorder.result(ports, intent, &created).await;
    created?;
    steps("Tenant created successfully");

    let place = registry.place().or_of(&access.backend.place.address);
    Ok(CreatedTenant {
        storage_path: format!("{}/{}/", access.backend.place.address, tenant.space().path()),
        lock_prefix: format!("{}:", tenant.space().lock_prefix()),
        backend: access.backend.place.clone(),
        region: if tenant.aws.region.is_empty() { place.region } else { tenant.aws.region.clone() },
        tenant,
        secret,
    })
}

fn check(wanted: &CreateTenant) -> Result<()> {
    check_texts([
        ("display name", &wanted.display_name),
        ("email", &wanted.email),
        ("region", &wanted.region),
        ("team", &wanted.team),
        ("department", &wanted.department),
    ])?;
    let account = wanted.account_id.len() == 12 && wanted.account_id.chars().all(|c| c.is_ascii_digit());
    if !wanted.account_id.is_empty() && !account {
        return Err(not_valid("AWS account id", "it has 12 digits"));
    }
    if wanted.max_stacks == Some(0) || wanted.max_services == Some(0) {
        return Err(not_valid("limit", "a tenant needs room for at least one stack and one service"));
    }
    Ok(())
}

/// Refuses texts that no entry of a tenant may hold; each comes with what it is.
pub(super) fn check_texts<'a>(texts: impl IntoIterator<Item = (&'static str, &'a String)>) -> Result<()> {
    for (what, text) in texts {
        if text.chars().count() > 200 || text.chars().any(char::is_control) {
            return Err(not_valid(what, "use 200 characters at most, on one line"));
        }
        if what == "email" && !text.is_empty() && !looks_like_an_address(text) {
            return Err(not_valid(what, "write it as team@company.com"));
        }
        if what == "region" && !text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-') {
            return Err(not_valid(what, "write it as us-east-1"));
        }
    }
    Ok(())
}

fn not_valid(what: &str, why: &str) -> Error {
    Error::new(Reason::InvalidRequest, format!("the {what} is not valid: {why}"))
}

fn looks_like_an_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(who, at)| !who.is_empty() && !at.is_empty() && !at.contains('@'))
        && !text.contains(char::is_whitespace)
}

fn refuse_taken(registry: &Registry, id: &TenantId) -> Result<()> {
    match registry.tenant(id) {
        None => Ok(()),
        Some(_) => Err(Error::new(Reason::AlreadyExists, format!("there is a tenant {id} already"))
            .hint(format!("look at it with `deployer tenant show {id}`, or choose another name"))),
    }
}

fn tenant(wanted: &CreateTenant, id: TenantId, hash: &SecretHash, registry: &Registry, now: Timestamp) -> Tenant {
    let or = |given: &str, otherwise: &str| if given.is_empty() { otherwise.to_owned() } else { given.to_owned() };
    let version = wanted.state_version.clone().unwrap_or_else(|| registry.default_version().clone());
    Tenant {
        display_name: or(&wanted.display_name, wanted.name.trim()),
        email: wanted.email.clone(),
        // The reference writes whole seconds.
        created: Timestamp::from_second(now.as_second()).unwrap_or(now),
        status: TenantStatus::Active,
        credentials: Credentials {
            hash: hash.as_str().to_owned(),
            algorithm: "bcrypt".to_owned(),
            cost: Some(COST),
            rotations: 0,
            last_rotated: None,
        },
        storage: Storage { prefix: format!("tenants/{id}"), path: format!("tenants/{id}/{version}"), version },
        locks: Some(LockPrefix { prefix: format!("tenant:{id}") }),
        aws: AwsPlace { account_id: wanted.account_id.clone(), region: or(&wanted.region, &registry.place().region) },
        limits: Limits {
            cost_tracking: wanted.cost_tracking,
            monthly_cost_limit: wanted.monthly_cost_limit,
            max_stacks: wanted.max_stacks.unwrap_or(DEFAULT_MAX_STACKS),
            max_services: wanted.max_services.unwrap_or(DEFAULT_MAX_SERVICES),
        },
        metadata: Labels { team: or(&wanted.team, team_of(&id)), department: wanted.department.clone() },
        id,
    }
}

/// Writes the folder, then the registry, then the derived entry.
async fn write(ports: &Ports, access: &AdminAccess, place: &Place, tenant: &Tenant, steps: Steps<'_>) -> Result<()> {
    let backend = &access.backend;
    let space = tenant.space();
    let config = TenantConfig::first(tenant, &place.clone().or_of(&backend.place.address)).to_bytes()?;
    let ours = create(access, &space.config(), config.clone()).await?;
    create(access, &space.stacks_folder(), Vec::new()).await?;
    steps("Creating S3 prefix");

    let now = ports.clock.now();
    let is_ours =
        |registry: &Registry| registry.tenant(&tenant.id).map(|found| &found.credentials) == Some(&tenant.credentials);
    let add = |registry: &mut Registry| registry.add(tenant.clone(), now);
    let registry = registry_edit::edit(ports, backend, add, is_ours).await?;
    if !ours {
        replace_config(access, &space.config(), config).await?;
    }
    if let Some(derived) = registry.derive(&tenant.id) {
        entries::repair_entry(backend, &derived).await?;
    }
    steps("Updating tenants.yaml");
    Ok(())
}

/// Writes a document that nobody should have written yet; answers whether it is certainly ours.
async fn create(access: &AdminAccess, key: &ObjectKey, bytes: Vec<u8>) -> Result<bool> {
    let mut lost = false;
    loop {
        match access.backend.objects.write(key, bytes.clone(), WriteIf::Absent).await {
            Ok(_) => return Ok(true),
            Err(PortError::Conflict) => return Ok(false),
            Err(PortError::Unavailable(_)) if !lost => lost = true,
            Err(error) => return Err(explain(error, format!("write {key}"), &access.backend.place.address)),
        }
    }
}

/// Replaces what an admin wrote who lost the race for the same name, or whose command was cut off.
async fn replace_config(access: &AdminAccess, key: &ObjectKey, bytes: Vec<u8>) -> Result<()> {
    let address = &access.backend.place.address;
    for _ in 0..5 {
        let found = access.backend.objects.read(key).await.attempted(format!("read {key}"), address)?;
        let condition = match found {
            Some(object) if object.bytes == bytes => return Ok(()),
            Some(object) => WriteIf::Unchanged(object.etag),
            None => WriteIf::Absent,
        };
        match access.backend.objects.write(key, bytes.clone(), condition).await {
            Ok(_) => return Ok(()),
            Err(PortError::Conflict | PortError::Gone | PortError::Unavailable(_)) => {}
            Err(error) => return Err(explain(error, format!("write {key}"), address)),
        }
    }
    Err(explain(PortError::Conflict, format!("write {key}"), address))
}
