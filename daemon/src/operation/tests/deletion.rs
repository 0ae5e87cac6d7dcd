//! A tenant's end and its return: refused while something is deployed, cut off anywhere, archived, restored, purged.

use deployer_domain::memory::Fault;
use deployer_domain::object::PortError;

use super::*;
use crate::operation::delete_tenant::{DeleteTenant, DeletedTenant, delete_tenant};
use crate::operation::list_deleted::list_deleted;
use crate::operation::purge_tenant::purge_tenant;
use crate::operation::restore_tenant::{RestoreTenant, RestoredTenant, restore_tenant};
use crate::operation::rotate_tenant::rotate_tenant;
use crate::operation::show_tenant::show_tenant;
use crate::operation::tenant_details::tenant_details;

const STATE: &str = "tenants/acme/v1/stacks/shop/dev/state.json";

fn acme() -> deployer_domain::name::TenantId {
    "acme".parse().unwrap()
}

async fn delete(world: &World, abandon_resources: bool) -> Result<DeletedTenant> {
    let wanted = DeleteTenant { id: acme(), abandon_resources, wait: Duration::ZERO };
    delete_tenant(&world.ports, &caller(), wanted, &|_| {}).await
}

async fn restore(world: &World) -> Result<RestoredTenant> {
    restore_from(world, None).await
}

async fn restore_from(world: &World, from: Option<&str>) -> Result<RestoredTenant> {
    let wanted = RestoreTenant { id: acme(), from: from.map(str::to_owned) };
    restore_tenant(&world.ports, &caller(), wanted, &|_| {}).await
}

/// A tenant with one state; something is deployed in it or not.
async fn world(deployed: bool) -> (World, CreatedTenant) {
    let (world, created) = World::with_tenant("acme").await;
    let component = r#""api.app":{"type":"command","engine":"command","status":"deployed"}"#;
    let components = if deployed { component } else { "" };
    let state = format!(
        r#"{{"formatVersion":1,"tenant":"acme","stack":"shop","environment":"dev","fence":4,"historyNumber":1,
            "components":{{{components}}},"ours":"kept"}}"#
    );
    world.stored().objects.put_raw(STATE, state);
    world.stored().objects.put_raw("tenants/acme/v1/stacks/shop/dev/history/001.json", "{}");
    (world, created)
}

