//! Locks as a person meets them: who holds one, whether they live, and how to take one away.

use std::time::{Duration, Instant};

use harness::aws::{LocalAws, REGION, python_environment};
use harness::command::Process;
use harness::scenes::{PASSWORD, Platform, team, teams};
use harness::terminal::Terminal;
use harness::wait;

/// Holds the lock of `shop/development` until the file `go` is there.
fn holding(team: &Platform) -> Process {
    let command = "touch began; until [ -e go ]; do sleep 0.02; done";
    let running = team.world.command(["lock", "run", "--stack", "shop", "--", "sh", "-c", command]).spawn();
    wait::until("the command runs", || team.world.work().join("began").exists());
    running
}

/// The same team with a daemon whose leases are twenty times shorter.
fn in_a_hurry(team: Platform, secret: &str) -> Platform {
    with_leases(team, secret, "50")
}

fn with_leases(mut team: Platform, secret: &str, permille: &str) -> Platform {
    team.world.run(["daemon", "stop", "--force"]).succeeds();
    team.world = team.world.with("DEPLOYER_TEST_LEASE_PERMILLE", permille).with("DEPLOYER_ENVIRONMENT", "development");
    team.sign_in("web-team", secret);
    team
}

#[test]
fn a_lock_that_is_held_is_listed_and_shown_with_its_holder() {
    for mut team in teams() {
        team.world = team.world.with("DEPLOYER_ACTOR", "alice@company.com");
        team.world.run(["lock", "show", "--stack", "shop"]).succeeds().says("never locked");
        let running = holding(&team);
        let listed = team.world.run(["lock", "list", "-o", "json"]).succeeds().json()["locks"].clone();
        assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
        let lock = &listed[0];
        for (field, value) in [
            ("key", "tenant:web-team:stack:shop:env:development"),
            ("state", "HELD"),
            ("lockedBy", "alice@company.com"),
            ("operation", "lock run"),
            ("holderState", "HELD"),
        ] {
            assert_eq!(lock[field], value, "{lock}");
        }
        assert_eq!((&lock["ours"], &lock["looksAlive"]), (&true.into(), &true.into()), "{lock}");
        team.world.run(["lock", "show", "--stack", "shop"]).succeeds().says("(alive)").says("alice@company.com on ");
        let refused = team.world.run(["lock", "run", "--stack", "shop", "--", "true"]).exits(5);
        refused.complains("shop/development is locked").complains("Held by: alice@company.com on ");
        team.world.write("go", "");
        running.wait().succeeds();
        team.world.run(["lock", "show", "--stack", "shop"]).succeeds().says("Released");
    }
}

#[test]
fn a_colleague_waits_for_a_lock_or_is_refused_with_the_holders_name() {
    let team = Platform::local().in_development();
    let secret = team.create_tenant("web-team");
    team.sign_in("web-team", &secret);
    let colleague = team.colleague("web-team", &secret);
    let running = holding(&team);
    colleague.run(["lock", "run", "--stack", "shop", "--", "true"]).exits(5).complains("wait with --wait 30m");
    let waiting = colleague.command(["lock", "run", "--stack", "shop", "--wait", "1m", "--", "echo", "mine"]).spawn();
    team.world.write("go", "");
    running.wait().succeeds();
    waiting.wait().succeeds().says("mine");
}

#[test]
fn an_environment_that_an_apply_would_refuse_gets_no_lock_and_leaves_no_trace() {
    for team in teams() {
        let run = |environment: &str| {
            let place = ["--stack", "shop", "--environment", environment, "--", "touch", "ran"];
            team.world.run(["lock", "run"].iter().chain(&place).copied())
        };
        run("developmint").exits(7).complains("developmint").complains("production, staging, development");
        team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
        run("staging").exits(8).complains("no environment").complains("development, production");
        assert!(!team.world.work().join("ran").exists());
        assert_eq!(team.world.run(["run", "list", "-o", "json"]).succeeds().json()["runs"], serde_json::json!([]));
        run("development").succeeds();
        // Locked, never deployed: that is no stack yet.
        assert_eq!(team.world.run(["stack", "list", "-o", "json"]).succeeds().json()["stacks"], serde_json::json!([]));
    }
}

#[test]
fn only_what_is_held_can_be_unlocked_and_only_with_a_reason() {
    let team = team();
    let unlock = |more: &[&str]| {
        let arguments = ["lock", "unlock", "--stack", "shop", "--no-input"].iter().chain(more);
        team.world.run(arguments.copied())
    };
    unlock(&["--reason", "why not"]).exits(8).complains("shop/development is not locked");
    unlock(&[]).exits(64).complains("--reason");
    unlock(&["--reason", "  "]).exits(64).complains("--reason");
}

