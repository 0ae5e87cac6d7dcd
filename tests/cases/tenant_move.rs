//! A team's state moves: in from a deployment without tenants, and up into another version namespace.

use harness::aws::LocalAws;
use harness::pids::signal;
use harness::proxy::{Fault, Proxy, Rule, Seen};
use harness::scenes::{Platform, teams};
use harness::stored::Stored;
use harness::wait;
use rustix::process::Signal;

const COMPONENT: &str = "a: { type: command, apply: 'echo x >> applied', check: 'true', destroy: 'true' }";

/// What an older tool left beside the tenants: a plain copy of what a team has, without its format's version.
fn leave_behind(team: &Platform) {
    for key in team.keys("tenants/web-team/v1/stacks/shop/") {
        let old = key.replace("tenants/web-team/v1/", "");
        if key.ends_with("state.json") || key.contains("/history/") {
            team.put_document(&old, team.document(&key));
        }
    }
}

fn migrate(team: &Platform, more: &[&str]) -> harness::Output {
    let arguments = ["tenant", "migrate", "new-team", "--from", "stacks/"];
    team.world.run(arguments.into_iter().chain(more.iter().copied()))
}

#[test]
fn what_was_deployed_without_tenants_is_taken_over_compared_and_worked_with() {
    for team in teams() {
        team.write_stack("shop", &[COMPONENT]);
        team.apply("shop").succeeds();
        leave_behind(&team);
        let secret = team.create_tenant("new-team");
        migrate(&team, &["--dry-run"]).succeeds().says("Would be migrated").says("Environments of stacks: 1");
        assert!(team.keys("tenants/new-team/v1/stacks/shop").is_empty(), "a dry run writes nothing");
        migrate(&team, &[]).exits(64).complains("--yes");
        let done = migrate(&team, &["--yes", "-o", "json"]).succeeds().json();
        assert_eq!((&done["stacks"], &done["objects"]), (&1.into(), &2.into()), "{done}");
        let old = team.json_document("stacks/shop/development/state.json");
        assert_eq!(old["movedTo"], "tenants/new-team/v1/stacks/shop/development");
        let new = team.json_document("tenants/new-team/v1/stacks/shop/development/state.json");
        assert!(new["movedTo"].is_null() && new["components"]["s.a"]["status"] == "deployed", "{new}");
        assert!(team.document("tenants.yaml").contains("migration:"));
        migrate(&team, &["--yes"]).succeeds();
        team.sign_in("new-team", &secret);
        team.world.run(["status", "--stack", "shop"]).succeeds().says("All resources healthy");
        team.apply("shop").succeeds().says("No changes");
        team.write_stack("shop", &[&COMPONENT.replace("echo x", "echo y")]);
        team.apply("shop").succeeds();
        // Once the team has worked with it, nothing is overwritten any more.
        migrate(&team, &["--yes"]).succeeds();
        let now = team.json_document("tenants/new-team/v1/stacks/shop/development/state.json");
        assert!(now["serial"].as_u64() > new["serial"].as_u64(), "{now}");
    }
}

#[test]
fn what_no_stack_can_have_and_what_is_ours_is_not_taken_over() {
    for team in teams() {
        team.create_tenant("new-team");
        team.put_document("stacks/Shop/dev/state.json", "{}");
        migrate(&team, &["--yes"]).exits(64).complains("stacks/Shop/dev/state.json");
        for prefix in ["tenants/web-team/v1/stacks/", "registry/", "../x", "/"] {
            team.world.run(["tenant", "migrate", "new-team", "--from", prefix, "--yes"]).exits(64);
        }
        team.world.run(["tenant", "migrate", "nobody", "--from", "other/", "--yes"]).exits(8);
        team.world
            .run(["tenant", "migrate", "new-team", "--from", "other/", "--yes"])
            .exits(8)
            .complains("nothing below");
        for (state, flag) in [("{not json", "--dry-run"), (r#"{"components":{"web":{"weird":1}}}"#, "--yes")] {
            team.put_document("bad/shop/dev/state.json", state);
            let refused = team.world.run(["tenant", "migrate", "new-team", "--from", "bad/", flag]).exits(6);
            refused.complains("bad/shop/dev/state.json");
            assert_eq!(team.document("bad/shop/dev/state.json"), state, "nothing is sealed");
        }
    }
}

fn upgrade(team: &Platform, to: &str) -> harness::Output {
    team.world.run(["tenant", "upgrade", "web-team", "--to", to, "--yes"])
}

#[test]
fn a_team_works_on_in_a_new_version_and_the_old_one_is_kept() {
    for team in teams() {
        team.write_stack("shop", &[COMPONENT]);
        team.apply("shop").succeeds();
        upgrade(&team, "v2").succeeds().says("tenants/web-team/v2/");
        upgrade(&team, "v2").exits(6).complains("works in v2 already");
        upgrade(&team, "v1").exits(6).complains("--to v3");
        team.world.run(["tenant", "upgrade", "web-team", "--abort", "--yes"]).exits(6).complains("no move");
        team.world.run(["tenant", "upgrade", "web-team", "--to", "2", "--yes"]).exits(64);
        let old = team.json_document("tenants/web-team/v1/stacks/shop/development/state.json");
        assert_eq!(old["movedTo"], "tenants/web-team/v2/stacks/shop/development");
        assert!(team.document("tenants/web-team/tenant.yaml").contains("tenants/web-team/v2"));
        wait::until("the team's daemon has heard of it", || {
            team.world.run(["history", "--stack", "shop"]).code == Some(0)
        });
        team.apply("shop").succeeds().says("No changes");
        team.write_stack("shop", &[&COMPONENT.replace("echo x", "echo y")]);
        team.apply("shop").succeeds();
        let history = team.keys("tenants/web-team/v2/stacks/shop/development/history/");
        assert_eq!((history.len(), team.keys("tenants/web-team/v1/stacks/shop/development/history/").len()), (2, 1));
    }
}

#[test]
fn a_team_at_work_is_not_moved_and_works_on() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'touch begun; until [ -e go ]; do sleep 0.05; done' }"]);
        let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
        wait::until("the command has begun", || team.world.work().join("shop/begun").exists());
        upgrade(&team, "v2").exits(5).complains("shop/development is locked");
        team.world.write("shop/go", "");
        apply.wait().succeeds();
        assert!(team.world.run(["tenant", "show", "web-team"]).succeeds().stdout.contains("Status: Active"));
    }
}

