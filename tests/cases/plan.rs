//! Plans: they say what would be done and why, and do nothing.

use harness::aws::LocalAws;
use harness::proxy::{Fault, Proxy, Refusal, Rule};
use harness::scenes::{Platform, team, teams};
use harness::wait;
use serde_json::Value;

fn plan(team: &Platform, stack: &str) -> Value {
    team.world.run(["plan", "--stack", stack, "-o", "json"]).succeeds().json()
}

fn actions(plan: &Value) -> Vec<String> {
    let steps = plan["steps"].as_array().unwrap().iter();
    steps.map(|step| format!("{} {}", step["component"], step["action"]).replace('"', "")).collect()
}

#[test]
fn a_plan_says_what_would_be_done_and_why_and_changes_nothing() {
    let team = team();
    team.write_stack("shop", &["a: { type: command, apply: 'echo a' }", "b: { type: command, apply: 'echo b' }"]);
    assert_eq!(actions(&plan(&team, "shop")), ["s.a ACTION_CREATE", "s.b ACTION_CREATE"]);
    assert_eq!(actions(&plan(&team, "shop")), ["s.a ACTION_CREATE", "s.b ACTION_CREATE"]);
    assert_eq!(team.world.run(["run", "list", "-o", "json"]).succeeds().json()["runs"], serde_json::json!([]));
    team.apply("shop").succeeds();
    let none = plan(&team, "shop");
    assert_eq!((none["changes"].as_bool(), none["counts"]["unchanged"].as_u64()), (Some(false), Some(2)));
    team.write_stack("shop", &["a: { type: command, apply: 'echo changed' }"]);
    let changed = plan(&team, "shop");
    assert_eq!(actions(&changed), ["s.a ACTION_UPDATE", "s.b ACTION_DELETE"]);
    assert!(changed["steps"][0]["reason"].as_str().unwrap().contains("apply"), "{changed}");
}

#[test]
fn a_change_of_an_input_file_is_named_as_the_reason() {
    let team = team();
    team.write_stack("shop", &["a: { type: command, inputs: ['scripts/**'], apply: 'sh scripts/a.sh' }"]);
    team.world.write("shop/scripts/a.sh", "echo one");
    team.apply("shop").succeeds();
    team.world.write("shop/scripts/a.sh", "echo two");
    let changed = plan(&team, "shop");
    assert_eq!(actions(&changed), ["s.a ACTION_UPDATE"]);
    assert!(changed["steps"][0]["reason"].as_str().unwrap().contains("scripts/**"), "{changed}");
}

#[test]
fn the_exit_code_can_tell_whether_there_are_changes() {
    let team = team();
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    team.world.run(["plan", "--stack", "shop", "--detailed-exitcode"]).exits(2);
    team.apply("shop").succeeds();
    team.world.run(["plan", "--stack", "shop", "--detailed-exitcode"]).exits(0);
}

#[test]
fn that_another_person_has_to_approve_a_run_is_said_with_the_plan() {
    let team = team();
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    let plan = team.world.run(["plan", "--stack", "shop", "--environment", "production", "-o", "json"]).succeeds();
    let plan = plan.json();
    assert_eq!(actions(&plan), ["s.a ACTION_CREATE"]);
    assert_eq!((&plan["needsApproval"], plan["refusals"].as_array().unwrap().len()), (&true.into(), 0), "{plan}");
}

#[test]
fn values_that_are_sensitive_or_not_known_yet_are_shown_as_that() {
    let team = team();
    team.world.write(
        "shop/stack.yaml",
        "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: { development: {} }\n\
         variables:\n  PW: { sensitive: true }\n\
         services:\n  s:\n    components:\n      a: { type: command, apply: 'true' }\n      b:\n        type: command\n        \
         apply: 'true'\n        environment: { PW: '${var.PW}', A: '${s.a.url}' }\n",
    );
    let output = team.world.run(["plan", "--stack", "shop", "--var", "PW=hunter2hunter2"]).succeeds();
    assert!(!format!("{output}").replace("PW=hunter2hunter2", "").contains("hunter2"), "{output}");
    team.world.run(["plan", "--stack", "shop"]).exits(64).complains("PW");
}

