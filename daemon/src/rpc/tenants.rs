//! Tenants as they travel.

use deployer_domain::cost::Costs;
use deployer_domain::error::{Error, Reason};
use deployer_domain::name::StateVersion;
use deployer_domain::tenant::{NewTenant, Tenant, TenantEdit, id_from_name, id_of};
use deployer_domain::tenant_config::{ConfigRules, CostLimitPolicy, RulesEdit};
use deployer_proto::v1;
use secrecy::ExposeSecret;

use super::convert::{backend_to_proto, given};
use crate::operation::create_tenant::CreatedTenant;
use crate::operation::create_tenants::CreatedTenants;
use crate::operation::delete_tenant::DeletedTenant;
use crate::operation::edit_tenant::{EditTenant, EditedTenant};
use crate::operation::list_deleted::DeletedRow;
use crate::operation::list_tenants::TenantRow;
use crate::operation::migrate_tenant::MigratedTenant;
use crate::operation::purge_tenant::PurgedTenant;
use crate::operation::restore_tenant::RestoredTenant;
use crate::operation::rotate_tenant::RotatedTenant;
use crate::operation::stack_summaries::StackSummary;
use crate::operation::tenant_details::TenantView;
use crate::operation::tenant_policy::ShownRole;
use crate::operation::tenant_stats::TenantStats;
use crate::operation::tenant_usage::TenantUsage;
use crate::operation::upgrade_tenant::UpgradedTenant;

pub(crate) fn rotated_to_proto(rotated: &RotatedTenant) -> v1::TenantRotated {
    v1::TenantRotated {
        tenant: Some(tenant_to_proto(&rotated.tenant)),
        secret: rotated.secret.expose_secret().to_owned(),
    }
}

pub(crate) fn edit_from_proto(request: v1::EditTenantRequest) -> deployer_domain::error::Result<EditTenant> {
    let environments = request.environments.map(|allowed| allowed.names.iter().map(|name| name.parse()).collect());
    let cost_limit = request.cost_limit.map(|policy| match policy.as_str() {
        "warn" => Ok(CostLimitPolicy::Warn),
        "deny" => Ok(CostLimitPolicy::Deny),
        other => {
            let message = format!("cost_limit is `warn` or `deny`, not `{other}`");
            Err(Error::new(Reason::InvalidRequest, message))
        }
    });
    Ok(EditTenant {
        entry: TenantEdit {
            display_name: request.display_name,
            email: request.email,
            account_id: request.account_id,
            region: request.region,
            team: request.team,
            department: request.department,
            cost_tracking: request.cost_tracking,
            monthly_cost_limit: request.monthly_cost_limit.map(|limit| Some(limit).filter(|limit| *limit > 0)),
            max_stacks: request.max_stacks,
            max_services: request.max_services,
        },
        rules: RulesEdit {
            environments: environments.transpose()?,
            regions: request.regions.map(|allowed| allowed.names),
            require_approval: request.require_approval,
            cost_limit: cost_limit.transpose()?,
        },
    })
}

pub(crate) fn edited_to_proto(edited: &EditedTenant) -> v1::EditTenantResponse {
    let rules = rules_to_proto(&edited.config.config);
    v1::EditTenantResponse { tenant: Some(tenant_to_proto(&edited.tenant)), rules: Some(rules) }
}

fn rules_to_proto(rules: &ConfigRules) -> v1::TenantRules {
    let ConfigRules { environments, regions, policies } = rules;
    v1::TenantRules {
        environments: environments.iter().map(ToString::to_string).collect(),
        regions: regions.clone(),
        require_approval: policies.require_approval_for_production,
        cost_limit: match policies.cost_limit {
            CostLimitPolicy::Warn => "warn",
            CostLimitPolicy::Deny => "deny",
        }
        .to_owned(),
    }
}

pub(crate) fn create_from_proto(request: v1::CreateTenantRequest) -> deployer_domain::error::Result<NewTenant> {
    let id = if request.id.is_empty() { id_from_name(&request.name)? } else { id_of(&request.id)? };
    let name = given(request.name).unwrap_or_else(|| id.to_string());
    Ok(NewTenant {
        id,
        display_name: given(request.display_name).unwrap_or(name),
        email: request.email,
        account_id: request.account_id,
        region: request.region,
        team: request.team,
        department: request.department,
        secret_prefix: request.secret_prefix,
        cost_tracking: request.cost_tracking,
        monthly_cost_limit: request.monthly_cost_limit,
        max_stacks: request.max_stacks,
        max_services: request.max_services,
        state_version: given(request.state_version).map(|version| StateVersion::new(&version)).transpose()?,
    })
}