#[test]
fn a_daemon_that_is_killed_in_the_middle_of_a_move_is_followed_by_the_same_command() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    let team = Platform::behind(&aws, &proxy).with_team("web-team").in_development();
    team.write_stack("shop", &[COMPONENT]);
    team.apply("shop").succeeds();
    // Before the first copy, before the state's copy, before the registry.
    for (n, word) in ["/v2/stacks/shop/development/history/", "/v3/stacks/shop/development/state.json", "/tenants.yaml"]
        .into_iter()
        .enumerate()
    {
        let to = format!("v{}", n + 2);
        proxy.forget();
        // The registry is written twice: to close the tenant, and at the end.
        let rule = Rule::on("S3.PutObject", Fault::Hold).containing(word);
        let moving = team.world.command(["tenant", "upgrade", "web-team", "--to", &to, "--yes"]).spawn();
        proxy.add(rule);
        let held = |seen: &[Seen]| seen.iter().any(|seen| seen.is("S3.PutObject", word) && seen.fault.is_some());
        assert!(proxy.wait_until(wait::DEADLINE, held), "{word} is about to be written");
        signal(team.world.daemon().unwrap(), Signal::KILL);
        moving.wait().exits(3);
        proxy.heal();
        upgrade(&team, &to).succeeds();
        team.apply("shop").succeeds().says("No changes");
        let state = team.json_document(&format!("tenants/web-team/{to}/stacks/shop/development/state.json"));
        assert!(state["movedTo"].is_null(), "{state}");
    }
}

#[test]
fn a_migration_whose_daemon_is_killed_at_any_write_is_completed_by_the_same_command() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    let platform = Platform::behind(&aws, &proxy);
    platform.create_tenant("new-team");
    let cutting = Cutting { stored: Stored::of(&aws, &platform.address), platform, proxy };
    for (fault, word) in [(Fault::Hold, "before"), (Fault::HoldAnswer, "after")] {
        let cut = (0..).take_while(|write| cutting.cut_off(&fault, &format!("{word}-{write}"), *write)).count();
        // The intent, the seal, the history's and the state's copies, the registry, the derived entry, the result.
        assert_eq!(cut, 7, "killed {word} so many writes");
    }
}

/// Migrations that are cut off.
struct Cutting {
    platform: Platform,
    proxy: Proxy,
    stored: Stored,
}

impl Cutting {
    /// Migrates one stack of this name and kills the daemon at one of the writes; answers whether there were so many.
    fn cut_off(&self, fault: &Fault, name: &str, write: usize) -> bool {
        let Self { platform, proxy, stored } = self;
        let old = format!("{name}/{name}/dev");
        stored.put(&format!("{old}/state.json"), r#"{"serial": 3, "ours": "kept"}"#);
        stored.put(&format!("{old}/history/001.json"), "what was");
        let prefix = format!("{name}/");
        let migrate = ["tenant", "migrate", "new-team", "--from", &prefix, "--yes"];
        proxy.forget();
        proxy.add(Rule::on("S3.PutObject", fault.clone()).after(write));
        let mut migrating = platform.world.command(migrate).spawn();
        let held = |seen: &Seen| seen.fault.is_some() && (*fault == Fault::Hold || seen.status == Some(200));
        let cut = wait::until_some("a write is held, or none is left", || {
            let cut = proxy.seen().iter().any(held);
            (cut || migrating.has_ended()).then_some(cut)
        });
        if cut {
            signal(platform.world.daemon().unwrap(), Signal::KILL);
            migrating.wait().exits(3);
            proxy.heal();
            platform.world.run(migrate).succeeds();
        } else {
            proxy.heal();
            migrating.wait().succeeds();
        }
        let new = format!("tenants/new-team/v1/stacks/{name}/dev");
        assert_eq!(stored.json(&format!("{old}/state.json")).unwrap()["movedTo"], new.as_str());
        let state = stored.json(&format!("{new}/state.json"));
        assert_eq!(state, Some(serde_json::json!({"serial": 3, "ours": "kept"})));
        assert_eq!(stored.text(&format!("{new}/history/001.json")).as_deref(), Some("what was"));
        for key in ["tenants.yaml", "registry/new-team.yaml"] {
            assert!(stored.text(key).unwrap().contains(&format!("from: {prefix}")), "{key}");
        }
        cut
    }
}
