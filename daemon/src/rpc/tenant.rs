//! Tenants on the wire.

use std::time::Duration;

use deployer_domain::name::{StateVersion, TenantId};
use deployer_proto::v1;
use deployer_proto::v1::tenant_service_server::TenantService;
use tonic::{Request, Response, Status};

use super::Server;
use super::convert::given;
use super::status::to_status;
use super::steps::{self, StepStream};
use super::tenants::*;
use crate::operation::abort_upgrade::abort_upgrade;
use crate::operation::activate_tenant::activate_tenant;
use crate::operation::create_tenant::create_tenant;
use crate::operation::create_tenants::create_tenants;
use crate::operation::delete_tenant::{DeleteTenant, delete_tenant};
use crate::operation::edit_tenant::edit_tenant;
use crate::operation::list_deleted::list_deleted;
use crate::operation::list_tenants::list_tenants;
use crate::operation::migrate_tenant::{MigrateTenant, migrate_tenant};
use crate::operation::purge_tenant::purge_tenant;
use crate::operation::restore_tenant::{RestoreTenant, restore_tenant};
use crate::operation::rotate_tenant::rotate_tenant;
use crate::operation::show_tenant::show_tenant;
use crate::operation::suspend_tenant::suspend_tenant;
use crate::operation::sync_tenants::{SyncedTenants, sync_tenants};
use crate::operation::tenant_counts::CountWanted;
use crate::operation::tenant_details::tenant_details;
use crate::operation::tenant_policy::{TenantPolicy, tenant_policy};
use crate::operation::tenant_stacks::tenant_stacks;
use crate::operation::tenant_stats::tenant_stats;
use crate::operation::tenant_usage::tenant_usage;
use crate::operation::upgrade_tenant::{UpgradeTenant, upgrade_tenant};

#[tonic::async_trait]
impl TenantService for Server {
    type CreateStream = StepStream<v1::CreateTenantEvent>;
    type CreateManyStream = StepStream<v1::CreateTenantsEvent>;
    type RotateStream = StepStream<v1::RotateTenantEvent>;
    type DeleteStream = StepStream<v1::DeleteTenantEvent>;
    type MigrateStream = StepStream<v1::MigrateTenantEvent>;
    type UpgradeStream = StepStream<v1::UpgradeTenantEvent>;
    type RestoreStream = StepStream<v1::RestoreTenantEvent>;

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

