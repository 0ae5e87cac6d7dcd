//! The life of a tenant: rotated, suspended, activated, edited; cut off in the middle and repeated.

use deployer_domain::memory::Fault;
use deployer_domain::object::PortError;
use deployer_domain::tenant::{Tenant, TenantEdit, TenantStatus};
use deployer_domain::tenant_config::RulesEdit;

use super::*;
use crate::operation::activate_tenant::activate_tenant;
use crate::operation::edit_tenant::{EditTenant, edit_tenant};
use crate::operation::list_audit::{AuditWanted, list_audit};
use crate::operation::rotate_tenant::{RotatedTenant, rotate_tenant};
use crate::operation::show_tenant::show_tenant;
use crate::operation::suspend_tenant::suspend_tenant;
use crate::operation::sync_tenants::{SyncedTenants, sync_tenants};
use crate::operation::tenant_details::tenant_details;

fn acme() -> deployer_domain::name::TenantId {
    "acme".parse().unwrap()
}

async fn rotate(world: &World) -> Result<RotatedTenant> {
    rotate_tenant(&world.ports, &caller(), &acme(), "", &|_| {}).await
}

async fn registered(world: &World) -> Tenant {
    let registry = deployer_domain::registry::Registry::parse(world.text("tenants.yaml").await.as_bytes()).unwrap();
    registry.tenant(&acme()).unwrap().clone()
}

async fn derived(world: &World) -> Tenant {
    let text = world.text("acme").await;
    deployer_domain::registry::Derived::parse(text.as_bytes(), "registry/acme.yaml").unwrap().tenant
}

/// Lets so many writes pass and refuses the next, as if the daemon had been killed before it.
fn cut_off_after(world: &World, writes: usize) {
    for fault in std::iter::repeat_n(Fault::None, writes).chain([Fault::Refuse(PortError::Denied("cut".to_owned()))]) {
        world.stored().objects.next_write(fault);
    }
}

#[tokio::test]
async fn a_rotation_ends_the_old_secret_and_its_sessions() {
    let (world, created) = World::with_tenant("acme").await;
    let steps = Mutex::new(Vec::new());
    let hear = |step: &str| steps.lock().unwrap().push(step.to_owned());
    let rotated = rotate_tenant(&world.ports, &caller(), &acme(), "", &hear).await.unwrap();
    let expected = [
        "Generating new secret",
        "Updating tenants.yaml",
        "Invalidating old sessions",
        "Credentials rotated successfully",
    ];
    assert_eq!(*steps.lock().unwrap(), expected);
    assert_eq!((rotated.tenant.credentials.rotations, registered(&world).await), (1, derived(&world).await));
    assert!(rotated.secret.expose_secret().starts_with("dplr_"));
    // The daemon that rotated forgets what it knew, so the session ends with the next command.
    let error = tenant_details(&world.ports, &caller()).await.unwrap_err();
    assert_eq!(
        (error.reason, error.to_string().as_str()),
        (Reason::InvalidCredentials, "Authentication failed: Invalid credentials")
    );
    assert_eq!(error.hints, ["Credentials may have been rotated. Contact your admin."]);
    let old = world.login("acme", created.secret.expose_secret()).await.unwrap_err();
    assert_eq!(old.reason, Reason::InvalidCredentials);
    world.login("acme", rotated.secret.expose_secret()).await.unwrap();
    let stored = world.stored();
    let everything: Vec<u8> =
        stored.objects.keys().iter().filter_map(|key| stored.objects.raw(key)).flatten().collect();
    assert!(!String::from_utf8_lossy(&everything).contains(rotated.secret.expose_secret()));
}

#[tokio::test]
async fn a_session_on_another_computer_ends_within_half_a_minute_of_the_rotation() {
    let (world, created) = World::with_tenant("acme").await;
    let other = world.another().await;
    other.login("acme", created.secret.expose_secret()).await.unwrap();
    rotate(&world).await.unwrap();
    other.clock.pass(SignedDuration::from_secs(30));
    let error = tenant_details(&other.ports, &caller()).await.unwrap_err();
    assert_eq!(error.reason, Reason::InvalidCredentials);
}

#[tokio::test]
async fn a_rotation_that_is_cut_off_anywhere_can_be_repeated() {
    // The intent, the derived entry, the registry; the result is not waited for.
    for writes in 0..3 {
        let (world, _) = World::with_tenant("acme").await;
        cut_off_after(&world, writes);
        rotate(&world).await.unwrap_err();
        let rotated = rotate(&world).await.unwrap();
        assert_eq!(registered(&world).await, derived(&world).await, "after {writes} writes");
        assert_eq!(rotated.tenant.credentials.rotations, 1, "after {writes} writes");
        world.login("acme", rotated.secret.expose_secret()).await.unwrap();
    }
}

