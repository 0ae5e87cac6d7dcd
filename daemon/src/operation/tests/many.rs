//! Many tenants from one file: all or none, cut off anywhere, repeated.

use deployer_domain::memory::Fault;
use deployer_domain::object::PortError;

use super::*;
use crate::operation::create_tenants::{CreatedTenants, create_tenants};

async fn create(world: &World, text: &str) -> Result<CreatedTenants> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("teams.yaml"), text).unwrap();
    let caller = Caller { cwd: directory.path().to_owned(), ..caller() };
    create_tenants(&world.ports, &caller, "teams.yaml", &|_| {}).await
}

fn ids(created: &CreatedTenants) -> Vec<&str> {
    created.created.iter().map(|one| one.tenant.id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_file_are_created_with_one_write_of_the_registry_and_can_sign_in() {
    let world = World::new().await;
    let generation = |text: String| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix("updated: ").map(str::to_owned));
        (text.matches("- id:").count(), line)
    };
    world.clock.pass(SignedDuration::from_mins(1));
    let done = create(&world, "tenants:\n  - id: web-team\n    secretPrefix: web\n  - id: mail-team\n").await.unwrap();
    assert_eq!(ids(&done), ["web-team", "mail-team"]);
    assert_eq!(generation(world.text("tenants.yaml").await), (2, Some("2024-01-15T10:31:00Z".to_owned())));
    for one in &done.created {
        world.login(one.tenant.id.as_str(), one.secret.expose_secret()).await.unwrap();
    }
    assert!(done.created[0].secret.expose_secret().starts_with("web_"));
    let created = world.audit("audit/").await.into_iter().filter(|event| event["action"] == "tenant.create");
    let subjects: Vec<_> = created.map(|event| (event["subject"].clone(), event["phase"].clone())).collect();
    assert_eq!(subjects.len(), 4, "{subjects:?}");
    assert!(subjects.iter().any(|(subject, phase)| subject == "mail-team" && phase == "succeeded"), "{subjects:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exists_with_the_same_data_is_left_alone_and_with_other_data_refused_at_its_place() {
    let world = World::new().await;
    create(&world, "tenants:\n  - id: web-team\n").await.unwrap();
    let again = create(&world, "tenants:\n  - id: mail-team\n  - id: web-team\n").await.unwrap();
    assert_eq!((ids(&again), again.existing[0].id.as_str()), (vec!["mail-team"], "web-team"));
    let writes = world.stored().objects.writes();
    let other =
        "tenants:\n  - id: new-team\n  - id: web-team\n    email: web@company.com\n    limits: { maxStacks: 2 }\n";
    let error = create(&world, other).await.unwrap_err();
    assert_eq!((error.reason, error.problems[0].line, error.problems[0].column), (Reason::AlreadyExists, 3, 9));
    assert!(error.problems[0].message.contains("email, limits"), "{}", error.problems[0]);
    assert_eq!(world.stored().objects.writes(), writes, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_is_cut_off_anywhere_leaves_all_or_none_and_can_be_repeated() {
    const FILE: &str = "tenants:\n  - id: web-team\n  - id: mail-team\n  - id: shop-team\n";
    let mut before_and_after = (0, 0);
    // Three intents, six documents, the registry, three derived entries, three results.
    for writes in 0..16 {
        let world = World::new().await;
        let cut = Fault::Refuse(PortError::Denied("cut".to_owned()));
        for fault in std::iter::repeat_n(Fault::None, writes).chain(std::iter::repeat_n(cut, 20)) {
            world.stored().objects.next_write(fault);
        }
        let first = create(&world, FILE).await;
        world.stored().objects.forget_faults();
        let there = world.text("tenants.yaml").await.matches("- id:").count();
        assert!(there == 0 || there == 3, "{there} after {writes} writes");
        let second = create(&world, FILE).await.unwrap_or_else(|error| panic!("after {writes} writes: {error}"));
        assert_eq!((second.created.len(), second.existing.len()), (3 - there, there), "after {writes} writes");
        match there {
            0 => before_and_after.0 += 1,
            _ if first.is_err() => before_and_after.1 += 1,
            _ => {}
        }
        for id in ["web-team", "mail-team", "shop-team"] {
            assert!(world.text(id).await.contains("hash"), "the derived entry of {id} after {writes} writes");
        }
    }
    assert!(before_and_after.0 > 5 && before_and_after.1 > 1, "{before_and_after:?}");
}
