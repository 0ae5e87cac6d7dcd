//! A tenant's state moves into another version namespace, or the move is given up.

use deployer_domain::memory::Fault;
use deployer_domain::object::PortError;

use super::*;
use crate::operation::abort_upgrade::abort_upgrade;
use crate::operation::activate_tenant::activate_tenant;
use crate::operation::tenant_details::tenant_details;
use crate::operation::upgrade_tenant::{UpgradeTenant, UpgradedTenant, upgrade_tenant};

const PART: &str = "tenants/acme/v1/stacks/shop/dev/history/001.json";

fn state(version: &str) -> String {
    format!("tenants/acme/{version}/stacks/shop/dev/state.json")
}

async fn world() -> World {
    let (world, _) = World::with_tenant("acme").await;
    let document = r#"{"formatVersion":1,"tenant":"acme","stack":"shop","environment":"dev","fence":4,"historyNumber":1,"ours":"kept"}"#;
    world.stored().objects.put_raw(&state("v1"), document);
    world.stored().objects.put_raw(PART, "{}");
    world
}

async fn upgrade(world: &World, to: &str) -> Result<UpgradedTenant> {
    let wanted = UpgradeTenant { id: "acme".parse().unwrap(), to: to.parse().unwrap(), wait: Duration::ZERO };
    upgrade_tenant(&world.ports, &caller(), wanted, &|_| {}).await
}

async fn abort(world: &World) -> Result<deployer_domain::tenant::Tenant> {
    abort_upgrade(&world.ports, &caller(), &"acme".parse().unwrap()).await
}

/// Cuts the next upgrade off at the so-manieth of its writes; answers whether there was such a one.
async fn cut_off(world: &World, to: &str, writes: usize) -> bool {
    let cut = Fault::Refuse(PortError::Denied("cut".to_owned()));
    for fault in std::iter::repeat_n(Fault::None, writes).chain([cut]) {
        world.stored().objects.next_write(fault);
    }
    let cut = upgrade(world, to).await.is_err();
    world.stored().objects.forget_faults();
    cut
}

fn json(world: &World, key: &str) -> serde_json::Value {
    serde_json::from_slice(&world.stored().objects.raw(key).unwrap()).unwrap()
}

