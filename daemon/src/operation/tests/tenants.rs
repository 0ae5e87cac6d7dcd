//! Creating tenants, alone and at once, with answers that get lost; listing and showing them.

use deployer_domain::memory::Fault;
use deployer_domain::object::PortError;
use deployer_domain::registry::Registry;

use super::*;
use crate::operation::list_tenants::list_tenants;
use crate::operation::show_tenant::show_tenant;
use crate::operation::tenant_counts::CountWanted;
use crate::operation::tenant_details::tenant_details;
use crate::operation::tenant_stacks::tenant_stacks;

async fn registry(world: &World) -> Registry {
    Registry::parse(world.text("tenants.yaml").await.as_bytes()).unwrap()
}

fn lost() -> Fault {
    Fault::LoseAnswer
}

#[tokio::test]
async fn bootstrap_can_be_repeated_and_changes_nothing_then() {
    let world = World::empty();
    let parts = |done: super::super::bootstrap::Bootstrapped| {
        done.parts.into_iter().map(|part| part.created).collect::<Vec<_>>()
    };
    assert_eq!(parts(world.bootstrap().await.unwrap()), [true, true, true]);
    let before = world.text("tenants.yaml").await;
    assert_eq!(parts(world.bootstrap().await.unwrap()), [false, false, false]);
    assert_eq!(world.text("tenants.yaml").await, before);
    assert!(before.contains("lockTable: company-deployer-locks") && before.contains("bucket: company-deployer-state"));
    assert!(!world.stored().objects.keys().iter().any(|key| key.contains("probe")));
    let secrets = world.stored().secrets.clone();
    let name = deployer_domain::credential::ADMIN_SECRET;
    let document = deployer_domain::secret_store::SecretStore::read(secrets.as_ref(), name).await;
    let document = document.unwrap().unwrap().document;
    assert!(document.expose_secret().starts_with("{\"passwordHash\":\"$2b$10$"));
}

