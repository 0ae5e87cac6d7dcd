//! A team is kept out for a while, and let in again; its limits and rules are changed.

use harness::scenes::teams;

#[test]
fn a_suspended_team_cannot_sign_in_until_it_is_activated() {
    for team in teams() {
        let secret = team.create_tenant("other-team");
        let sign_in = || {
            let arguments = ["login", "--tenant", "other-team", "--backend", &team.address, "--secret-stdin"];
            team.world.command(arguments).stdin(secret.as_str()).run()
        };
        sign_in().succeeds();
        team.world.run(["tenant", "suspend", "other-team"]).succeeds();
        assert_eq!(team.world.run(["tenant", "suspend", "other-team", "-q"]).succeeds().stdout, "other-team\n");
        // The session that exists lives on.
        team.world.run(["tenant", "details"]).succeeds();
        sign_in().exits(7).complains("the tenant other-team is suspended");
        assert!(team.world.run(["tenant", "list"]).succeeds().stdout.contains("suspended"));
        team.world.run(["tenant", "activate", "other-team"]).succeeds();
        sign_in().succeeds();
    }
}

#[test]
fn limits_and_rules_are_edited_and_obeyed() {
    for team in teams() {
        let edit = [
            "tenant",
            "edit",
            "web-team",
            "--max-stacks",
            "1",
            "--require-approval",
            "no",
            "--environments",
            "production",
        ];
        let edited = team.world.run(edit.into_iter().chain(["-o", "json"])).succeeds().json();
        assert_eq!(
            (&edited["tenant"]["limits"]["maxStacks"], &edited["rules"]["requireApproval"]),
            (&1.into(), &false.into())
        );
        team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
        team.apply("shop").exits(7).complains("development");
        team.world.run(["apply", "--stack", "shop", "--environment", "production", "--yes"]).succeeds();
        team.write_stack("second", &["a: { type: command, apply: 'true' }"]);
        let second = ["apply", "--stack", "second", "--environment", "production", "--yes"];
        team.world.run(second).exits(7).complains("1");
        team.world.run(["tenant", "edit", "web-team", "--max-stacks", "2", "--environments", "any"]).succeeds();
        team.world.run(second).succeeds();
        let place = ["--account-id", "123456789012", "--region", "eu-west-1", "--team", "web", "--department", "sales"];
        let edited = team.world.run(["tenant", "edit", "web-team"].into_iter().chain(place)).succeeds();
        edited.says("AWS Account: 123456789012").says("Region: eu-west-1").says("Team: web").says("Department: sales");
        for wrong in [["--region", "moon"], ["--regions", "mars"], ["--account-id", "12"]] {
            team.world.run(["tenant", "edit", "web-team"].into_iter().chain(wrong)).exits(64).complains("is not valid");
        }
        let shown = team.world.run(["tenant", "show", "web-team", "-o", "json"]).succeeds().json();
        assert_eq!(shown["rules"]["environments"], serde_json::json!([]), "{shown}");
        team.world.run(["tenant", "edit", "web-team"]).exits(64).complains("nothing is to be changed");
        team.world.run(["tenant", "edit", "web-team", "--environments", "A b"]).exits(64);
    }
}