#[tokio::test]
async fn a_rotation_whose_answers_get_lost_succeeds_once() {
    for writes in 0..3 {
        let (world, _) = World::with_tenant("acme").await;
        for fault in std::iter::repeat_n(Fault::None, writes).chain([Fault::LoseAnswer]) {
            world.stored().objects.next_write(fault);
        }
        let rotated = rotate(&world).await.unwrap();
        assert_eq!((rotated.tenant.credentials.rotations, registered(&world).await), (1, derived(&world).await));
        world.login("acme", rotated.secret.expose_secret()).await.unwrap();
    }
}

#[tokio::test]
async fn a_rotation_whose_intent_cannot_be_recorded_changes_nothing() {
    let (world, created) = World::with_tenant("acme").await;
    cut_off_after(&world, 0);
    rotate(&world).await.unwrap_err();
    world.login("acme", created.secret.expose_secret()).await.unwrap();
    assert_eq!(registered(&world).await.credentials.rotations, 0);
}

#[tokio::test]
async fn a_suspended_tenant_keeps_its_sessions_until_they_expire_and_gets_no_new_ones() {
    let (world, created) = World::with_tenant("acme").await;
    for _ in 0..2 {
        assert_eq!(suspend_tenant(&world.ports, &caller(), &acme()).await.unwrap().status, TenantStatus::Suspended);
    }
    assert_eq!(registered(&world).await, derived(&world).await);
    tenant_details(&world.ports, &caller()).await.unwrap();
    let error = world.login("acme", created.secret.expose_secret()).await.unwrap_err();
    assert_eq!(error.reason, Reason::TenantSuspended);
    // Used every day, and still not renewed.
    for _ in 0..6 {
        world.clock.pass(SignedDuration::from_hours(24));
        tenant_details(&world.ports, &caller()).await.unwrap();
    }
    world.clock.pass(SignedDuration::from_hours(24));
    assert_eq!(tenant_details(&world.ports, &caller()).await.unwrap_err().reason, Reason::SessionExpired);
    world.admin_login(PASSWORD).await.unwrap();
    assert_eq!(activate_tenant(&world.ports, &caller(), &acme()).await.unwrap().status, TenantStatus::Active);
    world.login("acme", created.secret.expose_secret()).await.unwrap();
}

#[tokio::test]
async fn a_suspension_that_is_cut_off_counts_already_and_can_be_repeated() {
    let (world, created) = World::with_tenant("acme").await;
    cut_off_after(&world, 2);
    suspend_tenant(&world.ports, &caller(), &acme()).await.unwrap_err();
    let error = world.login("acme", created.secret.expose_secret()).await.unwrap_err();
    assert_eq!(error.reason, Reason::TenantSuspended);
    suspend_tenant(&world.ports, &caller(), &acme()).await.unwrap();
    assert_eq!(registered(&world).await.status, TenantStatus::Suspended);
}

#[tokio::test]
async fn an_activation_that_is_cut_off_is_completed_by_any_admin_command_that_notices() {
    let (world, created) = World::with_tenant("acme").await;
    suspend_tenant(&world.ports, &caller(), &acme()).await.unwrap();
    cut_off_after(&world, 2);
    activate_tenant(&world.ports, &caller(), &acme()).await.unwrap_err();
    assert_eq!(derived(&world).await.status, TenantStatus::Suspended);
    show_tenant(&world.ports, &caller(), &acme()).await.unwrap();
    assert_eq!(derived(&world).await.status, TenantStatus::Active);
    world.login("acme", created.secret.expose_secret()).await.unwrap();
}

#[tokio::test]
async fn an_edit_changes_the_entry_and_the_rules_and_can_be_repeated() {
    let (world, _) = World::with_tenant("acme").await;
    let edit = EditTenant {
        entry: TenantEdit { max_stacks: Some(3), monthly_cost_limit: Some(Some(70)), ..TenantEdit::default() },
        rules: RulesEdit { require_approval: Some(false), ..RulesEdit::default() },
    };
    for _ in 0..2 {
        let edited = edit_tenant(&world.ports, &caller(), &acme(), edit.clone()).await.unwrap();
        assert_eq!((edited.tenant.limits.max_stacks, edited.tenant.limits.monthly_cost_limit), (3, Some(70)));
        assert!(!edited.config.config.policies.require_approval_for_production);
    }
    assert_eq!(registered(&world).await, derived(&world).await);
    let stored = String::from_utf8(world.stored().objects.raw("tenants/acme/tenant.yaml").unwrap()).unwrap();
    assert!(stored.contains("requireApprovalForProduction: false"), "{stored}");
    // A tenant whose document is gone gets it with the edit.
    world.stored().objects.remove_raw("tenants/acme/tenant.yaml");
    edit_tenant(&world.ports, &caller(), &acme(), edit).await.unwrap();
    let stored = String::from_utf8(world.stored().objects.raw("tenants/acme/tenant.yaml").unwrap()).unwrap();
    assert!(stored.contains("requireApprovalForProduction: false"), "{stored}");
}