#[tokio::test]
async fn bootstrap_without_a_password_makes_nothing() {
    let world = World::empty();
    let wanted = Bootstrap { backend: place(), lock_table: None, admin_secret: None, password: None };
    let error = bootstrap(&world.ports, &caller(), wanted, &|_| {}).await.unwrap_err();
    assert_eq!((error.reason, error.facts[0].1.as_str()), (Reason::InvalidRequest, "--password-stdin"));
    assert!(world.backends.built.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_new_tenant_has_the_references_documents() {
    let world = World::new().await;
    let steps = Mutex::new(Vec::new());
    let named = NewTenant::named("notifications-team".parse().unwrap(), "Notifications Team".to_owned());
    let wanted = NewTenant {
        email: "notifications-team@company.com".to_owned(),
        account_id: "123456789012".to_owned(),
        region: "us-east-1".to_owned(),
        department: "engineering".to_owned(),
        cost_tracking: true,
        monthly_cost_limit: Some(5000),
        ..named
    };
    let hear = |step: &str| steps.lock().unwrap().push(step.to_owned());
    let created = create_tenant(&world.ports, &caller(), wanted, &hear).await.unwrap();
    assert_eq!(
        *steps.lock().unwrap(),
        [
            "Generating tenant ID",
            "Generating credentials",
            "Creating S3 prefix",
            "Updating tenants.yaml",
            "Tenant created successfully"
        ]
    );
    assert!(created.secret.expose_secret().starts_with("ntfy_"));
    assert_eq!(created.storage_path, "s3://company-deployer-state/tenants/notifications-team/v1/");
    assert_eq!(created.lock_prefix, "tenant:notifications-team:");
    let hash = &created.tenant.credentials.hash;
    let expected = format!(
        "tenants:\n- id: notifications-team\n  displayName: Notifications Team\n  email: notifications-team@company.com\n  \
         created: 2024-01-15T10:30:00Z\n  status: active\n  credentials:\n    hash: {hash}\n    algorithm: bcrypt\n    \
         cost: 10\n    rotations: 0\n    lastRotated: null\n  storage:\n    prefix: tenants/notifications-team\n    \
         version: v1\n    path: tenants/notifications-team/v1\n  locks:\n    prefix: tenant:notifications-team\n  aws:\n    \
         accountId: '123456789012'\n    region: us-east-1\n  limits:\n    costTracking: true\n    monthlyCostLimit: 5000\n    \
         maxStacks: 100\n    maxServices: 500\n  metadata:\n    team: notifications\n    department: engineering\n"
    );
    let text = world.text("tenants.yaml").await;
    assert!(text.ends_with(&expected), "{text}");
    let stored = world.stored();
    let config = String::from_utf8(stored.objects.raw("tenants/notifications-team/tenant.yaml").unwrap()).unwrap();
    for part in [
        "id: notifications-team",
        "bucket: company-deployer-state",
        "- us-west-2",
        "requireApprovalForProduction: true",
    ] {
        assert!(config.contains(part), "{config}");
    }
    assert_eq!(stored.objects.raw("tenants/notifications-team/v1/stacks/"), Some(Vec::new()));
    let everything: Vec<u8> =
        stored.objects.keys().iter().filter_map(|key| stored.objects.raw(key)).flatten().collect();
    assert!(!String::from_utf8_lossy(&everything).contains(created.secret.expose_secret()));
}

#[tokio::test]
async fn a_bad_request_is_refused_before_anything_is_written() {
    let world = World::new().await;
    let writes = world.stored().objects.writes();
    let changes: [fn(&mut NewTenant); 6] = [
        |wanted| wanted.email = "nobody".to_owned(),
        |wanted| wanted.account_id = "12345".to_owned(),
        |wanted| wanted.region = "../etc".to_owned(),
        |wanted| wanted.display_name = "a\nb".to_owned(),
        |wanted| wanted.secret_prefix = "A_".to_owned(),
        |wanted| wanted.max_stacks = Some(0),
    ];
    for change in changes {
        let mut wanted = NewTenant::named("acme".parse().unwrap(), "Acme".to_owned());
        change(&mut wanted);
        let error = create_tenant(&world.ports, &caller(), wanted.clone(), &|_| {}).await.unwrap_err();
        assert_eq!(error.reason, Reason::InvalidRequest, "{wanted:?}");
    }
    assert_eq!(world.stored().objects.writes(), writes);
}

#[tokio::test]
async fn admins_at_once_lose_nothing() {
    let world = World::new().await;
    let mut admins = Vec::new();
    for _ in 0..8 {
        admins.push(Arc::new(world.another().await));
    }
    let mut at_work = tokio::task::JoinSet::new();
    for (number, admin) in admins.into_iter().enumerate() {
        at_work.spawn(async move {
            let own = admin.create(&format!("team-{number}")).await.map(|created| created.tenant);
            (own, admin.create("shared").await)
        });
    }
    let mut winners = Vec::new();
    while let Some(done) = at_work.join_next().await {
        let (own, shared) = done.unwrap();
        own.unwrap();
        match shared {
            Ok(created) => winners.push(created),
            Err(error) => assert_eq!(error.reason, Reason::AlreadyExists),
        }
    }
    let registry = registry(&world).await;
    assert_eq!((winners.len(), registry.tenants().len()), (1, 9));
    assert_eq!(registry.generation(), 10);
    for tenant in registry.tenants() {
        let derived = world.text(tenant.id.as_str()).await;
        assert!(derived.contains(&tenant.credentials.hash), "{derived}");
    }
    world.login("shared", winners[0].secret.expose_secret()).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_got_lost_never_loses_a_secret() {
    // In order: intent, tenant.yaml, stacks folder, tenants.yaml, derived entry, result.
    for lost_write in 0..6 {
        let world = World::new().await;
        for write in 0..6 {
            world.stored().objects.next_write(if write == lost_write { lost() } else { Fault::None });
        }
        let created = world.create("acme").await.unwrap_or_else(|error| panic!("write {lost_write}: {error:?}"));
        assert_eq!(registry(&world).await.tenants().len(), 1);
        world.login("acme", created.secret.expose_secret()).await.unwrap();
    }
}

#[tokio::test]
async fn an_intent_that_cannot_be_recorded_stops_the_change() {
    let world = World::new().await;
    let before = world.text("tenants.yaml").await;
    world.stored().objects.next_write(Fault::Refuse(PortError::Denied("no".to_owned())));
    assert_eq!(world.create("acme").await.unwrap_err().reason, Reason::BackendDenied);
    assert_eq!(world.text("tenants.yaml").await, before);
}

#[tokio::test]
async fn a_creation_is_recorded_before_and_after() {
    let world = World::new().await;
    world.create("acme").await.unwrap();
    world.stored().objects.next_write(Fault::None);
    world.stored().objects.next_write(Fault::Refuse(PortError::Denied("no".to_owned())));
    assert!(world.create("zeta").await.is_err());
    let events = world.audit("audit/").await;
    // Within one millisecond ids do not sort by time.
    let of = |subject: &str, phase: &str| {
        events.iter().find(|event| event["subject"] == subject && event["phase"] == phase).cloned().unwrap()
    };
    assert_eq!(of("acme", "succeeded")["intent"], of("acme", "intent")["id"]);
    assert_eq!(of("zeta", "failed")["intent"], of("zeta", "intent")["id"]);
    assert_eq!(of("zeta", "failed")["reason"], "BACKEND_DENIED");
}

#[tokio::test]
async fn a_half_made_tenant_is_made_whole_by_the_next_attempt() {
    let world = World::new().await;
    for fault in [Fault::None, Fault::None, Fault::None, Fault::Refuse(PortError::Denied("no".to_owned()))] {
        world.stored().objects.next_write(fault);
    }
    assert!(world.create("acme").await.is_err());
    world.clock.pass(SignedDuration::from_hours(1));
    let created = world.create("Acme").await.unwrap();
    let config = String::from_utf8(world.stored().objects.raw("tenants/acme/tenant.yaml").unwrap()).unwrap();
    assert!(config.contains("displayName: Acme") && config.contains("created: 2024-01-15T11:30:00Z"), "{config}");
    world.login("acme", created.secret.expose_secret()).await.unwrap();
}

#[tokio::test]
async fn derived_entries_are_repaired_by_admins_who_notice() {
    let (world, _) = World::with_tenant("acme").await;
    let right = world.text("acme").await;
    world.stored().objects.remove_raw("registry/acme.yaml");
    list_tenants(&world.ports, &caller(), CountWanted::default()).await.unwrap();
    assert_eq!(world.text("acme").await, right);
    for wrong in [right.replace("status: active", "status: suspended"), "nonsense".to_owned()] {
        world.stored().objects.put_raw("registry/acme.yaml", wrong);
        show_tenant(&world.ports, &caller(), &"acme".parse().unwrap()).await.unwrap();
        assert_eq!(world.text("acme").await, right);
    }
}

#[tokio::test]
async fn a_tenant_without_a_derived_entry_can_sign_in() {
    let (world, created) = World::with_tenant("acme").await;
    world.stored().objects.remove_raw("registry/acme.yaml");
    world.login("acme", created.secret.expose_secret()).await.unwrap();
    tenant_details(&world.ports, &caller()).await.unwrap();
}

#[tokio::test]
async fn tenants_are_listed_in_order_with_what_they_have_deployed() {
    let (world, _) = World::with_tenant("zeta").await;
    world.create("acme").await.unwrap();
    let state = |stack: &str, environment: &str, components: &str, history: u64| {
        let key = format!("tenants/zeta/v1/stacks/{stack}/{environment}/state.json");
        let text = format!(
            r#"{{"formatVersion":1,"tenant":"zeta","stack":"{stack}","environment":"{environment}","historyNumber":{history},
                "components":{{{components}}}}}"#
        );
        world.stored().objects.put_raw(&key, text);
    };
    let component =
        |id: &str, status: &str| format!(r#""{id}":{{"type":"command","engine":"command","status":"{status}"}}"#);
    state("web", "staging", &[component("api.app", "deployed"), component("api.db", "deployed")].join(","), 0);
    state("web", "production", &component("edge.dns", "failed"), 0);
    state("old", "staging", "", 3);
    let rows = list_tenants(&world.ports, &caller(), CountWanted::default()).await.unwrap();
    let shown: Vec<_> = rows.iter().map(|row| (row.tenant.id.as_str(), row.counts.stacks)).collect();
    assert_eq!(shown, [("zeta", 1), ("acme", 0)]);
    let details = tenant_details(&world.ports, &caller()).await.unwrap();
    assert_eq!((details.usage.stacks, details.usage.services), (1, 2));
    let stacks = tenant_stacks(&world.ports, &caller()).await.unwrap();
    let shown: Vec<_> = stacks
        .iter()
        .map(|row| (row.stack.as_str(), row.environment.as_str(), row.components, row.status.as_str()))
        .collect();
    assert_eq!(
        shown,
        [("old", "staging", 0, "destroyed"), ("web", "production", 1, "failed"), ("web", "staging", 2, "deployed")]
    );
}

#[tokio::test]
async fn deployments_of_this_month_are_counted_from_the_newest_backwards() {
    let (world, _) = World::with_tenant("acme").await;
    let base = "tenants/acme/v1/stacks/web/staging";
    world
        .stored()
        .objects
        .put_raw(&format!("{base}/state.json"), r#"{"formatVersion":1,"historyNumber":5,"components":{}}"#);
    let history = |number: u64, operation: &str, started: &str, result: &str| {
        let text = format!(
            r#"{{"formatVersion":1,"number":{number},"run":"01HM6ZQ8J0000000000000000{number}","operation":"{operation}",
                "actor":"a","principal":"p","started":"{started}","durationMs":1,"result":"{result}","state":{{}}}}"#
        );
        world.stored().objects.put_raw(&format!("{base}/history/{number:03}.json"), text);
    };
    history(1, "apply", "2023-12-31T23:59:59Z", "succeeded");
    history(2, "apply", "2024-01-01T00:00:00Z", "succeeded");
    history(3, "destroy", "2024-01-02T00:00:00Z", "succeeded");
    history(4, "rollback", "2024-01-03T00:00:00Z", "failed");
    history(5, "apply", "2024-01-04T00:00:00Z", "interrupted");
    assert_eq!(tenant_details(&world.ports, &caller()).await.unwrap().deployments_this_month, 2);
}

#[tokio::test]
async fn a_malformed_registry_says_where() {
    let world = World::new().await;
    let text = world.text("tenants.yaml").await.replace("tenants: []", "tenants:\n- id: [acme");
    world.stored().objects.put_raw("tenants.yaml", text);
    let error = list_tenants(&world.ports, &caller(), CountWanted::default()).await.unwrap_err();
    assert!(error.problems[0].line >= 10, "{error:?}");
    let error = world.create("acme").await.unwrap_err();
    assert_eq!(error.problems[0].file, "tenants.yaml");
}