fn keys(world: &World, prefix: &str) -> Vec<String> {
    world.stored().objects.keys().into_iter().filter(|key| key.starts_with(prefix)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tenant_is_gone_and_everything_of_it_is_archived_with_checksums() {
    let (world, created) = world(false).await;
    let before = keys(&world, "tenants/acme/");
    let steps = Mutex::new(Vec::new());
    let hear = |step: &str| steps.lock().unwrap().push(step.to_owned());
    let wanted = DeleteTenant { id: acme(), abandon_resources: false, wait: Duration::ZERO };
    let deleted = delete_tenant(&world.ports, &caller(), wanted, &hear).await.unwrap();
    let expected = [
        "Closing the tenant",
        "Sealing its states",
        "Archiving its objects",
        "Updating tenants.yaml",
        "Invalidating sessions",
    ];
    assert_eq!(*steps.lock().unwrap(), expected);
    assert_eq!(keys(&world, "tenants/acme/"), Vec::<String>::new());
    assert_eq!(keys(&world, "registry/acme"), Vec::<String>::new());
    assert!(!world.text("tenants.yaml").await.contains("acme"));
    for key in &before {
        let copy = key.replace("tenants/acme/", "archive/acme/20240115T103000Z/tenant/");
        assert!(keys(&world, &copy).contains(&copy), "{copy}");
        assert!(deleted.manifest.objects.contains_key(key.strip_prefix("tenants/acme/").unwrap()), "{key}");
    }
    assert_eq!(tenant_details(&world.ports, &caller()).await.unwrap_err().reason, Reason::InvalidCredentials);
    let login = world.login("acme", created.secret.expose_secret()).await.unwrap_err();
    assert_eq!(login.reason, Reason::InvalidCredentials);
    assert_eq!(delete(&world, false).await.unwrap_err().reason, Reason::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_has_something_deployed_is_kept_unless_that_is_abandoned() {
    let (world, _) = world(true).await;
    let error = delete(&world, false).await.unwrap_err();
    assert_eq!((error.reason, error.facts[0].0.as_str()), (Reason::PolicyDenied, "shop/dev"));
    tenant_details(&world.ports, &caller()).await.unwrap();
    delete(&world, true).await.unwrap();
    assert!(!world.text("tenants.yaml").await.contains("acme"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_is_cut_off_anywhere_is_completed_by_the_same_command() {
    // Intent, closing (2), seal, deleted mark, copies, manifest, removals, registry: more than there are is harmless.
    for writes in 0..24 {
        let (world, created) = world(false).await;
        let before = keys(&world, "tenants/acme/").len();
        for fault in
            std::iter::repeat_n(Fault::None, writes).chain([Fault::Refuse(PortError::Denied("cut".to_owned()))])
        {
            world.stored().objects.next_write(fault);
        }
        let Err(_) = delete(&world, false).await else { break };
        world.stored().objects.forget_faults();
        world.clock.pass(SignedDuration::from_mins(5));
        delete(&world, false).await.unwrap_or_else(|error| panic!("after {writes} writes: {error}"));
        assert_eq!(keys(&world, "tenants/acme/"), Vec::<String>::new(), "after {writes} writes");
        assert_eq!(keys(&world, "registry/acme"), Vec::<String>::new(), "after {writes} writes");
        let restored = restore(&world).await.unwrap_or_else(|error| panic!("after {writes} writes: {error}"));
        assert!(keys(&world, "tenants/acme/").len() >= before, "after {writes} writes");
        assert_ne!(created.secret.expose_secret(), restored.secret.expose_secret());
        world.login("acme", restored.secret.expose_secret()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_tenant_has_its_state_above_the_old_fence_and_a_new_secret() {
    let (world, created) = world(true).await;
    world.stored().objects.put_raw(
        "tenants.yaml",
        world.text("tenants.yaml").await.replace("  status: active", "  ours: kept\n  status: active"),
    );
    delete(&world, true).await.unwrap();
    let restored = restore(&world).await.unwrap();
    let state: serde_json::Value = serde_json::from_slice(&world.stored().objects.raw(STATE).unwrap()).unwrap();
    assert!(state["fence"].as_u64().unwrap() > 5, "{state}");
    assert_eq!((state.get("deleted"), state["ours"].as_str()), (None, Some("kept")));
    assert_eq!(state["components"]["api.app"]["status"], "deployed");
    assert!(world.text("tenants.yaml").await.contains("ours: kept"));
    world.login("acme", restored.secret.expose_secret()).await.unwrap();
    assert!(world.login("acme", created.secret.expose_secret()).await.is_err());
    assert_eq!(restore(&world).await.unwrap_err().reason, Reason::AlreadyExists);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restoration_that_is_cut_off_anywhere_can_be_repeated() {
    for writes in 0..12 {
        let (world, _) = world(true).await;
        delete(&world, true).await.unwrap();
        for fault in
            std::iter::repeat_n(Fault::None, writes).chain([Fault::Refuse(PortError::Denied("cut".to_owned()))])
        {
            world.stored().objects.next_write(fault);
        }
        let first = restore(&world).await;
        world.stored().objects.forget_faults();
        let secret = match first {
            Ok(restored) => restored.secret,
            Err(_) => match restore(&world).await {
                Ok(restored) => restored.secret,
                // The registry had it already; only its derived entry was not written.
                Err(error) => {
                    assert_eq!(error.reason, Reason::AlreadyExists, "after {writes} writes");
                    rotate_tenant(&world.ports, &caller(), &acme(), "", &|_| {}).await.unwrap().secret
                }
            },
        };
        world.login("acme", secret.expose_secret()).await.unwrap();
        tenant_details(&world.ports, &caller()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_archive_is_not_restored() {
    let (world, _) = world(false).await;
    delete(&world, false).await.unwrap();
    let copy = "archive/acme/20240115T103000Z/tenant/tenant.yaml";
    world.stored().objects.put_raw(copy, "tenant: {}");
    let error = restore(&world).await.unwrap_err();
    assert_eq!(error.reason, Reason::StateConflict);
    assert!(error.to_string().contains(copy), "{error}");
    assert!(!world.text("tenants.yaml").await.contains("acme"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_is_purged_when_its_time_is_over_and_not_before() {
    let (world, _) = world(false).await;
    assert_eq!(purge_tenant(&world.ports, &caller(), &acme()).await.unwrap_err().reason, Reason::NotFound);
    delete(&world, false).await.unwrap();
    let error = purge_tenant(&world.ports, &caller(), &acme()).await.unwrap_err();
    assert_eq!((error.reason, error.facts[0].1.as_str()), (Reason::PolicyDenied, "2024-02-14 10:30 UTC"));
    world.clock.pass(SignedDuration::from_hours(30 * 24));
    world.admin_login(PASSWORD).await.unwrap();
    let purged = purge_tenant(&world.ports, &caller(), &acme()).await.unwrap();
    assert_eq!((purged.archives, keys(&world, "archive/")), (1, Vec::new()));
    assert_eq!(restore(&world).await.unwrap_err().reason, Reason::NotFound);
    // The name is free again.
    world.create("acme").await.unwrap();
}

/// A deleted tenant whose restoration was cut off after its first object.
async fn half_restored() -> World {
    let (world, _) = world(false).await;
    delete(&world, false).await.unwrap();
    // The intent, the mark, the first object.
    let cut = Fault::Refuse(PortError::Denied("cut".to_owned()));
    for fault in [Fault::None, Fault::None, Fault::None, cut] {
        world.stored().objects.next_write(fault);
    }
    restore(&world).await.unwrap_err();
    world.stored().objects.forget_faults();
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_a_tenant_is_being_restored_from_is_not_purged() {
    let world = half_restored().await;
    world.clock.pass(SignedDuration::from_hours(30 * 24));
    world.admin_login(PASSWORD).await.unwrap();
    let error = purge_tenant(&world.ports, &caller(), &acme()).await.unwrap_err();
    assert_eq!(error.reason, Reason::StateConflict);
    assert!(error.hints[0].contains("deployer tenant restore acme"), "{error:?}");
    restore(&world).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restoration_whose_last_mark_is_missing_has_ended_where_a_slower_clock_deletes_the_tenant_again() {
    let (world, _) = world(false).await;
    delete(&world, false).await.unwrap();
    restore(&world).await.unwrap();
    let mark = keys(&world, "").into_iter().find(|key| key.ends_with("/restored.json")).unwrap();
    world.stored().objects.remove_raw(&mark);
    world.clock.pass(SignedDuration::from_mins(-1));
    delete(&world, false).await.unwrap();
    let listed = list_deleted(&world.ports, &caller()).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].archive.name(), listed[0].restoring), ("20240115T102900Z", false));
    restore(&world).await.unwrap();
    assert_eq!(list_deleted(&world.ports, &caller()).await.unwrap().len(), 0, "the newest came back");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_the_name_of_a_tenant_that_is_being_restored() {
    let world = half_restored().await;
    let error = world.create("acme").await.unwrap_err();
    assert_eq!(error.reason, Reason::StateConflict);
    assert!(error.hints[0].contains("deployer tenant restore acme"), "{error:?}");
    assert!(list_deleted(&world.ports, &caller()).await.unwrap()[0].restoring);
    restore(&world).await.unwrap();
    assert_eq!(list_deleted(&world.ports, &caller()).await.unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_below_which_somebodys_work_lies_is_refused_and_a_creation_that_was_cut_off_is_not() {
    let world = World::new().await;
    world.stored().objects.put_raw(STATE, "{}");
    let error = world.create("acme").await.unwrap_err();
    assert!(error.reason == Reason::AlreadyExists && error.facts[0].1 == STATE, "{error:?}");
    assert!(!world.text("tenants.yaml").await.contains("acme"));
    world.stored().objects.remove_raw(STATE);
    // The intent and the folder; then the registry is not reached.
    let cut = Fault::Refuse(PortError::Denied("cut".to_owned()));
    for fault in [Fault::None, Fault::None, Fault::None, cut] {
        world.stored().objects.next_write(fault);
    }
    world.create("acme").await.unwrap_err();
    world.stored().objects.forget_faults();
    assert!(!keys(&world, "tenants/acme/").is_empty());
    world.create("acme").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn any_archive_can_be_chosen_and_a_deleted_tenant_says_how_it_comes_back() {
    let (world, _) = world(false).await;
    delete(&world, false).await.unwrap();
    world.clock.pass(SignedDuration::from_hours(1));
    world.create("acme").await.unwrap();
    delete(&world, false).await.unwrap();
    let listed = list_deleted(&world.ports, &caller()).await.unwrap();
    let listed: Vec<&str> = listed.iter().map(|row| row.archive.name()).collect();
    assert_eq!(listed, ["20240115T103000Z", "20240115T113000Z"]);
    for error in
        [show_tenant(&world.ports, &caller(), &acme()).await.unwrap_err(), delete(&world, false).await.unwrap_err()]
    {
        assert!(error.hints.iter().any(|hint| hint.contains("deployer tenant restore acme")), "{error:?}");
    }
    let error = restore_from(&world, Some("20200101T000000Z")).await.unwrap_err();
    assert_eq!((error.reason, error.facts.len()), (Reason::NotFound, 2));
    restore_from(&world, Some("20240115T103000Z")).await.unwrap();
    assert!(!keys(&world, STATE).is_empty(), "the older archive had a state");
    let listed = list_deleted(&world.ports, &caller()).await.unwrap();
    assert_eq!(listed.iter().map(|row| row.archive.name()).collect::<Vec<_>>(), ["20240115T113000Z"]);
    let error = purge_tenant(&world.ports, &caller(), &acme()).await.unwrap_err();
    assert!(!error.hints[0].contains("tenant restore"), "it lives: {error:?}");
}
