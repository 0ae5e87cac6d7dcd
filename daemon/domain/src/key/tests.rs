use jiff::Timestamp;
use ulid::Ulid;

use super::*;
use crate::name::{RunId, StateVersion};

fn space() -> TenantSpace {
    TenantSpace::new("notifications-team".parse().unwrap(), StateVersion::default())
}

#[test]
fn keys_are_those_of_the_storage_design() {
    let stack = space().stack(&"platform".parse().unwrap(), &"production".parse().unwrap());
    let base = "tenants/notifications-team/v1/stacks/platform/production";
    assert_eq!(stack.state().as_str(), format!("{base}/state.json"));
    assert_eq!(stack.history(7).as_str(), format!("{base}/history/007.json"));
    assert_eq!(stack.history(1000).as_str(), format!("{base}/history/1000.json"));
    assert_eq!(stack.history_number(&stack.history(1000)), Some(1000));
    assert_eq!(stack.lock().to_string(), "tenant:notifications-team:stack:platform:env:production");
    assert_eq!(space().config().as_str(), "tenants/notifications-team/tenant.yaml");
    let at: Timestamp = "2024-01-15T23:59:59Z".parse().unwrap();
    let id = Ulid::nil();
    assert_eq!(space().audit(at, id).as_str(), format!("tenants/notifications-team/audit/2024/01/15/{id}.json"));
    assert_eq!(PlatformSpace.audit(at, id).as_str(), format!("audit/2024/01/15/{id}.json"));
}

#[test]
fn archives_lie_beside_the_tenants_and_lead_back_to_nothing_else() {
    let id = "acme".parse().unwrap();
    let archive = PlatformSpace.archive(&id, "2024-01-20T14:30:00.7Z".parse().unwrap());
    assert_eq!((archive.path(), archive.name()), ("archive/acme/20240120T143000Z", "20240120T143000Z"));
    assert_eq!(PlatformSpace.archive_of(&id, "20240120T143000Z"), Some(archive.clone()));
    assert_eq!(PlatformSpace.archive_of(&id, "2024"), None);
    let state = space().stack(&"s".parse().unwrap(), &"e".parse().unwrap()).state();
    assert_eq!(archive.copy_of(&state), None, "another tenant's");
    let ours = TenantSpace::new(id.clone(), "v2".parse().unwrap()).stack(&"s".parse().unwrap(), &"e".parse().unwrap());
    let copy = archive.copy_of(&ours.state()).unwrap();
    assert_eq!(copy.as_str(), "archive/acme/20240120T143000Z/tenant/v2/stacks/s/e/state.json");
    assert_eq!(archive.original_of(archive.name_of(&ours.state()).unwrap()), Some(ours.state()));
    assert_eq!(PlatformSpace.state_of(&id, &ours.state()), Some(ours.clone()));
    let space = TenantSpace::new(id.clone(), StateVersion::default());
    let audit = space.audit(Timestamp::UNIX_EPOCH, Ulid::nil());
    for (key, work) in [
        (ours.state(), true),
        (space.sensitive_key(), true),
        (space.config(), false),
        (space.stacks_folder(), false),
        (audit, false),
    ] {
        assert_eq!(PlatformSpace.is_work(&id, &key), work, "{key}");
    }
    for name in ["", "/etc", "../other/tenant.yaml", "v1/../../other"] {
        assert_eq!(archive.original_of(name), None, "{name}");
    }
}

#[test]
fn a_lock_key_is_read_back_as_it_is_written() {
    let stack = space().stack(&"platform".parse().unwrap(), &"production".parse().unwrap());
    assert_eq!(stack.lock().to_string().parse::<LockKey>().unwrap(), *stack.lock());
    let audit = stack.lock().unlock_audit(Ulid::nil());
    for text in ["", "tenant:a", "tenant:acme:stack:s:env:", "tenant:acme:stack:s:env:e:x", &audit] {
        assert!(text.parse::<LockKey>().is_err(), "{text}");
    }
}

#[test]
fn everything_a_tenant_names_lies_in_its_prefix() {
    let space = space();
    let stack = space.stack(&"s".parse().unwrap(), &"e".parse().unwrap());
    let run = RunId::new(Ulid::nil());
    let keys = [
        space.config(),
        space.stacks_folder(),
        stack.state(),
        stack.history(1),
        stack.orphan(3, Ulid::nil()),
        stack.run_segment(run, 0),
        stack.approval(run),
        stack.source(&[0; 32]),
        stack.terraform(&"a.b".parse().unwrap()),
    ];
    assert!(keys.iter().all(|key| key.as_str().starts_with("tenants/notifications-team/")));
}

#[test]
fn a_listed_key_outside_the_prefix_is_not_taken() {
    let stacks = space().stacks();
    assert!(stacks.listed("tenants/other/v1/stacks/x").is_none());
    let key = stacks.listed("tenants/notifications-team/v1/stacks/a/dev/state.json").unwrap();
    let (stack, environment) = space().stack_of(&key).unwrap();
    assert_eq!((stack.as_str(), environment.as_str()), ("a", "dev"));
    assert!(space().stack_of(&space().config()).is_none());
}