    async fn create_many(
        &self,
        request: Request<v1::CreateTenantsRequest>,
    ) -> Result<Response<Self::CreateManyStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let ports = self.ports.clone();
        Ok(steps::answer(
            |step| create_many_event(v1::create_tenants_event::Event::Step(step)),
            |done| create_many_event(v1::create_tenants_event::Event::Done(created_many_to_proto(done))),
            |hear| async move { create_tenants(&ports, &caller, &request.file, &*hear).await },
        ))
    }

    async fn list(
        &self,
        request: Request<v1::ListTenantsRequest>,
    ) -> Result<Response<v1::ListTenantsResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        if request.deleted {
            let deleted = list_deleted(&self.ports, &caller).await.map_err(|error| to_status(&error))?;
            let deleted = deleted.iter().map(deleted_row_to_proto).collect();
            return Ok(Response::new(v1::ListTenantsResponse { deleted, ..v1::ListTenantsResponse::default() }));
        }
        let rows =
            list_tenants(&self.ports, &caller, CountWanted { refresh: request.refresh, deployments: false }).await;
        let rows = rows.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::ListTenantsResponse {
            tenants: rows.into_iter().map(row_to_proto).collect(),
            deleted: Vec::new(),
        }))
    }

    async fn stats(
        &self,
        request: Request<v1::TenantStatsRequest>,
    ) -> Result<Response<v1::TenantStatsResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let stats = tenant_stats(&self.ports, &caller, request.refresh).await;
        Ok(Response::new(stats_to_proto(stats.map_err(|error| to_status(&error))?)))
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

    async fn delete(&self, request: Request<v1::DeleteTenantRequest>) -> Result<Response<Self::DeleteStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let wanted = DeleteTenant {
            id: tenant_id(&request.id)?,
            abandon_resources: request.abandon_resources,
            wait: Duration::from_secs(request.wait_seconds.into()),
        };
        let ports = self.ports.clone();
        Ok(steps::answer(
            |step| delete_event(v1::delete_tenant_event::Event::Step(step)),
            |done| delete_event(v1::delete_tenant_event::Event::Done(deleted_to_proto(&done))),
            |hear| async move { delete_tenant(&ports, &caller, wanted, &*hear).await },
        ))
    }

    async fn restore(
        &self,
        request: Request<v1::RestoreTenantRequest>,
    ) -> Result<Response<Self::RestoreStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let wanted = RestoreTenant { id: tenant_id(&request.id)?, from: given(request.from) };
        let ports = self.ports.clone();
        Ok(steps::answer(
            |step| restore_event(v1::restore_tenant_event::Event::Step(step)),
            |done| restore_event(v1::restore_tenant_event::Event::Done(restored_to_proto(&done))),
            |hear| async move { restore_tenant(&ports, &caller, wanted, &*hear).await },
        ))
    }

    async fn purge(
        &self,
        request: Request<v1::PurgeTenantRequest>,
    ) -> Result<Response<v1::PurgeTenantResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let id = tenant_id(&request.id)?;
        let purged = purge_tenant(&self.ports, &caller, &id).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(purged_to_proto(&purged)))
    }

    async fn migrate(
        &self,
        request: Request<v1::MigrateTenantRequest>,
    ) -> Result<Response<Self::MigrateStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let wanted = MigrateTenant { id: tenant_id(&request.id)?, from: request.from, dry_run: request.dry_run };
        let ports = self.ports.clone();
        Ok(steps::answer(
            |step| migrate_event(v1::migrate_tenant_event::Event::Step(step)),
            |done| migrate_event(v1::migrate_tenant_event::Event::Done(migrated_to_proto(&done))),
            |hear| async move { migrate_tenant(&ports, &caller, wanted, &*hear).await },
        ))
    }

    async fn upgrade(
        &self,
        request: Request<v1::UpgradeTenantRequest>,
    ) -> Result<Response<Self::UpgradeStream>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let wanted = UpgradeTenant {
            id: tenant_id(&request.id)?,
            to: StateVersion::new(&request.to).map_err(|error| to_status(&error.into()))?,
            wait: Duration::from_secs(request.wait_seconds.into()),
        };
        let ports = self.ports.clone();
        Ok(steps::answer(
            |step| upgrade_event(v1::upgrade_tenant_event::Event::Step(step)),
            |done| upgrade_event(v1::upgrade_tenant_event::Event::Done(upgraded_to_proto(&done))),
            |hear| async move { upgrade_tenant(&ports, &caller, wanted, &*hear).await },
        ))
    }

    async fn abort_upgrade(
        &self,
        request: Request<v1::AbortUpgradeRequest>,
    ) -> Result<Response<v1::AbortUpgradeResponse>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let id = tenant_id(&request.id)?;
        let tenant = abort_upgrade(&self.ports, &caller, &id).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(v1::AbortUpgradeResponse { tenant: Some(tenant_to_proto(&tenant)) }))
    }

    async fn policy(&self, request: Request<v1::TenantPolicyRequest>) -> Result<Response<v1::TenantRole>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let wanted = TenantPolicy { id: tenant_id(&request.id)?, principals: request.principals, apply: request.apply };
        let shown = tenant_policy(&self.ports, &caller, wanted).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(role_to_proto(&shown)))
    }

    async fn sync(
        &self,
        request: Request<v1::SyncTenantsRequest>,
    ) -> Result<Response<v1::SyncTenantsResponse>, Status> {
        let caller = self.caller(request.into_inner().context)?;
        let synced = sync_tenants(&self.ports, &caller).await.map_err(|error| to_status(&error))?;
        let SyncedTenants { tenants, written, removed } = synced;
        Ok(Response::new(v1::SyncTenantsResponse { tenants, written, removed }))
    }

    async fn details(&self, request: Request<v1::TenantDetailsRequest>) -> Result<Response<v1::TenantDetails>, Status> {
        let caller = self.caller(request.into_inner().context)?;
        let view = tenant_details(&self.ports, &caller).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(details_to_proto(view)))
    }

    async fn usage(&self, request: Request<v1::TenantUsageRequest>) -> Result<Response<v1::TenantUsage>, Status> {
        let request = request.into_inner();
        let caller = self.caller(request.context)?;
        let month = given(request.month).map(|month| month.parse()).transpose().map_err(|error| to_status(&error))?;
        let usage = tenant_usage(&self.ports, &caller, month).await.map_err(|error| to_status(&error))?;
        Ok(Response::new(usage_to_proto(usage)))
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

fn create_event(event: v1::create_tenant_event::Event) -> v1::CreateTenantEvent {
    v1::CreateTenantEvent { event: Some(event) }
}

fn create_many_event(event: v1::create_tenants_event::Event) -> v1::CreateTenantsEvent {
    v1::CreateTenantsEvent { event: Some(event) }
}

fn delete_event(event: v1::delete_tenant_event::Event) -> v1::DeleteTenantEvent {
    v1::DeleteTenantEvent { event: Some(event) }
}

fn migrate_event(event: v1::migrate_tenant_event::Event) -> v1::MigrateTenantEvent {
    v1::MigrateTenantEvent { event: Some(event) }
}

fn upgrade_event(event: v1::upgrade_tenant_event::Event) -> v1::UpgradeTenantEvent {
    v1::UpgradeTenantEvent { event: Some(event) }
}

fn restore_event(event: v1::restore_tenant_event::Event) -> v1::RestoreTenantEvent {
    v1::RestoreTenantEvent { event: Some(event) }
}