fn keys(world: &World, prefix: &str) -> Vec<String> {
    world.stored().objects.keys().into_iter().filter(|key| key.starts_with(prefix)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_used_is_refused_before_anything_is_written() {
    let world = world().await;
    upgrade(&world, "v2").await.unwrap();
    let before = world.text("tenants.yaml").await;
    let error = upgrade(&world, "v1").await.unwrap_err();
    assert_eq!(error.reason, Reason::AlreadyExists);
    assert!(error.hints[0].contains("--to v3"), "{error:?}");
    world.stored().objects.put_raw("tenants/acme/v7/left", "by nobody knows whom");
    assert!(upgrade(&world, "v7").await.unwrap_err().hints[0].contains("--to v8"));
    assert_eq!(world.text("tenants.yaml").await, before);
    assert!(json(&world, &state("v2"))["movedTo"].is_null());
    upgrade(&world, "v3").await.unwrap();
    assert_eq!(json(&world, &state("v3"))["ours"], "kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_has_moved_elsewhere_is_refused_before_the_tenant_is_closed() {
    let world = world().await;
    let moved = r#"{"formatVersion":1,"stack":"shop","environment":"dev","movedTo":"tenants/acme/v9/stacks/shop/dev"}"#;
    world.stored().objects.put_raw(&state("v1"), moved);
    let error = upgrade(&world, "v2").await.unwrap_err();
    assert!(error.reason == Reason::StateConflict && error.message.contains(&state("v1")), "{error:?}");
    assert!(world.text("tenants.yaml").await.contains("status: active"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_is_cut_off_anywhere_is_finished_or_given_up() {
    for give_up in [false, true] {
        let mut begun = 0;
        // The intent, closing (2), the seal and its mark, three copies, tenant.yaml, the registry, the derived entry, the
        // result: more than there are is harmless.
        for cuts in 0..16 {
            let world = world().await;
            let before = keys(&world, "tenants/acme/v1/");
            cut_off(&world, "v2", cuts).await;
            let closed = world.text("tenants.yaml").await.contains("moving-to-v2");
            begun += u32::from(closed);
            if closed {
                let error = activate_tenant(&world.ports, &caller(), &"acme".parse().unwrap()).await.unwrap_err();
                assert!(error.hints.iter().any(|hint| hint.contains("upgrade acme --abort`")), "{error:?}");
            }
            let version = match (closed, give_up) {
                (true, true) => {
                    let tenant = abort(&world).await.unwrap_or_else(|error| panic!("after {cuts} writes: {error}"));
                    tenant.storage.version.to_string()
                }
                (true, false) => {
                    upgrade(&world, "v2").await.unwrap_or_else(|error| panic!("after {cuts} writes: {error}"));
                    "v2".to_owned()
                }
                // Either it did not begin, or the registry knows already that it has ended.
                (false, _) => "v1".to_owned(),
            };
            if closed {
                let state = json(&world, &state(&version));
                assert!(state["movedTo"].is_null() && state["ours"] == "kept", "after {cuts} writes: {state}");
                let config = world.stored().objects.raw("tenants/acme/tenant.yaml").unwrap();
                let config = String::from_utf8(config).unwrap();
                assert!(config.contains(&format!("prefix: tenants/acme/{version}")), "after {cuts} writes: {config}");
                world.clock.pass(SignedDuration::from_secs(30));
                let view = tenant_details(&world.ports, &caller()).await.unwrap();
                assert_eq!(view.stacks.len(), 1, "after {cuts} writes");
            }
            if closed && give_up {
                assert_eq!(keys(&world, "tenants/acme/v2/"), Vec::<String>::new(), "after {cuts} writes");
                assert_eq!(keys(&world, "tenants/acme/v1/"), before, "after {cuts} writes");
                upgrade(&world, "v2").await.unwrap_or_else(|error| panic!("after {cuts} writes: {error}"));
            }
        }
        assert!(begun > 3, "it was cut off after it had begun, not {begun} times");
    }
}

/// A world whose upgrade was cut off after the state's copy, the last of all, at its so-manieth write.
async fn nearly_arrived(writes: usize) -> Option<World> {
    let world = world().await;
    let was_cut = cut_off(&world, "v2", writes).await;
    (was_cut && !keys(&world, &state("v2")).is_empty()).then_some(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn giving_up_that_is_cut_off_is_completed_by_the_same_command() {
    let mut at = 0;
    while nearly_arrived(at).await.is_none() {
        at += 1;
    }
    let mut cuts = 0;
    while {
        let world = nearly_arrived(at).await.unwrap();
        world.stored().objects.put_raw("tenants/acme/v2/strange", "somebody's");
        let cut = Fault::Refuse(PortError::Denied("cut".to_owned()));
        for fault in std::iter::repeat_n(Fault::None, cuts).chain([cut]) {
            world.stored().objects.next_write(fault);
        }
        let first = abort(&world).await;
        world.stored().objects.forget_faults();
        if first.is_err() && world.text("tenants.yaml").await.contains("giving-up-v2") {
            let error = upgrade(&world, "v2").await.unwrap_err();
            assert!(error.hints[0].contains("--abort"), "it cannot be finished any more: {error:?}");
        }
        if first.is_err() && !world.text("tenants.yaml").await.contains("status: active") {
            abort(&world).await.unwrap_or_else(|error| panic!("after {cuts} writes: {error}"));
        }
        let v1 = json(&world, &state("v1"));
        assert!(v1["movedTo"].is_null() && v1["fence"].as_u64() > Some(4), "after {cuts} writes: {v1}");
        assert_eq!(keys(&world, "tenants/acme/v2/"), ["tenants/acme/v2/strange"], "after {cuts} writes");
        assert_eq!(abort(&world).await.unwrap_err().reason, Reason::StateConflict);
        first.is_err()
    } {
        cuts += 1;
    }
    assert!(cuts > 5, "it was cut off at each of its writes, not at {cuts}");
}
