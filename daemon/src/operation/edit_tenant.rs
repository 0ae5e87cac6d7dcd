//! Changes a tenant's limits and rules.

use deployer_domain::caller::Caller;
use deployer_domain::error::{Error, Reason, Result};
use deployer_domain::name::TenantId;
use deployer_domain::object::{PortError, WriteIf};
use deployer_domain::port_error::{Attempted, explain};
use deployer_domain::registry::unknown_tenant;
use deployer_domain::tenant::{Tenant, TenantEdit, check_texts};
use deployer_domain::tenant_config::{RulesEdit, TenantConfig};

use super::authorise::AdminAccess;
use super::change_tenant::{Change, First};
use super::{Ports, authorise, registry};

/// How often another's write is waited out.
const TRIES: usize = 10;

/// What is to change; what is absent stays as it is.
#[derive(Debug, Clone, Default)]
pub struct EditTenant {
    /// In the tenant's entry.
    pub entry: TenantEdit,
    /// In its `tenant.yaml`.
    pub rules: RulesEdit,
}

/// A tenant as it is after an edit.
#[derive(Debug)]
pub struct EditedTenant {
    /// Its entry.
    pub tenant: Tenant,
    /// Its `tenant.yaml`.
    pub config: TenantConfig,
}

/// Changes a tenant's limits and rules. Can be repeated.
pub async fn edit_tenant(ports: &Ports, caller: &Caller, id: &TenantId, edit: EditTenant) -> Result<EditedTenant> {
    let access = authorise::admin(ports, caller).await?;
    check(&edit)?;
    let recorder = authorise::recorder(&access, caller, "tenant.edit", id.as_str()).await;
    let intent = recorder.intent(ports).await?;
    let edited = write(ports, &access, id, &edit).await;
    recorder.result(ports, intent, &edited).await;
    edited
}

fn check(edit: &EditTenant) -> Result<()> {
    let EditTenant { entry, rules } = edit;
    if entry.is_empty() && rules.is_empty() {
        return Err(Error::new(Reason::InvalidRequest, "nothing is to be changed")
            .hint("name what to change, such as --max-stacks 50; see --help"));
    }
    if entry.max_stacks == Some(0) || entry.max_services == Some(0) {
        return Err(Error::new(Reason::InvalidRequest, "a tenant needs room for at least one stack and one service")
            .hint("to keep a team out, use `deployer tenant suspend`"));
    }
    let empty = String::new();
    let regions = rules.regions.iter().flatten().map(|region| ("region", region));
    let texts = [
        ("display name", entry.display_name.as_ref()),
        ("email", entry.email.as_ref()),
        ("AWS account id", entry.account_id.as_ref()),
        ("region", entry.region.as_ref()),
        ("team", entry.team.as_ref()),
        ("department", entry.department.as_ref()),
    ];
    let texts = texts.map(|(what, text)| (what, text.unwrap_or(&empty)));
    check_texts(texts.into_iter().chain(regions))
}

async fn write(ports: &Ports, access: &AdminAccess, id: &TenantId, edit: &EditTenant) -> Result<EditedTenant> {
    let change = |tenant: &Tenant| tenant.edited(&edit.entry);
    let landed = |tenant: &Tenant| change(tenant).is_ok_and(|wanted| wanted == *tenant);
    let tenant = if edit.entry.is_empty() {
        let registry = registry::registry(ports, &access.backend).await?;
        change(registry.tenant(id).ok_or_else(|| unknown_tenant(id))?)?
    } else {
        Change { id, first: First::Registry, change: &change, landed: &landed }.write(ports, access).await?
    };
    let config = rules(ports, access, &tenant, &edit.rules).await?;
    Ok(EditedTenant { tenant, config })
}

/// Makes `tenant.yaml` so; a tenant without one gets its first.
async fn rules(ports: &Ports, access: &AdminAccess, tenant: &Tenant, edit: &RulesEdit) -> Result<TenantConfig> {
    let backend = &access.backend;
    let (key, address) = (tenant.space().config(), &backend.place.address);
    for _ in 0..TRIES {
        let found = backend.objects.read(&key).await.attempted(format!("read {key}"), address)?;
        let (before, condition) = match found {
            Some(object) => (object.bytes, WriteIf::Unchanged(object.etag)),
            None => {
                let registry = registry::registry(ports, backend).await?;
                (TenantConfig::of(tenant, &registry.place().or_of(address)).to_bytes()?, WriteIf::Absent)
            }
        };
        let (config, bytes) = TenantConfig::edited(&before, key.as_str(), edit)?;
        if edit.is_empty() || bytes == before {
            return Ok(config);
        }
        match backend.objects.write(&key, bytes, condition).await {
            Ok(_) => return Ok(config),
            // Somebody else was quicker, or the answer got lost: what is there now decides.
            Err(PortError::Conflict | PortError::Gone | PortError::Unavailable(_)) => {}
            Err(error) => return Err(explain(error, format!("write {key}"), address)),
        }
    }
    Err(explain(PortError::Conflict, format!("write {key}"), address))
}
