//! Tenants on the wire.

use deployer_domain::error::{Error, Reason};
use deployer_domain::name::{StateVersion, TenantId};
use deployer_domain::tenant::{Tenant, TenantEdit};
use deployer_domain::tenant_config::{ConfigRules, CostLimitPolicy, RulesEdit};
use deployer_proto::v1;
use deployer_proto::v1::tenant_service_server::TenantService;
use secrecy::ExposeSecret;
use tonic::{Request, Response, Status};

use super::Server;
use super::convert::{backend_to_proto, given};
use super::status::to_status;
use super::steps::{self, StepStream};
use crate::operation::activate_tenant::activate_tenant;
use crate::operation::create_tenant::{CreateTenant, CreatedTenant, create_tenant};
use crate::operation::edit_tenant::{EditTenant, EditedTenant, edit_tenant};
use crate::operation::list_tenants::{TenantRow, list_tenants};
use crate::operation::rotate_tenant::{RotatedTenant, rotate_tenant};
use crate::operation::show_tenant::show_tenant;
use crate::operation::stack_summaries::StackSummary;
use crate::operation::suspend_tenant::suspend_tenant;
use crate::operation::tenant_details::{TenantView, tenant_details};
use crate::operation::tenant_stacks::tenant_stacks;

#[tonic::async_trait]
impl TenantService for Server {
    type CreateStream = StepStream<v1::CreateTenantEvent>;
    type RotateStream = StepStream<v1::RotateTenantEvent>;

    async fn create(&self, request: Request<v1::CreateTenantRequest>) -> Result<Response<Self::CreateStream>, Status> {
        let mut request = request.into_inner();
        let caller = self.caller(request.context.take())?;
        let wanted = create_from_proto(request).map_err(|error| to_status(&error))?;
        let ports = self.ports.clone();
        Ok(steps::answer(
            |step| create_event(v1::create_tenant_event::Event::Step(step)),
            |done| create_event(v1::create_tenant_event::Event::Done(created_to_proto(done))),
            |hear| async move { create_tenant(&ports, &caller, wanted, &*hear).await },
        ))
    }

    async fn list(
        &self,
        request: Request<v1::ListTenantsRequest>,
    ) -> Result<Response<v1::ListTenantsResponse>, Status> {
        let caller = self.caller(request.into_inner().context)?;
        let rows = list_tenants(&self.ports, &caller).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::ListTenantsResponse { tenants: rows.into_iter().map(row_to_proto).collect() }))
    }

    async fn show(&self, request: Request<v1::ShowTenantRequest>) -> Result<Response<v1::TenantDetails>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let id = tenant_id(&request.id)?;
        let view = show_tenant(&self.ports, &caller, &id).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(details_to_proto(view)))
    }

    async fn rotate(&self, request: Request<v1::RotateTenantRequest>) -> Result<Response<Self::RotateStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let id = tenant_id(&request.id)?;
        let ports = self.ports.clone();
        Ok(steps::answer(
            |step| rotate_event(v1::rotate_tenant_event::Event::Step(step)),
            |done| rotate_event(v1::rotate_tenant_event::Event::Done(rotated_to_proto(&done))),
            |hear| async move { rotate_tenant(&ports, &caller, &id, &request.secret_prefix, &*hear).await },
        ))
    }

    async fn suspend(
        &self,
        request: Request<v1::SuspendTenantRequest>,
    ) -> Result<Response<v1::SuspendTenantResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let id = tenant_id(&request.id)?;
        let tenant = suspend_tenant(&self.ports, &caller, &id).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::SuspendTenantResponse { tenant: Some(tenant_to_proto(&tenant)) }))
    }

    async fn activate(
        &self,
        request: Request<v1::ActivateTenantRequest>,
    ) -> Result<Response<v1::ActivateTenantResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let id = tenant_id(&request.id)?;
        let tenant = activate_tenant(&self.ports, &caller, &id).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::ActivateTenantResponse { tenant: Some(tenant_to_proto(&tenant)) }))
    }

    async fn edit(&self, request: Request<v1::EditTenantRequest>) -> Result<Response<v1::EditTenantResponse>, Status> {
        let mut request = request.into_inner();
        let caller = self.caller(request.context.take())?;
        let id = tenant_id(&request.id)?;
        let edit = edit_from_proto(request).map_err(|error| to_status(&error))?;
        let edited = edit_tenant(&self.ports, &caller, &id, edit).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(edited_to_proto(&edited)))
    }

    async fn details(&self, request: Request<v1::TenantDetailsRequest>) -> Result<Response<v1::TenantDetails>, Status> {
        let caller = self.caller(request.into_inner().context)?;
        let view = tenant_details(&self.ports, &caller).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(details_to_proto(view)))
    }

    async fn stacks(
        &self,
        request: Request<v1::TenantStacksRequest>,
    ) -> Result<Response<v1::TenantStacksResponse>, Status> {
        let caller = self.caller(request.into_inner().context)?;
        let stacks = tenant_stacks(&self.ports, &caller).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::TenantStacksResponse { stacks: stacks.iter().map(summary_to_proto).collect() }))
    }
}

