//! Two admins on two machines change the same tenants at the same time, and every change of both is there in the end.
//!
//! `make test-admins` makes a thousand changes on each backend, `make test` some.

use std::time::Instant;

use harness::World;
use harness::scenes::{Platform, platforms};
use serde_json::Value;

/// Those that both change.
const SHARED: [&str; 3] = ["web-team", "payments-team", "search-team"];
/// How many changes both make together unless `DEPLOYER_TEST_CHANGES` says otherwise.
const CHANGES: usize = 40;

#[test]
fn two_admins_at_work_on_the_same_tenants_lose_nothing() {
    let changes = std::env::var("DEPLOYER_TEST_CHANGES").map_or(CHANGES, |given| given.parse().unwrap());
    for platform in platforms() {
        for tenant in SHARED {
            platform.create_tenant(tenant);
        }
        // What people wrote into the file is nobody's to lose.
        let begun = registry(&platform);
        let other = platform.other_admin();
        let started = Instant::now();
        let (one, two) = std::thread::scope(|scope| {
            let first = scope.spawn(|| Admin::of(&platform.world, "one", "--max-stacks").work(changes / 2));
            let second = scope.spawn(|| Admin::of(&other, "two", "--max-services").work(changes / 2));
            (first.join().unwrap(), second.join().unwrap())
        });
        report(&platform, changes, started);
        everything_is_there(&platform, &begun, [&one, &two]);
        assert_eq!(
            number(&registry(&platform)["metadata"]["generation"]),
            number(&begun["metadata"]["generation"]) + changes as u64
        );
    }
}

/// One of the two, and what it knows to have been done.
struct Admin<'a> {
    world: &'a World,
    name: &'static str,
    /// The limit that only this one changes.
    limit: &'static str,
    rotations: [u64; SHARED.len()],
    secrets: [String; SHARED.len()],
    limits: [u64; SHARED.len()],
    created: Vec<String>,
}

impl<'a> Admin<'a> {
    fn of(world: &'a World, name: &'static str, limit: &'static str) -> Self {
        Self {
            world,
            name,
            limit,
            rotations: Default::default(),
            secrets: Default::default(),
            limits: Default::default(),
            created: Vec::new(),
        }
    }

    fn work(mut self, changes: usize) -> Self {
        for change in 0..changes {
            // Every kind of change meets every tenant.
            let at = change / 4 % SHARED.len();
            match change % 4 {
                0 => {
                    let rotated = self.world.run(["tenant", "rotate", SHARED[at], "--yes", "-q"]).succeeds().stdout;
                    self.secrets[at] = rotated.trim().to_owned();
                    self.rotations[at] += 1;
                }
                1 | 3 => {
                    let limit = change as u64 + 1;
                    self.world.run(["tenant", "edit", SHARED[at], self.limit, &limit.to_string()]).succeeds();
                    self.limits[at] = limit;
                }
                _ => {
                    let name = format!("{}-{change}-team", self.name);
                    self.world.run(["tenant", "init", &name, "-q"]).succeeds();
                    self.created.push(name);
                }
            }
        }
        self
    }
}

fn everything_is_there(platform: &Platform, begun: &Value, admins: [&Admin<'_>; 2]) {
    let document = registry(platform);
    let ids: Vec<&str> = document["tenants"].as_array().unwrap().iter().map(|entry| text(&entry["id"])).collect();
    let created = admins.iter().flat_map(|admin| &admin.created);
    assert_eq!(ids.len(), begun["tenants"].as_array().unwrap().len() + created.clone().count());
    assert!(created.clone().all(|id| ids.contains(&id.as_str())), "{ids:?}");
    for (at, id) in SHARED.into_iter().enumerate() {
        let entry = &document["tenants"][ids.iter().position(|known| *known == id).unwrap()];
        let rotations: u64 = admins.iter().map(|admin| admin.rotations[at]).sum();
        assert_eq!(number(&entry["credentials"]["rotations"]), rotations, "{id}");
        assert_eq!(number(&entry["limits"]["maxStacks"]), admins[0].limits[at], "{id}");
        assert_eq!(number(&entry["limits"]["maxServices"]), admins[1].limits[at], "{id}");
        let last = admins.iter().filter(|admin| signs_in(platform, id, &admin.secrets[at]));
        assert_eq!(last.count(), 1, "one of the two rotated {id} last");
    }
    // What tenants read says the same as what admins read.
    for entry in document["tenants"].as_array().unwrap().iter().filter(|entry| SHARED.contains(&text(&entry["id"]))) {
        let derived = yaml(&platform.document(&format!("registry/{}.yaml", text(&entry["id"]))));
        assert_eq!(derived["tenant"], *entry);
    }
    let synced = platform.world.run(["admin", "sync", "-o", "json"]).succeeds().json();
    assert_eq!((number(&synced["written"]), number(&synced["removed"])), (0, 0), "{synced}");
    let rotations = admins.iter().flat_map(|admin| admin.rotations).sum();
    let created = SHARED.len() + created.count();
    for (action, done) in [("tenant.rotate", rotations), ("tenant.create", created as u64)] {
        let all = ["audit", "--action", action, "--limit", "100000", "-o", "json"];
        let events = platform.world.run(all).succeeds().json();
        let of_it = |event: &&Value| event["phase"] == "AUDIT_PHASE_SUCCEEDED";
        assert_eq!(events["events"].as_array().unwrap().iter().filter(of_it).count() as u64, done, "{action}");
    }
}

fn signs_in(platform: &Platform, tenant: &str, secret: &str) -> bool {
    let arguments = ["login", "--tenant", tenant, "--backend", &platform.address, "--secret-stdin"];
    platform.world.command(arguments).stdin(secret).run().code == Some(0)
}

fn registry(platform: &Platform) -> Value {
    yaml(&platform.document("tenants.yaml"))
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

/// What a person wants to know of a run of this.
#[allow(clippy::print_stderr, reason = "figures for whoever asks for them with --no-capture")]
fn report(platform: &Platform, changes: usize, started: Instant) {
    let (took, changes_each) = (started.elapsed(), started.elapsed() / changes.max(1) as u32);
    eprintln!("{changes} changes of {} in {took:.1?}, {changes_each:.0?} each", platform.address);
}
