//! `doctor` tells what is wrong and what mends it, and changes nothing.

use harness::aws::LocalAws;
use harness::proxy::{Fault, Proxy, Refusal, Rule};
use harness::scenes::{Platform, team, teams};
use harness::{Output, World};
use serde_json::Value;

fn findings(output: &Output) -> Vec<Value> {
    output.json()["findings"].as_array().unwrap().clone()
}

/// What was found out about a subject.
#[track_caller]
fn about<'a>(findings: &'a [Value], subject: &str) -> &'a Value {
    let mut found = findings.iter().filter(|finding| finding["subject"].as_str().unwrap().starts_with(subject));
    found.next().unwrap_or_else(|| panic!("nothing about {subject} in {findings:#?}"))
}

#[test]
fn all_that_a_team_needs_is_tried_and_nothing_is_changed() {
    for team in teams() {
        let (stored, locks) = (team.keys(""), team.world.run(["lock", "list", "-o", "json"]).stdout);
        let output = team.world.run(["doctor", "-o", "json"]).succeeds();
        let found = findings(&output);
        let problems: Vec<_> = found.iter().filter(|finding| finding["verdict"] == "VERDICT_PROBLEM").collect();
        assert!(problems.is_empty(), "{problems:#?}");
        for subject in [
            "Daemon",
            "Socket",
            "Lingering",
            "Registry: write tenants.yaml",
            "Registry: write a tenant's entry",
            "Admin secret: read it",
            "Registry: read the tenant's entry",
            "Storage: write a state",
            "Lock table: change a lock",
        ] {
            assert_eq!(about(&found, subject)["verdict"], "VERDICT_OK", "{subject}");
        }
        let sessions = about(&found, "Sessions");
        assert_eq!(sessions["verdict"], "VERDICT_WARNING", "sessions in memory end with the daemon");
        assert!(!sessions["mends"].as_array().unwrap().is_empty());
        assert_eq!(team.keys(""), stored);
        assert_eq!(team.world.run(["lock", "list", "-o", "json"]).stdout, locks);
    }
}

#[test]
fn people_read_a_line_for_each_thing() {
    let output = team().world.run(["doctor"]).succeeds();
    output
        .says("✓ Daemon: answers")
        .says("⚠ Sessions: are kept in")
        .says("    → ")
        .says("No problems, 1 to think about");
    assert_eq!(team().world.run(["doctor", "-q"]).succeeds().stdout, "warning\n");
}

#[test]
fn a_right_that_is_missing_is_named_with_what_mends_it() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    let mut team = Platform::aws(&aws).with_team("web-team");
    team.world = team.world.with("AWS_ENDPOINT_URL", proxy.endpoint());
    let denied = || Fault::Refuse(Refusal::Denied);
    proxy.add(Rule::on("S3.PutObject", denied()).containing("state.json"));
    proxy.add(Rule::on("DynamoDB.UpdateItem", denied()));
    proxy.add(Rule::on("CloudFormation", denied()));
    let output = team.world.run(["doctor", "-o", "json"]).exits(1);
    let found = findings(&output);
    for subject in ["Storage: write a state", "Lock table: change a lock"] {
        let finding = about(&found, subject);
        assert_eq!(finding["verdict"], "VERDICT_PROBLEM", "{finding}");
        assert!(finding["message"].as_str().unwrap().contains("AccessDenied"), "{finding}");
        assert!(finding["mends"].to_string().contains("aws sts get-caller-identity"), "{finding}");
    }
    assert_eq!(about(&found, "Storage: read a state")["verdict"], "VERDICT_OK");
    assert_eq!(about(&found, "CloudFormation")["verdict"], "VERDICT_WARNING", "teams without stacks do not need it");
    assert_eq!(about(&found, "Isolation")["verdict"], "VERDICT_WARNING");
    assert_eq!(about(&found, "Clock")["verdict"], "VERDICT_OK");
}

#[test]
fn what_keeps_people_from_signing_in_is_found_before_they_have() {
    let world = World::new();
    let nobody = findings(&world.run(["doctor", "-o", "json"]).succeeds());
    assert_eq!(about(&nobody, "Backend")["verdict"], "VERDICT_WARNING");
    let missing = format!("local:{}", world.directory().join("none.db").display());
    let found = findings(&world.run(["doctor", "--backend", &missing, "-o", "json"]).exits(1));
    let backend = about(&found, "Backend local:");
    assert!(backend["mends"].to_string().contains("deployer admin bootstrap"), "{backend}");
    let unreachable = World::new().with("DEPLOYER_SOCKET", "relative.sock").run(["doctor"]).exits(1);
    unreachable.says("✗ Daemon: ");
}

#[test]
fn in_a_pipeline_it_examines_what_the_variables_name() {
    let platform = Platform::local();
    let secret = platform.create_tenant("web-team");
    let world = World::new().with("CI", "true").with("DEPLOYER_BACKEND", &*platform.address);
    let world = world.with("DEPLOYER_TENANT", "web-team").with("DEPLOYER_SECRET", secret);
    let found = findings(&world.run(["doctor", "-o", "json"]).succeeds());
    for subject in ["Session", "Storage: write a state"] {
        assert_eq!(about(&found, subject)["verdict"], "VERDICT_OK", "{subject}");
    }
    assert!(found.iter().all(|finding| finding["subject"] != "Sessions"), "{found:#?}");
    assert_eq!(world.processes().len(), 0);
    let wrong = world.command(["doctor", "-o", "json"]).env("DEPLOYER_SECRET", "dplr_wrong").run().exits(1);
    assert_eq!(about(&findings(&wrong), "Session")["verdict"], "VERDICT_PROBLEM");
}
