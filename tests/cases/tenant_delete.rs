//! A team goes, everything of it is kept for a while, and it can come back.

use harness::scenes::{Platform, teams};
use harness::wait;

fn sign_in(team: &Platform, secret: &str) -> harness::Output {
    let arguments = ["login", "--tenant", "web-team", "--backend", &team.address, "--secret-stdin"];
    team.world.command(arguments).stdin(secret).run()
}

#[test]
fn a_team_is_deleted_restored_with_a_new_secret_and_goes_on_where_it_was() {
    for team in teams() {
        let component = "a: { type: command, apply: 'echo x >> applied', destroy: 'true' }";
        team.write_stack("shop", &[component]);
        team.apply("shop").succeeds();
        let delete = ["tenant", "delete", "web-team", "--confirm"];
        team.world.run(delete).exits(7).complains("shop/development").complains("--abandon-resources");
        team.world.run(["tenant", "details"]).succeeds();
        let deleted = team.world.run(delete.into_iter().chain(["--abandon-resources", "-o", "json"])).succeeds().json();
        assert!(deleted["archive"].as_str().unwrap().starts_with("archive/web-team/"), "{deleted}");
        team.world.run(["tenant", "details"]).exits(4).complains("Authentication failed");
        assert!(!team.world.run(["tenant", "list"]).succeeds().stdout.contains("web-team"));
        team.world.run(["tenant", "purge", "web-team", "--yes"]).exits(7).complains("Kept until");
        let secret = team.world.run(["tenant", "restore", "web-team", "-q"]).succeeds().stdout;
        sign_in(&team, secret.trim()).succeeds();
        team.world.run(["history", "--stack", "shop"]).succeeds();
        assert!(team.apply("shop").succeeds().stdout.contains("no changes") || applied(&team) == "x\n");
        team.write_stack("shop", &[&component.replace("echo x", "echo y")]);
        team.apply("shop").succeeds();
        assert_eq!(applied(&team), "x\ny\n");
        team.world.run(["tenant", "restore", "web-team"]).exits(6).complains("is not deleted");
    }
}

fn applied(team: &Platform) -> String {
    std::fs::read_to_string(team.world.work().join("shop/applied")).unwrap()
}

#[test]
fn a_team_that_is_at_work_is_not_deleted_and_works_on() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'touch begun; until [ -e go ]; do sleep 0.05; done' }"]);
        let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
        wait::until("the command has begun", || team.world.work().join("shop/begun").exists());
        let delete = ["tenant", "delete", "web-team", "--confirm", "--abandon-resources"];
        team.world.run(delete).exits(5).complains("shop/development is locked");
        team.world.write("shop/go", "");
        apply.wait().succeeds();
        assert!(team.world.run(["tenant", "show", "web-team"]).succeeds().stdout.contains("Status: Active"));
        team.world.run(["outputs", "--stack", "shop"]).succeeds();
    }
}

#[test]
fn nobody_deletes_without_saying_so() {
    let team = teams().next().unwrap();
    team.world.run(["tenant", "delete", "web-team"]).exits(64).complains("confirm it with --confirm");
    team.world.run(["tenant", "delete", "nobody", "--confirm"]).exits(8).complains("there is no tenant nobody");
    team.world.run(["tenant", "restore", "nobody"]).exits(8).complains("there is no archive");
    team.world.run(["tenant", "details"]).succeeds();
}