pub(crate) fn created_to_proto(created: CreatedTenant) -> v1::TenantCreated {
    v1::TenantCreated {
        tenant: Some(tenant_to_proto(&created.tenant)),
        secret: created.secret.expose_secret().to_owned(),
        storage_path: created.storage_path,
        lock_prefix: created.lock_prefix,
        backend: Some(backend_to_proto(&created.backend)),
        region: created.region,
    }
}

pub(crate) fn created_many_to_proto(many: CreatedTenants) -> v1::TenantsCreated {
    v1::TenantsCreated {
        created: many.created.into_iter().map(created_to_proto).collect(),
        existing: many.existing.iter().map(tenant_to_proto).collect(),
    }
}

pub(crate) fn tenant_to_proto(tenant: &Tenant) -> v1::Tenant {
    v1::Tenant {
        id: tenant.id.to_string(),
        display_name: tenant.display_name.clone(),
        email: tenant.email.clone(),
        created: tenant.created.to_string(),
        status: tenant.status.to_string(),
        path: tenant.space().path(),
        version: tenant.storage.version.to_string(),
        account_id: tenant.aws.account_id.clone(),
        region: tenant.aws.region.clone(),
        team: tenant.metadata.team.clone(),
        department: tenant.metadata.department.clone(),
        limits: Some(v1::Limits {
            cost_tracking: tenant.limits.cost_tracking,
            monthly_cost_limit: tenant.limits.monthly_cost_limit,
            max_stacks: tenant.limits.max_stacks,
            max_services: tenant.limits.max_services,
        }),
        rotations: tenant.credentials.rotations,
        last_rotated: tenant.credentials.last_rotated.map(|time| time.to_string()).unwrap_or_default(),
    }
}

pub(crate) fn row_to_proto(row: TenantRow) -> v1::TenantRow {
    v1::TenantRow {
        tenant: Some(tenant_to_proto(&row.tenant)),
        stacks: Some(row.counts.stacks),
        cost: row.cost.usd,
        services: Some(row.counts.services),
        components: Some(row.counts.components),
        deployments_this_month: row.counts.deployments_this_month,
        counted: row.counts.counted.to_string(),
        unreadable: row.counts.unreadable,
    }
}

pub(crate) fn deleted_row_to_proto(row: &DeletedRow) -> v1::DeletedTenantRow {
    v1::DeletedTenantRow {
        id: row.id.to_string(),
        display_name: row.display_name.clone(),
        archive: row.archive.name().to_owned(),
        deleted: row.deleted.to_string(),
        purgeable: row.purgeable.to_string(),
        objects: count(row.objects),
        bytes: row.bytes,
        restoring: row.restoring,
    }
}

pub(crate) fn stats_to_proto((stats, rows): (TenantStats, Vec<TenantRow>)) -> v1::TenantStatsResponse {
    v1::TenantStatsResponse {
        active: stats.active,
        suspended: stats.suspended,
        closed: stats.closed,
        stacks: stats.stacks,
        services: stats.services,
        components: stats.components,
        deployments_this_month: stats.deployments_this_month,
        cost: stats.cost,
        counted: stats.counted.map(|counted| counted.to_string()).unwrap_or_default(),
        tenants: rows.into_iter().map(row_to_proto).collect(),
    }
}

pub(crate) fn details_to_proto(view: TenantView) -> v1::TenantDetails {
    v1::TenantDetails {
        tenant: Some(tenant_to_proto(&view.tenant)),
        backend: Some(backend_to_proto(&view.backend)),
        bucket: view.bucket,
        stacks: view.stacks.iter().map(summary_to_proto).collect(),
        stack_count: view.usage.stacks,
        service_count: view.usage.services,
        deployments_this_month: view.deployments_this_month,
        cost: view.cost.usd,
        cost_unknown: view.cost.unknown,
        uptime: view.uptime,
        rules: view.rules.as_ref().ok().map(rules_to_proto),
        rules_unknown: view.rules.err().unwrap_or_default(),
        isolation: view.isolation.map(|isolation| isolation.as_str().to_owned()).unwrap_or_default(),
    }
}