fn tenant_id(text: &str) -> Result<TenantId, Status> {
    TenantId::new(text.trim()).map_err(|error| to_status(&error.into()))
}

fn rotate_event(event: v1::rotate_tenant_event::Event) -> v1::RotateTenantEvent {
    v1::RotateTenantEvent { event: Some(event) }
}

fn rotated_to_proto(rotated: &RotatedTenant) -> v1::TenantRotated {
    v1::TenantRotated {
        tenant: Some(tenant_to_proto(&rotated.tenant)),
        secret: rotated.secret.expose_secret().to_owned(),
    }
}

fn edit_from_proto(request: v1::EditTenantRequest) -> deployer_domain::error::Result<EditTenant> {
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

fn edited_to_proto(edited: &EditedTenant) -> v1::EditTenantResponse {
    let ConfigRules { environments, regions, policies } = &edited.config.config;
    let rules = v1::TenantRules {
        environments: environments.iter().map(ToString::to_string).collect(),
        regions: regions.clone(),
        require_approval: policies.require_approval_for_production,
        cost_limit: match policies.cost_limit {
            CostLimitPolicy::Warn => "warn",
            CostLimitPolicy::Deny => "deny",
        }
        .to_owned(),
    };
    v1::EditTenantResponse { tenant: Some(tenant_to_proto(&edited.tenant)), rules: Some(rules) }
}

fn create_event(event: v1::create_tenant_event::Event) -> v1::CreateTenantEvent {
    v1::CreateTenantEvent { event: Some(event) }
}

fn create_from_proto(request: v1::CreateTenantRequest) -> deployer_domain::error::Result<CreateTenant> {
    Ok(CreateTenant {
        name: request.name,
        display_name: request.display_name,
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

fn created_to_proto(created: CreatedTenant) -> v1::TenantCreated {
    v1::TenantCreated {
        tenant: Some(tenant_to_proto(&created.tenant)),
        secret: created.secret.expose_secret().to_owned(),
        storage_path: created.storage_path,
        lock_prefix: created.lock_prefix,
        backend: Some(backend_to_proto(&created.backend)),
        region: created.region,
    }
}

fn tenant_to_proto(tenant: &Tenant) -> v1::Tenant {
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

fn row_to_proto(row: TenantRow) -> v1::TenantRow {
    v1::TenantRow { tenant: Some(tenant_to_proto(&row.tenant)), stacks: Some(row.stacks), cost: None }
}

fn details_to_proto(view: TenantView) -> v1::TenantDetails {
    v1::TenantDetails {
        tenant: Some(tenant_to_proto(&view.tenant)),
        backend: Some(backend_to_proto(&view.backend)),
        bucket: view.bucket,
        stacks: view.stacks.iter().map(summary_to_proto).collect(),
        stack_count: view.usage.stacks,
        service_count: view.usage.services,
        deployments_this_month: view.deployments_this_month,
        cost: None,
        uptime: None,
        isolation: view.isolation.as_str().to_owned(),
    }
}

fn summary_to_proto(summary: &StackSummary) -> v1::StackSummary {
    v1::StackSummary {
        stack: summary.stack.to_string(),
        environment: summary.environment.to_string(),
        services: u32::try_from(summary.services.len()).unwrap_or(u32::MAX),
        components: summary.components,
        updated: summary.updated.map(|time| time.to_string()).unwrap_or_default(),
        status: summary.status.as_str().to_owned(),
    }
}
