//! `rollback`: back to what an earlier run had deployed, from what was recorded with it.

use harness::scenes::{Platform, team, teams};
use serde_json::Value;

use crate::cloudformation::{self, AWS};

/// A stack whose version is in its text, in a variable, and in a file.
fn write(team: &Platform, version: &str, components: &[&str]) {
    team.world.write("shop/version", version);
    let components: String = components.iter().map(|component| format!("      {component}\n")).collect();
    team.world.write(
        "shop/stack.yaml",
        &format!(
            "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: {{ development: {{}} }}\n\
             variables: {{ V: {{ default: none }} }}\nservices:\n  s:\n    components:\n      \
             a: {{ type: command, inputs: [version], environment: {{ V: '${{var.V}}' }}, apply: 'echo $(cat version) $V {version} >> {log}' }}\n{components}",
            log = team.world.work().join("log").display()
        ),
    );
}

fn log(team: &Platform) -> Vec<String> {
    let text = std::fs::read_to_string(team.world.work().join("log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn apply(team: &Platform, variable: &str) {
    team.world.run(["apply", "--stack", "shop", "--yes", "--var", variable]).succeeds();
}

fn history(team: &Platform) -> Vec<Value> {
    let history = team.world.run(["history", "--stack", "shop", "-o", "json"]).succeeds().json();
    history["rows"].as_array().unwrap().clone()
}

#[test]
fn a_rollback_takes_source_and_variables_from_the_history_and_not_from_the_directory() {
    for team in teams() {
        let made = team.world.work().join("made").display().to_string();
        let b = format!("b: {{ type: command, apply: 'touch {made}', destroy: 'rm {made}' }}");
        write(&team, "one", &[]);
        apply(&team, "V=1");
        write(&team, "two", &[&b]);
        apply(&team, "V=2");
        assert_eq!(log(&team), ["one 1 one", "two 2 two"]);
        std::fs::remove_dir_all(team.world.work().join("shop")).unwrap();
        let back =
            team.world.run(["rollback", "--stack", "shop", "--yes"]).succeeds().says("Rolled back shop/development");
        assert!(back.stderr.contains("(rollback to #1)") && back.stderr.contains("s.b"), "{back}");
        assert_eq!(log(&team), ["one 1 one", "two 2 two", "one 1 one"]);
        assert!(!team.world.work().join("made").exists(), "what the old source did not have is destroyed");
        let rows = history(&team);
        assert_eq!((&rows[0]["operation"], &rows[0]["why"]), (&"OPERATION_ROLLBACK".into(), &"rollback to #1".into()));
        // Forward again, by number.
        team.world.run(["rollback", "--stack", "shop", "--to", "2", "--yes"]).succeeds();
        assert_eq!(log(&team).last().unwrap(), "two 2 two");
        assert!(team.world.work().join("made").exists());
        team.world.run(["rollback", "--stack", "shop", "--to", "2", "--yes"]).succeeds().says("No changes");
        let audit = team.world.run(["tenant", "audit", "-o", "json"]).succeeds();
        assert!(audit.stdout.contains("run.rollback"), "{audit}");
    }
}

#[test]
fn the_last_good_run_is_the_one_before_what_failed() {
    let team = team();
    write(&team, "one", &[]);
    apply(&team, "V=1");
    write(&team, "two", &[]);
    apply(&team, "V=2");
    write(&team, "three", &["c: { type: command, apply: 'exit 3' }"]);
    team.world.run(["apply", "--stack", "shop", "--yes", "--var", "V=3"]).exits(1);
    team.world.run(["rollback", "--stack", "shop", "--yes"]).succeeds();
    assert_eq!(log(&team).last().unwrap(), "two 2 two");
    assert_eq!(history(&team)[0]["why"], "rollback to #2");
    // What is deployed is #2 again, so the last good run that differs is the first.
    team.world.run(["rollback", "--stack", "shop", "--yes"]).succeeds();
    assert_eq!(history(&team)[0]["why"], "rollback to #1");
}

#[test]
fn what_was_destroyed_can_be_made_again() {
    let team = team();
    write(&team, "one", &[]);
    apply(&team, "V=1");
    team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
    team.world.run(["rollback", "--stack", "shop", "--yes"]).succeeds();
    assert_eq!(log(&team), ["one 1 one", "one 1 one"]);
    team.world.run(["rollback", "--stack", "shop", "--to", "2", "--yes"]).exits(64).complains("was a destroy");
}

#[test]
fn sensitive_variables_are_asked_for_and_others_are_not_changed() {
    let team = team();
    let stack = |version: &str| {
        team.world.write(
            "shop/stack.yaml",
            &format!(
                "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: {{ development: {{}} }}\n\
                 variables: {{ PW: {{ sensitive: true }}, V: {{ default: x }} }}\nservices:\n  s:\n    components:\n      \
                 a: {{ type: command, environment: {{ PW: '${{var.PW}}', V: '${{var.V}}' }}, apply: 'echo {version} ${{#PW}} >> {log}' }}\n",
                log = team.world.work().join("log").display()
            ),
        );
    };
    for version in ["one", "two"] {
        stack(version);
        team.world.run(["apply", "--stack", "shop", "--yes", "--var", "PW=hunter2hunter2"]).succeeds();
    }
    team.world.run(["rollback", "--stack", "shop", "--yes"]).exits(64).complains("`PW`").complains("not recorded");
    let with = |variable: &str| {
        team.world.run(["rollback", "--stack", "shop", "--yes", "--var", "PW=hunter2hunter2", "--var", variable])
    };
    with("V=y").exits(64).complains("taken from run #1");
    with("W=y").exits(64).complains("unknown variable");
    team.world.run(["rollback", "--stack", "shop", "--yes", "--var", "PW=hunter2hunter2"]).succeeds();
    assert_eq!(log(&team), ["one 14", "two 14", "one 14"]);
}

#[test]
fn a_rollback_that_cannot_be_is_refused_with_what_there_is() {
    let team = team();
    team.world.run(["rollback", "--stack", "shop", "--yes"]).exits(8).complains("never deployed");
    write(&team, "one", &[]);
    apply(&team, "V=1");
    team.world.run(["rollback", "--stack", "shop", "--yes"]).exits(8).complains("no earlier good run");
    team.world.run(["rollback", "--stack", "shop", "--to", "7", "--yes"]).exits(8).complains("no history number 7");
    write(&team, "two", &[]);
    apply(&team, "V=1");
    team.world
        .run(["rollback", "--stack", "shop"])
        .exits(64)
        .complains("rolling back shop/development")
        .complains("--yes");
    assert_eq!(log(&team).len(), 2);
}

#[test]
fn a_template_is_rolled_back_as_it_was() {
    let team = cloudformation::team();
    let queue = |seconds: &str| {
        format!(
            "Resources:\n  Queue: {{ Type: 'AWS::SQS::Queue', Properties: {{ MessageRetentionPeriod: {seconds} }} }}\n"
        )
    };
    team.write_stack("shop", &["rolled: { type: cloudformation, template: t.yaml }"]);
    for seconds in ["60", "120"] {
        team.world.write("shop/t.yaml", &queue(seconds));
        team.apply("shop").succeeds();
    }
    team.world.run(["rollback", "--stack", "shop", "--yes"]).succeeds();
    let seen = harness::boto::boto(
        &AWS,
        "s = of('rolled')[0]; r = cf.describe_stack_resources(StackName=s['StackId'])['StackResources'][0]\n\
         answer(boto3.client('sqs').get_queue_attributes(QueueUrl=r['PhysicalResourceId'], \
         AttributeNames=['All'])['Attributes']['MessageRetentionPeriod'])",
    );
    assert_eq!(seen, "60");
}
