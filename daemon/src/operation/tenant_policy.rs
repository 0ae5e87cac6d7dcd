//! The role that keeps a tenant apart in the cloud: shown, or made.

use deployer_domain::backend::BackendAddress;
use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::name::TenantId;
use deployer_domain::port_error::Attempted;
use deployer_domain::registry::unknown_tenant;
use deployer_domain::tenant_role::TenantRole;

use super::authorise::AdminAccess;
use super::{Ports, authorise, registry};

/// What is wanted of a tenant's role.
#[derive(Debug, Clone)]
pub struct TenantPolicy {
    /// The tenant.
    pub id: TenantId,
    /// Who may assume it.
    pub principals: Vec<String>,
    /// Whether it is made, not only shown.
    pub apply: bool,
}

/// A tenant's role.
#[derive(Debug)]
pub struct ShownRole {
    /// The role.
    pub role: TenantRole,
    /// Whether it was made (true) or changed (false); none where it was only shown.
    pub applied: Option<bool>,
}

/// Shows a tenant's role, or makes it. Can be repeated.
pub async fn tenant_policy(ports: &Ports, caller: &Caller, wanted: TenantPolicy) -> Result<ShownRole> {
    let access = authorise::admin(ports, caller).await?;
    let role = role(ports, &access, &wanted).await?;
    role.check()?;
    if !wanted.apply {
        return Ok(ShownRole { role, applied: None });
    }
    if role.principals.is_empty() {
        return Err(Error::new(Reason::InvalidRequest, "nobody is named who may assume the role")
            .hint("name each person's or pipeline's role with --principal arn:aws:iam::123456789012:role/NAME"));
    }
    let recorder = authorise::recorder(&access, caller, "tenant.policy", wanted.id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let place = &access.backend.place;
    let made = match ports.backends.roles(place, caller).await {
        Ok(roles) => roles.put(&role).await.attempted(format!("make the role {}", role.name()), &place.address),
        Err(error) => Err(error),
    };
    recorder.result(ports, intent, &made).await;
    Ok(ShownRole { applied: Some(made?), role })
}

async fn role(ports: &Ports, access: &AdminAccess, wanted: &TenantPolicy) -> Result<TenantRole> {
    let address = &access.backend.place.address;
    let BackendAddress::S3(bucket) = address else {
        return Err(Error::new(
            Reason::InvalidRequest,
            format!("{address} has no roles: its file's rights are its wall"),
        )
        .hint("a backend in the cloud keeps tenants apart by roles"));
    };
    let registry = registry::registry(ports, &access.backend).await?;
    let derived = registry.derive(&wanted.id).ok_or_else(|| unknown_tenant(&wanted.id))?;
    let who = access.backend.identity.identity().await.attempted("ask who you are", address)?;
    let partition = who.principal.split(':').nth(1).unwrap_or("aws").to_owned();
    Ok(TenantRole {
        tenant: wanted.id.clone(),
        account: who.account,
        partition,
        bucket: bucket.clone(),
        table: derived.place.or_of(address).lock_table,
        principals: wanted.principals.clone(),
    })
}
