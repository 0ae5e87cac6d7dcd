//! Who did what is recorded before the answer is given, and can be read.

use harness::scenes::teams;

#[test]
fn an_admin_reads_the_platforms_audit_and_a_team_its_own() {
    for team in teams() {
        let refused = ["login", "--tenant", "web-team", "--backend", &team.address, "--secret-stdin"];
        team.world.command(refused).stdin("dplr_wrong").run().exits(4);
        team.world.run(["tenant", "suspend", "web-team"]).succeeds();
        team.world.run(["tenant", "activate", "web-team"]).succeeds();
        let actions = |arguments: &[&str]| -> Vec<(String, String)> {
            let events = team.world.run(arguments.iter().copied().chain(["-o", "json"])).succeeds().json();
            let text = |event: &serde_json::Value, name: &str| event[name].as_str().unwrap().to_owned();
            let events = events["events"].as_array().unwrap();
            events.iter().map(|event| (text(event, "action"), text(event, "phase"))).collect()
        };
        let platform = actions(&["audit", "--since", "1h", "--action", "tenant."]);
        let expected = ["tenant.activate", "tenant.suspend", "tenant.create"];
        assert_eq!(platform.iter().map(|(action, _)| action.as_str()).collect::<Vec<_>>(), expected);
        let own = actions(&["tenant", "audit"]);
        assert!(own.iter().any(|event| *event == ("tenant.login".into(), "AUDIT_PHASE_FAILED".into())), "{own:?}");
        assert!(own.iter().all(|(action, _)| action == "tenant.login"), "{own:?}");
        let of = actions(&["tenant", "audit", "web-team", "--since", "all"]);
        assert_eq!(of.len(), own.len() + 3, "{of:?}");
        let text = team.world.run(["tenant", "audit", "--failed"]).succeeds().stdout;
        assert!(text.contains("tenant.login") && text.contains("INVALID_CREDENTIALS"), "{text}");
        team.world.run(["audit", "--since", "yesterday"]).exits(64).complains("write 24h, 7d");
    }
}
