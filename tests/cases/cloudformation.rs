//! Components that are CloudFormation stacks, on a local AWS, with boto3 looking.

use std::sync::LazyLock;

use harness::aws::LocalAws;
use harness::boto::{boto, signal, statuses, wait_for_status};
use harness::scenes::Platform;

pub static AWS: LazyLock<LocalAws> = LazyLock::new(LocalAws::start);

/// A team on the shared local AWS; `component` is unique within it.
pub fn team() -> Platform {
    Platform::aws(&AWS).with_team("web-team").in_development()
}

/// A queue whose retention is a parameter.
const QUEUE: &str = "Parameters:\n  Seconds: { Type: String, Default: '60' }\nResources:\n  Queue:\n    \
    Type: AWS::SQS::Queue\n    Properties:\n      MessageRetentionPeriod: !Ref Seconds\nOutputs:\n  \
    Url: { Value: !Ref Queue }\n  Arn: { Value: !GetAtt Queue.Arn }\n";

/// A topic, and a condition that waits for a signal or for the end of its time; another `Name` makes it anew.
pub fn waiting(name: &str, seconds: u32) -> String {
    format!(
        "Resources:\n  Topic: {{ Type: AWS::SNS::Topic }}\n  Handle{name}: {{ Type: AWS::CloudFormation::WaitConditionHandle }}\n  \
         Wait{name}:\n    Type: AWS::CloudFormation::WaitCondition\n    DependsOn: Topic\n    \
         Properties: {{ Handle: !Ref Handle{name}, Timeout: '{seconds}' }}\n"
    )
}

#[test]
fn a_stack_is_made_changed_left_alone_and_destroyed() {
    let team = team();
    team.world.write("shop/queue.yaml", QUEUE);
    let stack = |seconds: &str| {
        let queue = format!(
            "life-queue: {{ type: cloudformation, template: queue.yaml, parameters: {{ Seconds: '{seconds}' }} }}"
        );
        let told = "told: { type: command, environment: { URL: '${s.life-queue.Url}' }, apply: 'echo $URL >> urls' }";
        team.write_stack("shop", &[&queue, told]);
    };
    stack("60");
    team.apply("shop").succeeds().says("life-queue");
    let seen = boto(
        &AWS,
        "s = of('life-queue')[0]; answer([s['StackStatus'], s['EnableTerminationProtection'], \
         {t['Key']: t['Value'] for t in s['Tags']}, cf.list_change_sets(StackName=s['StackId'])['Summaries']])",
    );
    assert_eq!((&seen[0], &seen[1]), (&"CREATE_COMPLETE".into(), &true.into()));
    let tags = serde_json::json!({ "deployer:tenant": "web-team", "deployer:stack": "shop", "deployer:environment":
        "development", "deployer:service": "s", "deployer:component": "life-queue" });
    assert_eq!(seen[2], tags);
    let urls = std::fs::read_to_string(team.world.work().join("shop/urls")).unwrap();
    assert!(urls.contains("queue") || urls.starts_with("http"), "{urls}");

    team.apply("shop").succeeds().says("No changes");
    stack("120");
    let plan = team.world.run(["plan", "--stack", "shop", "-o", "json"]).succeeds().json();
    let step =
        plan["steps"].as_array().unwrap().iter().find(|step| step["component"] == "s.life-queue").unwrap().clone();
    assert_eq!(step["resources"][0]["action"], "modify", "{step}");
    assert_eq!(step["resources"][0]["name"], "Queue");
    team.apply("shop").succeeds();
    let seen = boto(
        &AWS,
        "s = of('life-queue')[0]; r = cf.describe_stack_resources(StackName=s['StackId'])['StackResources'][0]\n\
        sqs = boto3.client('sqs'); answer([s['StackStatus'], sqs.get_queue_attributes(QueueUrl=r['PhysicalResourceId'], \
        AttributeNames=['All'])['Attributes']['MessageRetentionPeriod']])",
    );
    assert_eq!(seen, serde_json::json!(["UPDATE_COMPLETE", "120"]));
    team.world.run(["status", "--stack", "shop", "--component", "s.life-queue"]).succeeds().says("Healthy");

    team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
    assert!(statuses(&AWS, "life-queue").is_empty());
}

