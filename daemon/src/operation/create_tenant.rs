//! Creates a tenant.

use deployer_domain::backend::BackendRef;
use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::name::TenantId;
use deployer_domain::registry::Registry;
use deployer_domain::tenant::{NewTenant, Tenant, secret_prefix};
use secrecy::SecretString;

use super::archive_tenant::refuse_occupied;
use super::authorise::{self, AdminAccess};
use super::register_tenants::register;
use super::rotate_tenant::credentials;
use super::{Ports, Steps, registry};

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
    wanted: NewTenant,
    steps: Steps<'_>,
) -> Result<CreatedTenant> {
    let access = authorise::admin(ports, caller).await?;
    wanted.check()?;
    let prefix = secret_prefix(&wanted.secret_prefix, &wanted.id)?;
    let registry = registry::registry(ports, &access.backend).await?;
    refuse_taken(&registry, &wanted.id)?;
    refuse_occupied(&access.backend, &wanted.id).await?;
    steps("Generating tenant ID");

    let (secret, hash) = credentials(ports, prefix).await?;
    steps("Generating credentials");

    let recorder = authorise::recorder(&access, caller, "tenant.create", wanted.id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let tenant = wanted.entry(&hash, &registry, ports.clock.now());
    let created = register(ports, &access, &registry.place(), std::slice::from_ref(&tenant), steps).await;
    recorder.result(ports, intent, &created).await;
    created?;
    steps("Tenant created successfully");
    Ok(CreatedTenant::new(tenant, secret, &access, &registry))
}

impl CreatedTenant {
    /// What is to be shared with the team.
    pub(super) fn new(tenant: Tenant, secret: SecretString, access: &AdminAccess, registry: &Registry) -> Self {
        let backend = &access.backend.place;
        let region = match tenant.aws.region.as_str() {
            "" => registry.place().or_of(&backend.address).region,
            region => region.to_owned(),
        };
        Self {
            storage_path: format!("{}/{}/", backend.address, tenant.space().path()),
            lock_prefix: format!("{}:", tenant.space().lock_prefix()),
            backend: backend.clone(),
            region,
            tenant,
            secret,
        }
    }
}

fn refuse_taken(registry: &Registry, id: &TenantId) -> Result<()> {
    match registry.tenant(id) {
        None => Ok(()),
        Some(_) => Err(Error::new(Reason::AlreadyExists, format!("there is a tenant {id} already"))
            .hint(format!("look at it with `deployer tenant show {id}`, or choose another name"))
            .hint(format!("if it is yours and its secret was never shown: `deployer tenant rotate {id}`"))),
    }
}
