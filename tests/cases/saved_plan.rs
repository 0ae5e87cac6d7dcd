//! `plan --out FILE` and `apply FILE`: exactly what was saved is run, or nothing.

use std::os::unix::fs::PermissionsExt;

use deployer_proto::v1::run_event::Event;
use deployer_proto::v1::run_service_client::RunServiceClient;
use deployer_proto::v1::{CallContext, RunFinished, StackTarget, StartRunRequest};
use harness::boto::{boto, statuses};
use harness::scenes::{Platform, team, teams};
use harness::{World, client};

use crate::cloudformation::{self, AWS};

fn saved(team: &Platform, arguments: &[&str]) -> String {
    let plan = ["plan", "--stack", "shop", "--out", "shop.plan"].into_iter().chain(arguments.iter().copied());
    team.world.run(plan).succeeds();
    std::fs::read_to_string(team.world.work().join("shop.plan")).unwrap()
}

fn done(world: &World, file: &str) -> bool {
    world.work().join("shop").join(file).exists()
}

#[test]
fn a_saved_plan_is_run_without_a_question_and_only_once() {
    for team in teams() {
        team.write_stack("shop", &["a: { type: command, apply: 'touch done' }"]);
        let plan = team.world.run(["plan", "--stack", "shop", "--out", "shop.plan"]).succeeds();
        let digest = plan.stdout.lines().find_map(|line| line.strip_prefix("Digest: ")).unwrap().to_owned();
        plan.complains("deployer apply shop.plan");
        let path = team.world.work().join("shop.plan");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!done(&team.world, "done"));
        let applied = team.world.run(["apply", "shop.plan"]).succeeds();
        assert!(done(&team.world, "done") && applied.stderr.contains(&digest), "{applied}");
        team.world.run(["apply", "shop.plan"]).exits(6).complains("the state moved on from serial");
        let history = team.world.run(["history", "--stack", "shop", "-o", "json"]).succeeds().json();
        assert_eq!(history["rows"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_plan_file_is_refused_once_its_stack_its_variables_or_itself_differ() {
    let team = team();
    let stack = |apply: &str| {
        team.world.write(
            "shop/stack.yaml",
            &format!(
                "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: {{ development: {{}}, staging: {{}} }}\n\
                 variables: {{ V: {{ default: '1' }} }}\nservices:\n  s:\n    components:\n      \
                 a: {{ type: command, environment: {{ V: '${{var.V}}' }}, apply: '{apply}' }}\n"
            ),
        );
    };
    stack("touch done");
    let text = saved(&team, &["--var", "V=2"]);
    let refused = |code: i32, arguments: &[&str], why: &str| {
        let apply = ["apply", "shop.plan"].into_iter().chain(arguments.iter().copied());
        team.world.run(apply).exits(code).complains(why);
        assert!(!done(&team.world, "done"), "{why}");
    };
    refused(6, &["--var", "V=3"], "variables have other values");
    refused(64, &["--environment", "staging"], "`development`");
    refused(64, &["--stack", "other"], "`shop`");
    refused(64, &["--service", "s"], "cannot be used with");
    stack("touch done # changed");
    refused(6, &[], "the stack's files changed");
    stack("touch done");
    for (damaged, why) in [
        (text.replace("\"V\": \"2\"", "\"V\": \"3\""), "damaged"),
        (text[..text.len() / 2].to_owned(), "could not be read"),
        ("{}".to_owned(), "no formatVersion"),
        (text.replace("\"formatVersion\": 1", "\"formatVersion\": 9"), "upgrade deployer"),
    ] {
        team.world.write("shop.plan", &damaged);
        refused(64, &[], why);
    }
    team.world.run(["apply", "missing.plan"]).exits(8).complains("missing.plan");
    team.world.write("shop.plan", &text);
    team.world.run(["apply", "shop.plan", "--yes"]).succeeds();
    assert!(done(&team.world, "done"));
}

#[test]
fn another_tenants_plan_is_refused() {
    let platform = Platform::local();
    let secret = platform.create_tenant("other-team");
    let team = platform.with_team("web-team").in_development();
    team.write_stack("shop", &["a: { type: command, apply: 'touch done' }"]);
    saved(&team, &[]);
    team.sign_in("other-team", &secret);
    let refused = team.world.run(["apply", "shop.plan"]).exits(64).complains("web-team@local:");
    refused.complains("--context web-team@local:");
    assert!(!done(&team.world, "done"));
}

#[test]
fn no_sensitive_value_is_saved_and_it_must_be_given_again() {
    let team = team();
    team.world.write(
        "shop/stack.yaml",
        "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: { development: {} }\n\
         variables: { PW: { sensitive: true } }\nservices:\n  s:\n    components:\n      \
         a: { type: command, environment: { PW: '${var.PW}' }, apply: 'touch done' }\n",
    );
    let text = saved(&team, &["--var", "PW=hunter2hunter2"]);
    assert!(!text.contains("hunter2"), "{text}");
    team.world.run(["apply", "shop.plan"]).exits(64).complains("`PW`").complains("--var PW=VALUE");
    team.world.run(["apply", "shop.plan", "--var", "PW=another"]).exits(6).complains("sensitive variable");
    assert!(!done(&team.world, "done"));
    team.world.run(["apply", "shop.plan", "--var", "PW=hunter2hunter2"]).succeeds();
    assert!(done(&team.world, "done"));
}

#[test]
fn a_saved_destroy_still_asks_for_the_stacks_name() {
    let team = team();
    team.write_stack("shop", &["a: { type: command, apply: 'true', destroy: 'touch gone' }"]);
    team.apply("shop").succeeds();
    saved(&team, &["--destroy"]);
    team.world.run(["apply", "shop.plan"]).exits(64).complains("--yes");
    team.world.run(["apply", "shop.plan", "--yes"]).succeeds();
    team.world.run(["plan", "--stack", "shop", "--detailed-exitcode"]).exits(2);
}

#[test]
fn a_plan_is_never_saved_over_anything_but_a_plan() {
    let team = team();
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    let stack = std::fs::read(team.world.work().join("shop/stack.yaml")).unwrap();
    let out = |path: &str| team.world.run(["plan", "--stack", "shop", "--out", path]);
    out("shop/stack.yaml").exits(6).complains("no plan file");
    assert_eq!(std::fs::read(team.world.work().join("shop/stack.yaml")).unwrap(), stack);
    out("shop").exits(6);
    out("nowhere/shop.plan").exits(64).complains("nowhere/shop.plan");
    out("shop.plan").succeeds();
    out("shop.plan").succeeds();
}

const QUEUE: &str = "Parameters:\n  Seconds: { Type: String, Default: '60' }\nResources:\n  Queue:\n    \
    Type: AWS::SQS::Queue\n    Properties:\n      MessageRetentionPeriod: !Ref Seconds\n";

/// Changes a component's stack behind our back.
fn changed_elsewhere(component: &str) {
    let template = "Resources:\n  Queue: { Type: 'AWS::SQS::Queue' }\n  More: { Type: 'AWS::SNS::Topic' }\n";
    let text = format!(
        "s = of('{component}')[0]; cf.update_stack(StackName=s['StackId'], Tags=s['Tags'], TemplateBody={template:?})\n\
         cf.get_waiter('stack_update_complete').wait(StackName=s['StackId'], WaiterConfig={{'Delay': 1}}); answer(1)"
    );
    boto(&AWS, &text);
}

fn events_of(component: &str) -> serde_json::Value {
    boto(
        &AWS,
        &format!("answer(len(cf.describe_stack_events(StackName=of('{component}')[0]['StackId'])['StackEvents']))"),
    )
}

fn queue_changes(team: &Platform, component: &str) {
    let stack = |seconds: u32| {
        let queue = format!(
            "{component}: {{ type: cloudformation, template: t.yaml, parameters: {{ Seconds: '{seconds}' }} }}"
        );
        team.write_stack("shop", &[&queue, "first: { type: command, apply: 'touch done' }"]);
    };
    team.world.write("shop/t.yaml", QUEUE);
    stack(60);
    team.apply("shop").succeeds();
    let _ = std::fs::remove_file(team.world.work().join("shop/done"));
    stack(120);
}

#[test]
fn a_saved_change_set_is_executed_or_refused_before_anything_runs() {
    let team = cloudformation::team();
    queue_changes(&team, "saved-queue");
    saved(&team, &[]);
    team.world.run(["apply", "shop.plan"]).succeeds();
    assert_eq!(statuses(&AWS, "saved-queue"), ["UPDATE_COMPLETE"]);

    queue_changes(&team, "moved-queue");
    saved(&team, &[]);
    changed_elsewhere("moved-queue");
    let before = events_of("moved-queue");
    let refused = team.world.run(["apply", "shop.plan"]).exits(6).complains("s.moved-queue");
    refused.complains("the provider would do something else");
    assert_eq!(events_of("moved-queue"), before);
}

#[test]
fn a_change_set_that_differs_under_the_lock_is_refused_before_anything_runs() {
    let team = cloudformation::team();
    queue_changes(&team, "late-queue");
    team.write_stack(
        "shop",
        &[
            "late-queue: { type: cloudformation, template: t.yaml, parameters: { Seconds: '180' } }",
            "first: { type: command, apply: 'touch done # again' }",
        ],
    );
    let plan = team.world.run(["plan", "--stack", "shop", "-o", "json"]).succeeds().json();
    changed_elsewhere("late-queue");
    let before = events_of("late-queue");
    let steps = plan["steps"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let proposals =
        steps.filter(|step| step["proposal"] != "").map(|step| (text(&step["component"]), text(&step["proposal"])));
    let request = StartRunRequest {
        context: client::context(&team.world).map(|context| with_environment(context, &team.world)),
        target: Some(StackTarget {
            stack: "shop".to_owned(),
            environment: "development".to_owned(),
            ..StackTarget::default()
        }),
        plan_digest: text(&plan["digest"]),
        proposals: proposals.collect(),
        ..StartRunRequest::default()
    };
    let (started, finished) = run_to_its_end(&team.world, request);
    assert_eq!(finished.error.unwrap().reason, "PLAN_STALE");
    assert_eq!((started, events_of("late-queue")), (0, before));
    assert!(!done(&team.world, "done"));
}

fn with_environment(context: CallContext, world: &World) -> CallContext {
    let all: std::collections::HashMap<String, String> =
        world.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    CallContext {
        environment: all.clone(),
        full_environment: Some(deployer_proto::v1::FullEnvironment { variables: all }),
        ..context
    }
}

/// How many components were begun, and how it ended.
fn run_to_its_end(world: &World, request: StartRunRequest) -> (usize, RunFinished) {
    client::block_on(async {
        let mut runs = RunServiceClient::new(client::connect(world).await);
        let mut events = runs.start(request).await.unwrap().into_inner();
        let mut started = 0;
        while let Some(event) = events.message().await.unwrap() {
            match event.event {
                Some(Event::ComponentStarted(_)) => started += 1,
                Some(Event::Finished(finished)) => return (started, finished),
                _ => {}
            }
        }
        panic!("the run has no end")
    })
}