#[test]
fn a_living_holder_is_put_out_only_by_force_and_the_next_one_waits() {
    let team = Platform::local();
    let secret = team.create_tenant("web-team");
    let team = in_a_hurry(team, &secret);
    let running = holding(&team);
    let alive = team.world.run(["lock", "unlock", "--stack", "shop", "--reason", "impatience"]).exits(5);
    alive.complains("its holder is alive").complains("--even-if-alive");
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    team.apply("shop").exits(5).complains("is locked");
    let failed = team.world.run(["tenant", "audit", "--failed"]).succeeds().stdout;
    assert!(failed.contains("lock.unlock") && failed.contains("run.apply"), "{failed}");
    let forced = ["lock", "unlock", "--stack", "shop", "--reason", "it hangs", "--even-if-alive"];
    team.world.run(forced).succeeds().says("shop/development is unlocked");
    let shown = team.world.run(["lock", "show", "--stack", "shop"]).succeeds();
    shown.says("Released").says("Reason: it hangs").says("Fencing token: 2");
    running.wait().exits(6).complains("lost");
    team.world.run(["lock", "run", "--stack", "shop", "--", "echo", "mine"]).succeeds().says("mine");
    team.world.run(["lock", "show", "--stack", "shop"]).succeeds().says("Fencing token: 3");
}

#[test]
fn a_holder_that_gives_the_lock_back_while_it_is_watched_was_not_put_out() {
    let team = Platform::local();
    let secret = team.create_tenant("web-team");
    let team = with_leases(team, &secret, "200");
    let running = holding(&team);
    let unlock = ["lock", "unlock", "--stack", "shop", "--reason", "is it dead?"];
    let unlock = Terminal::new(team.world.command(unlock), 100, 24);
    unlock.wait_for("Looking at the lock");
    team.world.write("go", "");
    running.wait().succeeds();
    let (code, told) = unlock.wait();
    assert!(code == Some(0) && told.contains("gave it back") && !told.contains("taken away ✓"), "{told}");
    let shown = team.world.run(["lock", "show", "--stack", "shop"]).succeeds();
    shown.says("Fencing token: 1");
}

/// Puts the item of a tool that knows no tokens, as the reference describes it.
const OLDER_TOOL: &str = r#"
import sys, time, boto3
key, table = sys.argv[1:]
now = int(time.time())
boto3.resource("dynamodb").Table(table).put_item(Item={
    "LockID": key, "TenantID": "old-team", "StackName": "shop", "Environment": "development",
    "LockedBy": "carol@company.com", "LockedAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
    "LockExpiry": now + 3600, "Heartbeat": now, "Version": "v1.0.0", "TTL": now + 7200})
"#;

#[test]
fn a_lock_of_an_older_tool_is_respected_and_taken_over_only_after_its_hour_of_silence() {
    let aws = LocalAws::start();
    let mut team = Platform::aws(&aws).in_development();
    team.world.run(["daemon", "stop", "--force"]).succeeds();
    // An hour is 72 s.
    team.world = team.world.with("DEPLOYER_TEST_LEASE_PERMILLE", "20").with("AWS_DEFAULT_REGION", REGION);
    let arguments = ["admin", "login", "--backend", &team.address, "--password-stdin"];
    team.world.command(arguments).stdin(PASSWORD).run().succeeds();
    let team = team.with_team("old-team");
    let table = team.address.trim_start_matches("s3://").replace("-state", "-locks");
    let key = "tenant:old-team:stack:shop:env:development";
    let python = python_environment().join("bin/python");
    team.world.program(python).args(["-c", OLDER_TOOL, key, &table]).run().succeeds();
    let refused = team.world.run(["lock", "run", "--stack", "shop", "--", "true"]).exits(5);
    refused.complains("Held by: carol@company.com");
    let seen = Instant::now();
    let waited = ["lock", "run", "--stack", "shop", "--wait", "10m", "--", "echo", "mine"];
    team.world.command(waited).deadline(Duration::from_secs(300)).run().succeeds().says("mine");
    assert!(seen.elapsed() >= Duration::from_secs(60), "taken over after {:?}", seen.elapsed());
    team.world.run(["lock", "show", "--stack", "shop"]).succeeds().says("Released").says("Fencing token: 1");
}