#[test]
fn a_plan_shows_each_resource_and_leaves_nothing_behind() {
    let team = team();
    let role = "  Role:\n    Type: AWS::IAM::Role\n    Properties: { AssumeRolePolicyDocument: { Version: '2012-10-17', Statement: [] } }\n";
    team.world.write("shop/queue.yaml", &QUEUE.replace("Outputs:", &format!("{role}Outputs:")));
    team.write_stack("shop", &["plan-queue: { type: cloudformation, template: queue.yaml }"]);
    let before = boto(&AWS, "answer(len([s for s in stacks() if 'plan-queue' in s['StackName']]))");
    let plan = team.world.run(["plan", "--stack", "shop"]).succeeds();
    let plan = plan.says("+ Queue (AWS::SQS::Queue)").says("+ Role (AWS::IAM::Role)").says("PERMISSIONS");
    drop(plan);
    assert_eq!(boto(&AWS, "answer(len([s for s in stacks() if 'plan-queue' in s['StackName']]))"), before);
    let digest = || team.world.run(["plan", "--stack", "shop", "-q"]).succeeds().stdout;
    assert_eq!(digest(), digest());
}

#[test]
fn a_failed_create_says_which_resource_and_why_and_the_next_apply_makes_it_anew() {
    let team = team();
    team.world.write("shop/wait.yaml", &waiting("One", 1));
    team.write_stack("shop", &["fail-create: { type: cloudformation, template: wait.yaml }"]);
    let failed = team.apply("shop").exits(1).complains("WaitOne").complains("ROLLBACK_COMPLETE");
    failed.complains("makes it anew");
    assert_eq!(statuses(&AWS, "fail-create"), ["ROLLBACK_COMPLETE"]);
    team.world.write("shop/wait.yaml", QUEUE);
    team.apply("shop").succeeds();
    assert_eq!(statuses(&AWS, "fail-create"), ["CREATE_COMPLETE"]);
}

#[test]
fn a_failed_update_leaves_what_was_there_and_says_so() {
    let team = team();
    team.world.write("shop/t.yaml", QUEUE);
    team.write_stack("shop", &["fail-update: { type: cloudformation, template: t.yaml }"]);
    team.apply("shop").succeeds();
    team.world.write("shop/t.yaml", &waiting("One", 1));
    team.apply("shop").exits(1).complains("WaitOne").complains("UPDATE_ROLLBACK_COMPLETE");
    team.world.run(["status", "--stack", "shop"]).exits(1).says("Degraded");
    team.world.write("shop/t.yaml", &QUEUE.replace("'60'", "'90'"));
    team.apply("shop").succeeds();
    assert_eq!(statuses(&AWS, "fail-update"), ["UPDATE_COMPLETE"]);
}

#[test]
fn a_cancelled_update_is_taken_back_by_cloudformation() {
    let team = team();
    team.world.write("shop/t.yaml", QUEUE);
    team.write_stack("shop", &["cancel-update: { type: cloudformation, template: t.yaml }"]);
    team.apply("shop").succeeds();
    team.world.write("shop/t.yaml", &waiting("One", 6));
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    wait_for_status(&AWS, "cancel-update", "UPDATE_IN_PROGRESS");
    let runs = team.world.run(["run", "list", "-o", "json"]).succeeds().json();
    team.world.run(["run", "cancel", runs["runs"][0]["id"].as_str().unwrap()]).succeeds();
    apply.wait().exits(130);
    assert_eq!(statuses(&AWS, "cancel-update"), ["UPDATE_ROLLBACK_COMPLETE"]);
}

#[test]
fn a_cancelled_create_goes_on_by_itself_and_the_next_apply_takes_up_its_result() {
    let team = team();
    team.world.write("shop/t.yaml", &waiting("One", 600));
    team.write_stack("shop", &["cancel-create: { type: cloudformation, template: t.yaml }"]);
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    wait_for_status(&AWS, "cancel-create", "CREATE_IN_PROGRESS");
    let runs = team.world.run(["run", "list", "-o", "json"]).succeeds().json();
    team.world.run(["run", "cancel", runs["runs"][0]["id"].as_str().unwrap()]).succeeds();
    apply.wait().exits(130);
    assert_eq!(statuses(&AWS, "cancel-create"), ["CREATE_IN_PROGRESS"]);
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    signal(&AWS, "cancel-create");
    apply.wait().succeeds();
    assert_eq!(statuses(&AWS, "cancel-create"), ["CREATE_COMPLETE"]);
    team.world.run(["plan", "--stack", "shop", "--detailed-exitcode"]).exits(0);
}