#[tokio::test]
async fn an_edit_of_nothing_and_a_change_of_nobody_are_refused() {
    let (world, _) = World::with_tenant("acme").await;
    let error = edit_tenant(&world.ports, &caller(), &acme(), EditTenant::default()).await.unwrap_err();
    assert_eq!(error.reason, Reason::InvalidRequest);
    let nobody = "nobody".parse().unwrap();
    let rotated = rotate_tenant(&world.ports, &caller(), &nobody, "", &|_| {}).await.unwrap_err();
    let suspended = suspend_tenant(&world.ports, &caller(), &nobody).await.unwrap_err();
    assert_eq!((rotated.reason, suspended.reason), (Reason::NotFound, Reason::NotFound));
    assert!(rotated.hints[0].contains("deployer tenant list"));
}

#[tokio::test]
async fn changes_are_recorded_before_and_after() {
    let (world, _) = World::with_tenant("acme").await;
    rotate(&world).await.unwrap();
    suspend_tenant(&world.ports, &caller(), &acme()).await.unwrap();
    let events = world.audit("audit/").await;
    let told: Vec<_> = events
        .iter()
        .filter(|event| event["subject"] == "acme")
        .map(|event| (event["action"].as_str().unwrap(), event["phase"].as_str().unwrap()))
        .collect();
    for action in ["tenant.rotate", "tenant.suspend"] {
        assert!(told.contains(&(action, "intent")) && told.contains(&(action, "succeeded")), "{told:?}");
    }
}

#[tokio::test]
async fn two_admins_who_rotate_at_once_leave_one_secret_that_works() {
    let (world, _) = World::with_tenant("acme").await;
    let other = world.another().await;
    let (one, two) = tokio::join!(rotate(&world), rotate(&other));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(registered(&world).await, derived(&world).await);
    assert_eq!(registered(&world).await.credentials.rotations, 2);
    let mut works = 0;
    for secret in [one.secret, two.secret] {
        works += usize::from(world.login("acme", secret.expose_secret()).await.is_ok());
    }
    assert_eq!(works, 1);
}

#[tokio::test]
async fn a_sync_repairs_what_differs_and_removes_what_nobody_knows() {
    let (world, created) = World::with_tenant("acme").await;
    world.create("web").await.unwrap();
    let right = world.text("acme").await;
    world.stored().objects.put_raw("registry/acme.yaml", right.replace("status: active", "status: suspended"));
    world.stored().objects.remove_raw("registry/web.yaml");
    world.stored().objects.put_raw("registry/gone.yaml", right.replace("acme", "gone"));
    let synced = sync_tenants(&world.ports, &caller()).await.unwrap();
    assert_eq!(synced, SyncedTenants { tenants: 2, written: 2, removed: 1 });
    assert_eq!(world.text("acme").await, right.replace("generation: 2", "generation: 3"));
    assert_eq!(
        sync_tenants(&world.ports, &caller()).await.unwrap(),
        SyncedTenants { tenants: 2, ..Default::default() }
    );
    world.login("acme", created.secret.expose_secret()).await.unwrap();
}

#[tokio::test]
async fn the_audit_is_listed_for_the_platform_for_a_tenant_and_for_itself() {
    let (world, _) = World::with_tenant("acme").await;
    let _refused = world.login("acme", "dplr_wrong").await.unwrap_err();
    world.create("web").await.unwrap();
    let filter = deployer_domain::audit::AuditFilter { limit: 100, ..Default::default() };
    let list = async |wanted: AuditWanted, filter: &deployer_domain::audit::AuditFilter| {
        let events = list_audit(&world.ports, &caller(), &wanted, filter).await.unwrap();
        events.into_iter().map(|event| event.action).collect::<Vec<_>>()
    };
    let platform = list(AuditWanted::Platform, &filter).await;
    assert_eq!(platform.iter().filter(|action| *action == "tenant.create").count(), 2, "{platform:?}");
    let own = list(AuditWanted::Own, &filter).await;
    assert!(!own.is_empty() && own.iter().all(|action| action == "tenant.login"), "{own:?}");
    let of = list(AuditWanted::Of(acme()), &filter).await;
    assert!(of.iter().any(|action| action == "tenant.create") && of.len() == own.len() + 1, "{of:?}");
    let failed = deployer_domain::audit::AuditFilter { failed: true, ..filter.clone() };
    assert_eq!(list(AuditWanted::Own, &failed).await.len(), 1);
    let since = Some(world.clock.now() - SignedDuration::from_hours(24));
    let recent = deployer_domain::audit::AuditFilter { since, ..filter };
    assert_eq!(list(AuditWanted::Own, &recent).await, own);
}
