//! How firmly a run holds its lock, as whoever watches the run sees it.

use harness::aws::LocalAws;
use harness::proxy::{Fault, Proxy, Refusal, Rule};
use harness::scenes::{PASSWORD, Platform};
use harness::{Process, wait};
use serde_json::Value;

/// A team whose way to the cloud can be cut, with leases this much shorter than real ones.
fn team_behind(proxy: &Proxy, aws: &LocalAws, permille: &str) -> Platform {
    let mut team = Platform::aws(aws).in_development();
    team.world.run(["daemon", "stop", "--force"]).succeeds();
    team.world = team.world.with("AWS_ENDPOINT_URL", proxy.endpoint()).with("DEPLOYER_TEST_LEASE_PERMILLE", permille);
    let arguments = ["admin", "login", "--backend", &team.address, "--password-stdin"];
    team.world.command(arguments).stdin(PASSWORD).run().succeeds();
    team.with_team("far-team")
}

/// An apply whose command waits for the file `go`.
fn begin(team: &Platform) -> (Process, String) {
    let gated = "a: { type: command, apply: 'touch began; until [ -e go ]; do sleep 0.02; done' }";
    team.write_stack("shop", &[gated, "b: { type: command, apply: 'touch second', dependsOn: [s.a] }"]);
    let apply = team.world.command(["apply", "--stack", "shop", "--yes", "-o", "json"]).spawn();
    wait::until("the command runs", || team.world.work().join("shop/began").exists());
    let listed = team.world.run(["run", "list", "-o", "json"]).succeeds().json();
    (apply, listed["runs"][0]["id"].as_str().unwrap().to_owned())
}

/// What the daemon has told of a run so far.
fn told(team: &Platform, id: &str) -> String {
    let file = team.world.state_directory().join("runs").join(id).join("events.jsonl");
    std::fs::read_to_string(file).unwrap_or_default()
}

fn states(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["leaseChanged"]["state"].as_str()).collect()
}

#[test]
fn a_lock_in_doubt_is_shown_with_what_follows_and_so_is_the_end_of_the_doubt() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    // A heartbeat each 2 s; in doubt after 4 s, fenced after 8 s.
    let team = team_behind(&proxy, &aws, "200");
    // Missing rights are no more a loss than a network that is away.
    for fault in [Fault::Drop, Fault::Refuse(Refusal::Denied)] {
        let (apply, id) = begin(&team);
        proxy.add(Rule::on("DynamoDB.UpdateItem", fault));
        wait::until("the lock is fenced", || told(&team, &id).contains("\"FENCED\""));
        assert!(!team.world.work().join("shop/second").exists());
        proxy.heal();
        wait::until("the lock is held again", || told(&team, &id).contains("\"HELD\""));
        team.world.write("shop/go", "");
        let events = apply.wait().succeeds().json_lines();
        assert_eq!(states(&events), ["SUSPECT", "FENCED", "HELD"]);
        let shown = team.world.run(["run", "attach", &id]).succeeds();
        let shown = shown.complains("⚠ Lock SUSPECT: ").complains("⚠ Lock FENCED: ").complains("✓ Lock HELD: ");
        shown.complains("cannot be proven").complains("proven to be ours again");
        std::fs::remove_dir_all(team.world.work().join("shop")).unwrap();
        team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
    }
}

#[test]
fn a_lost_lock_is_shown_with_whose_it_is_now() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    let team = team_behind(&proxy, &aws, "100");
    let (apply, id) = begin(&team);
    let forced = ["lock", "unlock", "--stack", "shop", "--reason", "it hangs", "--even-if-alive"];
    team.world.run(forced).succeeds();
    let output = apply.wait().exits(6);
    assert_eq!(states(&output.json_lines()), ["LOST"]);
    team.world.run(["run", "attach", &id]).exits(6).complains("✗ Lock LOST: ").complains("unlocked by: tester");
}

#[test]
fn credentials_that_end_sooner_than_a_run_may_need_are_refused_before_anything_is_locked() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    let team = team_behind(&proxy, &aws, "1000");
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    let ending = |seconds: i64| (jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds)).to_string();
    let apply = |seconds| {
        let command = team.world.command(["apply", "--stack", "shop", "--yes"]);
        command.env("AWS_CREDENTIAL_EXPIRATION", ending(seconds)).run()
    };
    apply(120).exits(1).complains("credentials end in ").complains("sooner than a run may need");
    team.world.run(["lock", "show", "--stack", "shop"]).succeeds().says("never locked");
    apply(1200).succeeds();
}