#[test]
fn drift_is_found_by_looking_and_status_remembers_it() {
    let team = team();
    team.world.write("shop/t.yaml", QUEUE);
    team.write_stack("shop", &["drifting: { type: cloudformation, template: t.yaml }"]);
    team.apply("shop").succeeds();
    let drift = ["drift", "--stack", "shop", "--detailed-exitcode"];
    team.world.run(drift).exits(0).says("in-sync");
    boto(
        &AWS,
        "s = of('drifting')[0]; r = cf.describe_stack_resources(StackName=s['StackId'])['StackResources'][0]\n\
         boto3.client('sqs').set_queue_attributes(QueueUrl=r['PhysicalResourceId'], Attributes={'MessageRetentionPeriod': '90'})\n\
         answer(1)",
    );
    team.world.run(drift).exits(2).says("drifted").says("MessageRetentionPeriod");
    team.world.run(["status", "--stack", "shop"]).exits(1).says("Drifted");
    let plan = || team.world.run(["plan", "--stack", "shop", "--detailed-exitcode"]).exits(0).stdout;
    let planned = plan();
    assert!(planned.contains("s.drifting is not as it was deployed (drifted)"), "{planned}");
    assert!(planned.contains("MessageRetentionPeriod"), "{planned}");
    let config = team.document("tenants/web-team/tenant.yaml");
    team.put_document(
        "tenants/web-team/tenant.yaml",
        config.replace("enableDriftDetection: true", "enableDriftDetection: false"),
    );
    assert!(!plan().contains("not as it was deployed"), "the policy says no");
}

#[test]
fn a_template_too_long_for_a_request_travels_by_the_bucket() {
    let team = team();
    let long = format!("Description: long\n# {}\n{QUEUE}", "x".repeat(60_000));
    team.world.write("shop/t.yaml", &long);
    team.write_stack("shop", &["long-one: { type: cloudformation, template: t.yaml }"]);
    team.apply("shop").succeeds();
    assert_eq!(statuses(&AWS, "long-one"), ["CREATE_COMPLETE"]);
}

#[test]
fn another_account_than_the_environments_is_refused_before_anything_begins() {
    let team = team();
    team.world.write("shop/t.yaml", QUEUE);
    team.world.write(
        "shop/stack.yaml",
        "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: { development: { accountId: '111111111111' } }\n\
         services:\n  s:\n    components:\n      wrong-account: { type: cloudformation, template: t.yaml }\n",
    );
    team.apply("shop").exits(7).complains("000000000000").complains("111111111111");
    assert!(statuses(&AWS, "wrong-account").is_empty());
}

#[test]
fn commands_do_not_run_with_the_credentials_of_another_account() {
    let team = team();
    let stack = |environment: &str| {
        let text = format!(
            "apiVersion: deployer/v1\nkind: Stack\nname: shop\nenvironments: {{ development: {{ {environment} }} }}\n\
             services:\n  s:\n    components:\n      a: {{ type: command, apply: 'touch ran' }}\n"
        );
        team.world.write("shop/stack.yaml", &text);
    };
    let ran = team.world.work().join("shop/ran");
    stack("accountId: '111111111111'");
    team.apply("shop").exits(7).complains("reach the account 000000000000, not 111111111111").complains("AWS_PROFILE");
    assert!(!ran.exists());
    stack("accountId: '000000000000'");
    team.apply("shop").succeeds();
    assert!(ran.exists());
}

#[test]
fn a_stack_that_is_somebody_elses_is_left_alone() {
    let team = team();
    team.world.write("shop/t.yaml", QUEUE);
    team.write_stack("shop", &["foreign: { type: cloudformation, template: t.yaml }"]);
    team.apply("shop").succeeds();
    boto(
        &AWS,
        "s = of('foreign')[0]; cf.update_stack(StackName=s['StackId'], UsePreviousTemplate=True, \
         Tags=[{'Key': 'deployer:component', 'Value': 'foreign'}])\n\
         cf.get_waiter('stack_update_complete').wait(StackName=s['StackId'], WaiterConfig={'Delay': 1}); answer(1)",
    );
    team.world.write("shop/t.yaml", &QUEUE.replace("'60'", "'90'"));
    team.apply("shop").exits(1).complains("is not this component's").complains("nothing was done");
    team.world.run(["destroy", "--stack", "shop", "--yes"]).exits(1).complains("nothing was done");
    assert_eq!(statuses(&AWS, "foreign").len(), 1);
}

#[test]
fn a_template_that_is_not_there_or_leaves_the_directory_is_refused_with_its_place() {
    let team = team();
    team.write_stack("shop", &["a: { type: cloudformation, template: no.yaml }"]);
    team.world.run(["plan", "--stack", "shop"]).exits(64).complains("there is no no.yaml").complains("stack.yaml:10");
    team.write_stack("shop", &["a: { type: cloudformation, template: ../no.yaml }"]);
    team.world.run(["plan", "--stack", "shop"]).exits(64).complains("cannot leave");
}