#[test]
fn a_stack_or_environment_that_does_not_exist_is_named_with_what_does() {
    let team = team();
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    team.world.run(["plan", "--stack", "shop", "--environment", "prodution"]).exits(8).complains("production");
    team.world.run(["plan", "--stack", "other"]).exits(8);
    team.apply("shop").succeeds();
    team.world.run(["outputs", "--stack", "shop", "--environment", "staging"]).exits(8).complains("development");
    team.world.run(["status", "--stack", "shpo", "--environment", "development"]).exits(8).complains("shop");
}

#[test]
fn while_somebody_is_at_work_nothing_looks_as_if_there_were_nothing_to_do() {
    for team in teams() {
        let work = "touch began; until [ -e ../go ]; do sleep 0.02; done";
        team.write_stack("shop", &[&format!("a: {{ type: command, apply: '{work}', destroy: 'true' }}")]);
        let place = ["--stack", "shop", "--environment", "development"];
        let run = |verb: &[&str]| team.world.run(verb.iter().chain(&place).copied());
        let first = team.world.command(["apply", "--yes"].iter().chain(&place).copied()).spawn();
        wait::until("the command runs", || team.world.work().join("shop/began").exists());
        run(&["plan"])
            .succeeds()
            .says("shop/development is locked by ")
            .says("what is done there now is not in this plan");
        run(&["plan", "-o", "markdown"]).succeeds().says("> ⚠ `shop/development is locked by ");
        run(&["status"]).exits(1).says("the first one is at work").says("Locked by: ");
        run(&["destroy", "--yes"]).exits(5).complains("shop/development is locked").complains("Held by: ");
        team.world.write("go", "");
        first.wait().succeeds();
        assert_eq!(plan(&team, "shop")["lockedBy"], "");

        std::fs::remove_file(team.world.work().join("go")).unwrap();
        let script = format!("touch locked; cd shop; {work}");
        let under = ["lock", "run"].iter().chain(&place).copied().chain(["--", "sh", "-c", &script]);
        let holder = team.world.command(under).spawn();
        wait::until("the lock is held", || team.world.work().join("locked").exists());
        run(&["apply", "--yes"]).exits(5).complains("Held by: ");
        let waiting = team.world.command(["apply", "--wait", "1m"].iter().chain(&place).copied()).spawn();
        team.world.write("go", "");
        holder.wait().succeeds();
        waiting.wait().succeeds();
        run(&["apply", "--yes"]).succeeds().says("No changes.");
    }
}

#[test]
fn whoever_may_not_read_locks_still_plans_and_looks_but_applies_nothing() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    let mut team = Platform::aws(&aws).with_team("web-team").in_development();
    team.write_stack("shop", &["a: { type: command, apply: 'true', check: 'true' }"]);
    team.apply("shop").succeeds();
    team.world = team.world.with("AWS_ENDPOINT_URL", proxy.endpoint());
    proxy.add(Rule::on("DynamoDB.GetItem", Fault::Refuse(Refusal::Denied)));
    let run = |arguments: &[&str]| team.world.run(arguments.iter().chain(&["--stack", "shop"]).copied());
    let unknown = "who holds the lock is not known: cannot read the lock of shop/development";
    run(&["plan", "--detailed-exitcode"]).exits(0).says("No changes.").says(unknown);
    run(&["status"]).succeeds().says("Locked by: not known: cannot read the lock").says("All resources healthy");
    run(&["apply", "--yes"]).exits(1).complains("cannot read the lock of shop/development");
    run(&["apply"]).exits(1).complains("cannot read the lock of shop/development");
    team.write_stack("shop", &["a: { type: command, apply: 'touch ran' }"]);
    let plan = run(&["plan", "--detailed-exitcode", "-o", "json"]).exits(2).json();
    assert_eq!((&plan["lockUnknown"], &plan["lockedBy"]), (&true.into(), &"".into()), "{plan}");
    run(&["apply", "--yes"]).exits(1).complains("AccessDenied");
    assert!(!team.world.work().join("shop/ran").exists());
}