pub(crate) fn usage_to_proto(view: TenantUsage) -> v1::TenantUsage {
    let now = view.now.as_ref();
    v1::TenantUsage {
        tenant: Some(tenant_to_proto(&view.tenant)),
        month: view.month.to_string(),
        stacks: now.map(|now| now.usage.stacks),
        services: now.map(|now| now.usage.services),
        components: now.map(|now| now.components),
        compute: now.and_then(|now| now.measured.compute).map(|compute| v1::Compute {
            tasks: compute.tasks,
            vcpu: compute.vcpu,
            memory_gb: compute.memory_gb,
        }),
        storage: now.map(|now| v1::Storage {
            databases: now.measured.databases,
            database_gb: now.measured.database_gb,
            buckets: now.measured.buckets,
            bucket_bytes: now.measured.bucket_bytes,
            caches: now.measured.caches,
        }),
        costs: view.costs.as_ref().ok().map(costs_to_proto),
        notes: view.notes(),
    }
}

fn costs_to_proto(costs: &Costs) -> v1::Costs {
    v1::Costs {
        breakdown: costs
            .breakdown
            .iter()
            .map(|(kind, usd)| v1::CostPart { kind: kind.as_str().to_owned(), usd: *usd })
            .collect(),
        total: costs.total,
        trend: costs.trend,
        months: costs.months.iter().map(|(month, usd)| v1::MonthCost { month: month.to_string(), usd: *usd }).collect(),
    }
}

pub(crate) fn summary_to_proto(summary: &StackSummary) -> v1::StackSummary {
    v1::StackSummary {
        stack: summary.stack.to_string(),
        environment: summary.environment.to_string(),
        services: u32::try_from(summary.services.len()).unwrap_or(u32::MAX),
        components: summary.components,
        updated: summary.updated.map(|time| time.to_string()).unwrap_or_default(),
        status: summary.status.as_str().to_owned(),
        problem: summary.problem.clone(),
    }
}

pub(crate) fn deleted_to_proto(deleted: &DeletedTenant) -> v1::TenantDeleted {
    v1::TenantDeleted {
        tenant: Some(tenant_to_proto(&deleted.tenant)),
        archive: deleted.archive.path().to_owned(),
        objects: count(deleted.manifest.objects.len() as u64),
        bytes: deleted.manifest.bytes(),
        purgeable: deleted.manifest.purgeable().to_string(),
    }
}

pub(crate) fn restored_to_proto(restored: &RestoredTenant) -> v1::TenantRestored {
    v1::TenantRestored {
        tenant: Some(tenant_to_proto(&restored.tenant)),
        secret: restored.secret.expose_secret().to_owned(),
        objects: count(restored.objects),
    }
}

pub(crate) fn migrated_to_proto(migrated: &MigratedTenant) -> v1::TenantMigrated {
    v1::TenantMigrated {
        tenant: Some(tenant_to_proto(&migrated.tenant)),
        from: migrated.from.clone(),
        to: migrated.to.clone(),
        stacks: count(migrated.stacks),
        objects: count(migrated.objects),
        bytes: migrated.bytes,
        dry_run: migrated.dry_run,
    }
}

pub(crate) fn upgraded_to_proto(upgraded: &UpgradedTenant) -> v1::TenantUpgraded {
    v1::TenantUpgraded {
        tenant: Some(tenant_to_proto(&upgraded.tenant)),
        from: upgraded.from.clone(),
        objects: count(upgraded.objects),
    }
}

pub(crate) fn role_to_proto(shown: &ShownRole) -> v1::TenantRole {
    let role = &shown.role;
    let trust = if role.principals.is_empty() { String::new() } else { format!("{:#}", role.trust()) };
    v1::TenantRole {
        tenant: role.tenant.to_string(),
        name: role.name(),
        arn: role.arn(),
        trust,
        permissions: format!("{:#}", role.permissions()),
        applied: shown.applied.map(|made| if made { "made" } else { "changed" }).unwrap_or_default().to_owned(),
    }
}

pub(crate) fn purged_to_proto(purged: &PurgedTenant) -> v1::PurgeTenantResponse {
    v1::PurgeTenantResponse { archives: purged.archives, objects: count(purged.objects) }
}

fn count(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
