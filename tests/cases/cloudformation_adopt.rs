//! The daemon dies in the middle of an operation of CloudFormation, and another one finishes it.

use std::time::Duration;

use harness::World;
use harness::boto::{boto, signal, statuses, wait_for_status};
use harness::proxy::{Fault, Proxy, Rule};
use harness::scenes::{PASSWORD, Platform};
use rustix::process::{Pid, Signal, kill_process};

use crate::cloudformation::{AWS, waiting};

/// A team whose session survives its daemon, with leases this much shorter than real ones.
fn team(permille: &str) -> Platform {
    let mut platform = Platform::aws(&AWS);
    platform.world.run(["daemon", "stop", "--force"]).succeeds();
    platform.world = platform.world.with("DEPLOYER_KEYRING", "file").with("DEPLOYER_TEST_LEASE_PERMILLE", permille);
    let arguments = ["admin", "login", "--backend", &platform.address, "--password-stdin"];
    platform.world.command(arguments).stdin(PASSWORD).run().succeeds();
    platform.in_development()
}

fn colleague(team: &Platform, secret: &str, permille: &str) -> World {
    let other = team.colleague("web-team", secret);
    other.run(["daemon", "stop", "--force"]).succeeds();
    let other = other.with("DEPLOYER_TEST_LEASE_PERMILLE", permille).with("DEPLOYER_KEYRING", "file");
    let arguments = ["login", "--tenant", "web-team", "--backend", &team.address, "--secret-stdin"];
    other.command(arguments).stdin(secret).run().succeeds();
    other
}

fn kill_daemon(world: &World) {
    kill_process(Pid::from_raw(world.daemon().unwrap() as i32).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn another_daemon_finishes_what_a_killed_one_had_begun_without_beginning_it_again() {
    let team = team("30");
    let secret = team.create_tenant("web-team");
    team.sign_in("web-team", &secret);
    let other = colleague(&team, &secret, "30");
    for world in [&team.world, &other] {
        world.write("shop/t.yaml", &waiting("One", 600));
    }
    team.write_stack("shop", &["adopted: { type: cloudformation, template: t.yaml }"]);
    other.write("shop/stack.yaml", &std::fs::read_to_string(team.world.work().join("shop/stack.yaml")).unwrap());
    let mut apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    wait_for_status(&AWS, "adopted", "CREATE_IN_PROGRESS");
    kill_daemon(&team.world);
    apply.kill();
    let apply = other.command(["apply", "--stack", "shop", "--yes", "--wait", "2m"]).spawn();
    signal(&AWS, "adopted");
    let told = apply.wait().succeeds();
    assert!(format!("{told}").contains("No changes") || format!("{told}").contains("Applied"), "{told}");
    assert_eq!(statuses(&AWS, "adopted"), ["CREATE_COMPLETE"]);
    let begun = boto(
        &AWS,
        "s = of('adopted')[0]; events = cf.describe_stack_events(StackName=s['StackId'])['StackEvents']\n\
         own = [e for e in events if e['PhysicalResourceId'] == s['StackId']]\n\
         answer([e['ResourceStatus'] for e in own if e['ResourceStatus'] in ('CREATE_IN_PROGRESS', 'UPDATE_IN_PROGRESS')])",
    );
    assert_eq!(begun, serde_json::json!(["CREATE_IN_PROGRESS"]), "it was begun again");
    other.run(["plan", "--stack", "shop", "--detailed-exitcode"]).exits(0);
}

#[test]
fn a_daemon_that_is_started_again_takes_up_a_failure_and_goes_on() {
    let team = team("1000").with_team("web-team");
    team.world.write("shop/t.yaml", &waiting("One", 2));
    team.write_stack("shop", &["refailed: { type: cloudformation, template: t.yaml }"]);
    let mut apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    wait_for_status(&AWS, "refailed", "CREATE_IN_PROGRESS");
    kill_daemon(&team.world);
    apply.kill();
    wait_for_status(&AWS, "refailed", "ROLLBACK_COMPLETE");
    team.world.write("shop/t.yaml", "Resources: { Topic: { Type: 'AWS::SNS::Topic' } }\n");
    team.world.run(["apply", "--stack", "shop", "--yes"]).succeeds();
    assert_eq!(statuses(&AWS, "refailed"), ["CREATE_COMPLETE"]);
}

#[test]
fn of_two_who_apply_at_once_one_is_told_who_is_at_work() {
    let team = team("1000");
    let secret = team.create_tenant("web-team");
    team.sign_in("web-team", &secret);
    let other = colleague(&team, &secret, "1000");
    for world in [&team.world, &other] {
        world.write("shop/t.yaml", &waiting("One", 600));
    }
    team.write_stack("shop", &["contended: { type: cloudformation, template: t.yaml }"]);
    other.write("shop/stack.yaml", &std::fs::read_to_string(team.world.work().join("shop/stack.yaml")).unwrap());
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    wait_for_status(&AWS, "contended", "CREATE_IN_PROGRESS");
    other.run(["apply", "--stack", "shop", "--yes"]).exits(5).complains("tester");
    signal(&AWS, "contended");
    apply.wait().succeeds();
}

#[test]
fn a_delete_of_data_that_was_cut_off_after_its_protection_was_lifted_is_begun_again_and_ends() {
    let proxy = Proxy::start(&AWS.endpoint()).unwrap();
    let mut team = Platform::aws(&AWS);
    team.world.run(["daemon", "stop", "--force"]).succeeds();
    team.world = team.world.with("DEPLOYER_KEYRING", "file").with("AWS_ENDPOINT_URL", proxy.endpoint());
    let arguments = ["admin", "login", "--backend", &team.address, "--password-stdin"];
    team.world.command(arguments).stdin(PASSWORD).run().succeeds();
    let team = team.in_development().with_team("web-team");
    team.write_stack("shop", &["letgo: { type: s3-bucket }"]);
    team.apply("shop").succeeds();
    boto(
        &AWS,
        "s = of('letgo')[0]; r = cf.describe_stack_resources(StackName=s['StackId'])['StackResources']\n\
         [boto3.client('s3').put_object(Bucket=x['PhysicalResourceId'], Key='data', Body=b'x') for x in r if x['ResourceType'] == 'AWS::S3::Bucket']\n\
         answer(1)",
    );
    proxy.add(Rule::on("CloudFormation.DeleteStack", Fault::Hold));
    let destroy = ["destroy", "--stack", "shop", "--yes", "--delete-data"];
    let mut first = team.world.command(destroy).spawn();
    let held = proxy
        .wait_until(Duration::from_secs(120), |seen| seen.iter().any(|seen| seen.is("CloudFormation.DeleteStack", "")));
    assert!(held, "the delete was never asked for");
    kill_daemon(&team.world);
    first.kill();
    proxy.heal();
    team.world.run(destroy).succeeds();
    assert!(statuses(&AWS, "letgo").iter().all(|status| status == "DELETE_COMPLETE"));
    team.world.run(["status", "--stack", "shop"]).exits(1).says("Nothing is deployed");
}
