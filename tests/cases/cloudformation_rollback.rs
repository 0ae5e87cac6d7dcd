//! An update that failed and could not be taken back either, as somebody had removed what it needs.

use harness::boto::{boto, fail, statuses, wait_for_status};

use crate::cloudformation::{AWS, team};

/// A filter on a log group that is not the stack's; perhaps with a condition that waits for a signal.
fn filter(pattern: &str, waits: bool) -> String {
    let filter = format!(
        "Resources:\n  Filter:\n    Type: AWS::Logs::MetricFilter\n    Properties:\n      LogGroupName: outside\n      \
         FilterPattern: {pattern}\n      MetricTransformations: [{{ MetricName: m, MetricNamespace: n, MetricValue: '1' }}]\n"
    );
    let waiting = "  Handle: { Type: AWS::CloudFormation::WaitConditionHandle }\n  Wait:\n    \
        Type: AWS::CloudFormation::WaitCondition\n    DependsOn: Filter\n    \
        Properties: { Handle: !Ref Handle, Timeout: '600' }\n";
    if waits { filter + waiting } else { filter }
}

/// Whether the update has come to the condition.
const WAITS: &str = "events = cf.describe_stack_events(StackName=of('stuck')[0]['StackId'])['StackEvents']\n\
    answer(any(event['LogicalResourceId'] == 'Wait' for event in events))";

fn outside(what: &str) {
    boto(&AWS, &format!("boto3.client('logs').{what}_log_group(logGroupName='outside'); answer(1)"));
}

#[test]
fn a_rollback_that_failed_is_continued_by_the_next_apply_once_its_cause_is_mended() {
    let team = team();
    let component = "stuck";
    outside("create");
    team.world.write("shop/t.yaml", &filter("one", false));
    team.write_stack("shop", &["stuck: { type: cloudformation, template: t.yaml }"]);
    team.apply("shop").succeeds();
    team.world.write("shop/t.yaml", &filter("two", true));
    let apply = team.world.command(["apply", "--stack", "shop", "--yes"]).spawn();
    harness::wait::until("the update waits", || boto(&AWS, WAITS) == true);
    outside("delete");
    fail(&AWS, component);
    apply.wait().exits(1).complains("UPDATE_ROLLBACK_FAILED").complains("the next apply continues the rollback");
    wait_for_status(&AWS, component, "UPDATE_ROLLBACK_FAILED");
    team.world.run(["status", "--stack", "shop"]).exits(1).says("Degraded");
    // As long as its cause is there, it is tried and told again.
    team.world.write("shop/t.yaml", &filter("three", false));
    team.apply("shop").exits(1).complains("UPDATE_ROLLBACK_FAILED");
    assert_eq!(statuses(&AWS, component), ["UPDATE_ROLLBACK_FAILED"]);
    outside("create");
    team.apply("shop").succeeds();
    assert_eq!(statuses(&AWS, component), ["UPDATE_COMPLETE"]);
    let filters = "boto3.client('logs').describe_metric_filters(logGroupName='outside')['metricFilters']";
    let patterns = boto(&AWS, &format!("answer([f['filterPattern'] for f in {filters}])"));
    assert_eq!(patterns, serde_json::json!(["three"]));
    team.world.run(["plan", "--stack", "shop", "--detailed-exitcode"]).exits(0);
}
