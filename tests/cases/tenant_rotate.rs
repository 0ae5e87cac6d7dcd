//! A team's secret is replaced: the old one ends, with its sessions, and a run that is at work goes on.

use harness::scenes::{Platform, teams};
use harness::wait;

fn sign_in(team: &Platform, secret: &str) -> harness::Output {
    let arguments = ["login", "--tenant", "web-team", "--backend", &team.address, "--secret-stdin"];
    team.world.command(arguments).stdin(secret).run()
}

#[test]
fn the_old_secret_and_its_sessions_end_and_the_new_one_works() {
    for team in teams() {
        let old = team.create_tenant("other-team");
        let rotated = team.world.run(["tenant", "rotate", "web-team", "--yes"]).succeeds();
        for part in ["Credentials Rotated", "New Tenant Secret: dplr_", "SHARE WITH TEAM SECURELY", "Rotations: 1"] {
            assert!(rotated.stdout.contains(part), "{}", rotated.stdout);
        }
        team.world.run(["tenant", "details"]).exits(4).complains("Authentication failed: Invalid credentials");
        team.world
            .run(["tenant", "details"])
            .exits(4)
            .complains("Credentials may have been rotated. Contact your admin.");
        sign_in(&team, &old).exits(4);
        let secret = team.world.run(["tenant", "rotate", "web-team", "--yes", "-q"]).succeeds().stdout;
        sign_in(&team, secret.trim()).succeeds();
        team.world.run(["tenant", "details"]).succeeds();
        let shown = team.world.run(["tenant", "show", "web-team", "-o", "json"]).succeeds().json();
        assert_eq!(shown["tenant"]["rotations"], 2);
        // The other team is not concerned.
        let arguments = ["login", "--tenant", "other-team", "--backend", &team.address, "--secret-stdin"];
        team.world.command(arguments).stdin(old.as_str()).run().succeeds();
    }
}

#[test]
fn a_run_of_an_old_session_goes_on_to_its_end_and_gives_its_lock_back() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'touch begun; until [ -e go ]; do sleep 0.05; done' }"]);
        let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
        wait::until("the command has begun", || team.world.work().join("shop/begun").exists());
        let secret = team.world.run(["tenant", "rotate", "web-team", "--yes", "-q"]).succeeds().stdout;
        team.world.write("shop/go", "");
        apply.wait().succeeds();
        sign_in(&team, secret.trim()).succeeds();
        let locks = team.world.run(["lock", "list", "-o", "json"]).succeeds().json();
        assert_eq!(locks["locks"], serde_json::json!([]));
        team.world.run(["outputs", "--stack", "shop"]).succeeds();
    }
}

#[test]
fn nobody_rotates_without_saying_so() {
    let team = teams().next().unwrap();
    team.world.run(["tenant", "rotate", "web-team"]).exits(64).complains("confirm it with --yes");
    team.world.run(["tenant", "details"]).succeeds();
    team.world.run(["tenant", "rotate", "nobody", "--yes"]).exits(8).complains("there is no tenant nobody");
}
