//! What an older tool kept is taken over: cut off anywhere, repeated, and repeated once it was worked with.

use deployer_domain::memory::Fault;
use deployer_domain::object::PortError;

use super::*;
use crate::operation::migrate_tenant::{MigrateTenant, MigratedTenant, migrate_tenant};

const OLD: &str = "stacks/shop/dev";
const NEW: &str = "tenants/acme/v1/stacks/shop/dev";
const PARTS: [&str; 2] = ["history/001.json", "terraform/api.db.tfstate"];

async fn world() -> World {
    let world = World::new().await;
    world.create("acme").await.unwrap();
    world.stored().objects.put_raw(&format!("{OLD}/state.json"), r#"{"serial": 3, "ours": "kept"}"#);
    for part in PARTS {
        world.stored().objects.put_raw(&format!("{OLD}/{part}"), part);
    }
    world
}

async fn migrate(world: &World) -> Result<MigratedTenant> {
    let wanted = MigrateTenant { id: "acme".parse().unwrap(), from: "stacks/".to_owned(), dry_run: false };
    migrate_tenant(&world.ports, &caller(), wanted, &|_| {}).await
}

async fn everything_is_there(world: &World, when: &str) {
    let json = |key: String| -> serde_json::Value {
        serde_json::from_slice(&world.stored().objects.raw(&key).unwrap()).unwrap()
    };
    let state = json(format!("{NEW}/state.json"));
    assert_eq!(state, serde_json::json!({"serial": 3, "ours": "kept"}), "{when}");
    assert_eq!(json(format!("{OLD}/state.json"))["movedTo"], NEW, "{when}");
    for part in PARTS {
        assert_eq!(world.stored().objects.raw(&format!("{NEW}/{part}")).as_deref(), Some(part.as_bytes()), "{when}");
    }
    for document in ["tenants.yaml", "acme"] {
        assert!(world.text(document).await.contains("from: stacks/"), "{document} {when}");
    }
}

#[tokio::test]
async fn a_migration_that_is_cut_off_anywhere_is_completed_by_the_same_command() {
    let cuts = [Fault::Refuse(PortError::Denied("cut".to_owned())), Fault::LoseAnswer];
    for cut in cuts {
        // The intent, the seal, three copies, the registry, the derived entry, the result: more than there are is harmless.
        for writes in 0..10 {
            let world = world().await;
            for fault in std::iter::repeat_n(Fault::None, writes).chain([cut.clone()]) {
                world.stored().objects.next_write(fault);
            }
            let first = migrate(&world).await;
            world.stored().objects.forget_faults();
            let when = format!("{cut:?} after {writes} writes: {:?}", first.as_ref().err());
            let again = migrate(&world).await.unwrap_or_else(|error| panic!("{when}: {error}"));
            assert_eq!((again.stacks, again.objects), (1, 3), "{when}");
            everything_is_there(&world, &when).await;
        }
    }
}

#[tokio::test]
async fn what_was_worked_with_since_is_left_as_it_is() {
    let world = world().await;
    migrate(&world).await.unwrap();
    let [history, terraform] = PARTS.map(|part| format!("{NEW}/{part}"));
    world.stored().objects.put_raw(&terraform, "applied since");
    world.stored().objects.put_raw(&format!("{NEW}/state.json"), r#"{"serial": 4}"#);
    world.stored().objects.remove_raw(&history);
    migrate(&world).await.unwrap();
    let raw = |key: &str| world.stored().objects.raw(key).map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(raw(&terraform).as_deref(), Some("applied since"));
    assert_eq!(raw(&format!("{NEW}/state.json")).as_deref(), Some(r#"{"serial": 4}"#));
    assert_eq!(raw(&history), None, "what was taken away does not come back");
}

#[tokio::test]
async fn what_differs_where_it_goes_is_named_and_not_overwritten() {
    let world = world().await;
    let taken = format!("{NEW}/{}", PARTS[1]);
    world.stored().objects.put_raw(&taken, "somebody's");
    let error = migrate(&world).await.unwrap_err();
    assert_eq!(error.reason, Reason::StateConflict);
    assert!(error.to_string().contains(&taken), "{error}");
    assert_eq!(world.stored().objects.raw(&taken).as_deref(), Some(b"somebody's".as_slice()));
}
