//! Gives a tenant a new secret; the old one and all sessions made with it end everywhere within half a minute.

use deployer_domain::caller::Caller;
use deployer_domain::credential::{SecretHash, generate};
use deployer_domain::error::Result;
use deployer_domain::name::TenantId;
use deployer_domain::registry::unknown_tenant;
use deployer_domain::tenant::{Tenant, secret_prefix};
use secrecy::SecretString;

use super::change_tenant::{Change, First};
use super::{Ports, Steps, authorise, busy, registry};

/// A tenant whose secret was replaced, and the new one, which is nowhere else.
#[derive(Debug)]
pub struct RotatedTenant {
    /// The tenant.
    pub tenant: Tenant,
    /// Its new secret.
    pub secret: SecretString,
}

/// Replaces a tenant's secret. `prefix` is what the new one begins with; empty: as for a new tenant.
pub async fn rotate_tenant(
    ports: &Ports,
    caller: &Caller,
    id: &TenantId,
    prefix: &str,
    steps: Steps<'_>,
) -> Result<RotatedTenant> {
    let access = authorise::admin(ports, caller).await?;
    let prefix = secret_prefix(prefix, id)?;
    let registry = registry::registry(ports, &access.backend).await?;
    registry.tenant(id).ok_or_else(|| unknown_tenant(id))?;
    let (secret, hash) = credentials(ports, prefix).await?;
    steps("Generating new secret");

    let recorder = authorise::recorder(&access, caller, "tenant.rotate", id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let now = ports.clock.now();
    let change = Change {
        id,
        first: First::Derived,
        change: &|tenant| tenant.rotated(&hash, now),
        landed: &|tenant| tenant.credentials.hash == hash.as_str(),
    };
    let rotated = change.write(ports, &access).await;
    recorder.result(ports, intent, &rotated).await;
    let tenant = rotated?;
    steps("Updating tenants.yaml");
    // Sessions hold the digest of the hash they were made with, so both documents together have ended them.
    steps("Invalidating old sessions");
    steps("Credentials rotated successfully");
    Ok(RotatedTenant { tenant, secret })
}

/// Makes a secret and what is stored of it.
pub(super) async fn credentials(ports: &Ports, prefix: String) -> Result<(SecretString, SecretHash)> {
    let entropy = std::sync::Arc::clone(&ports.entropy);
    busy(move || {
        let secret = generate(&prefix, entropy.as_ref());
        SecretHash::of(&secret, entropy.as_ref()).map(|hash| (secret, hash))
    })
    .await?
}
