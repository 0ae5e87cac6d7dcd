//! What a team uses and costs: from its states, from what runs, and from the provider's bills.

use harness::bills::Bills;
use harness::boto::boto;
use harness::scenes::{Platform, teams};
use serde_json::json;

use crate::cloudformation::{self, AWS};

/// Everything that usage counts, in one template.
const RESOURCES: &str = r#"Resources:
  Bucket: { Type: AWS::S3::Bucket }
  Database:
    Type: AWS::RDS::DBInstance
    Properties: { Engine: postgres, DBInstanceClass: db.t4g.small, AllocatedStorage: "20", MasterUsername: a, MasterUserPassword: bbbbbbbb }
  Cluster: { Type: AWS::ECS::Cluster }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Cpu: "512"
      Memory: "1024"
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ContainerDefinitions: [{ Name: a, Image: "nginx:latest" }]
  Service:
    Type: AWS::ECS::Service
    Properties: { Cluster: !Ref Cluster, TaskDefinition: !Ref Task, DesiredCount: 2 }
  Balancer: { Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: { Subnets: [subnet-1, subnet-2] } }
  Targets: { Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: { Port: 80, Protocol: HTTP, VpcId: vpc-1 } }
"#;

/// Measurements as the provider's own services make them.
fn measure() {
    let text = "\
        import datetime\n\
        arns = {r['ResourceType'].split('::')[-1]: r['PhysicalResourceId'] for s in of('all') for r in \
        cf.describe_stack_resources(StackName=s['StackId'])['StackResources']}\n\
        now = datetime.datetime.now(datetime.timezone.utc)\n\
        target = [{'Name': 'TargetGroup', 'Value': arns['TargetGroup'].split(':')[-1]},\n\
        \x20         {'Name': 'LoadBalancer', 'Value': arns['LoadBalancer'].split(':loadbalancer/')[1]}]\n\
        size = [{'Name': 'BucketName', 'Value': arns['Bucket']}, {'Name': 'StorageType', 'Value': 'StandardStorage'}]\n\
        cw = boto3.client('cloudwatch')\n\
        month = now.replace(day=1, hour=0, minute=0, second=0)\n\
        for n in range(4):\n\
        \x20   at = max(month, now - datetime.timedelta(minutes=5 * n + 1))\n\
        \x20   point = dict(MetricName='HealthyHostCount', Dimensions=target, Timestamp=at, Value=0 if n == 3 else 2)\n\
        \x20   cw.put_metric_data(Namespace='AWS/ApplicationELB', MetricData=[point])\n\
        point = dict(MetricName='BucketSizeBytes', Dimensions=size, Timestamp=now - datetime.timedelta(hours=1), Value=1.5e9)\n\
        cw.put_metric_data(Namespace='AWS/S3', MetricData=[point])\n\
        answer(arns)";
    boto(&AWS, text);
}

fn month(before: i64) -> String {
    let today = jiff::tz::TimeZone::UTC.to_datetime(jiff::Timestamp::now()).date().first_of_month();
    today.saturating_sub(jiff::Span::new().months(before)).strftime("%Y-%m").to_string()
}

#[test]
fn usage_is_counted_measured_and_billed_and_a_bill_is_asked_for_once() {
    let bills = Bills::start();
    let mut team = cloudformation::team();
    team.world = team.world.with("AWS_ENDPOINT_URL_COST_EXPLORER", bills.endpoint());
    team.world.write("shop/all.yaml", RESOURCES);
    team.write_stack("shop", &["all: { type: cloudformation, template: all.yaml }"]);
    team.apply("shop").succeeds();
    measure();
    team.world.run(["tenant", "edit", "web-team", "--monthly-cost-limit", "5000"]).succeeds();
    let (this, last) = (month(0), month(1));
    let by_service: &[(&str, &[(&str, f64)])] = &[
        (&last, &[("AWS Lambda", 900.0)]),
        (&this, &[("Amazon Elastic Container Service", 145.0), ("Amazon Relational Database Service", 197.4)]),
    ];
    bills.answer(&[by_service, &[(&last, &[("", 297.0)])]]);

    let usage = team.world.run(["tenant", "usage"]).succeeds();
    for part in [
        "  Stacks: 1 / 100\n  Services: 1 / 500\n  Components: 1\n",
        "  RDS: 1 instance (20 GB)\n  S3: 1 bucket (1.5 GB)\n  ElastiCache: 0 clusters\n",
        "  Database: $197\n  Compute: $145\n",
        "  Total: $342 / $5,000 (6.8%)\n",
        "Trend: ↗ +$45 vs last month\n",
    ] {
        assert!(usage.stdout.contains(part), "no {part:?} in {usage}");
    }
    let json = team.world.run(["tenant", "usage", "-o", "json"]).succeeds().json();
    let running = json["compute"]["tasks"].as_f64().unwrap();
    assert_eq!((&json["compute"]["vcpu"], &json["compute"]["memoryGb"]), (&json!(running * 0.5), &json!(running)));
    assert_eq!(json["notes"], json!([]), "{json}");
    let details = team.world.run(["tenant", "details"]).succeeds();
    details.says("  Cost: $342 / $5,000\n").says("  Uptime: 75.0%\n");
    // There are no more answers: had it been asked again, it would not know.
    team.world.run(["tenant", "usage", "-q"]).succeeds().says("342.40");

    bills.answer(&[&[(&this, &[("deployer:tenant$", 1.0), ("deployer:tenant$web-team", 342.4)])]]);
    team.world.run(["tenant", "list"]).succeeds().says("$342").says("$342/month");
    team.world.run(["tenant", "stats"]).succeeds().says("Cost this month: $342");
    team.world.run(["tenant", "show", "web-team"]).succeeds().says("Cost: $342 / $5,000");
}

#[test]
fn what_nobody_knows_is_unknown_and_a_wrong_month_is_refused() {
    for team in teams() {
        let usage = team.world.run(["tenant", "usage"]).succeeds();
        usage.says("  Total: unknown\n").says("• cost is unknown: ");
        team.world.run(["tenant", "details"]).succeeds().says("Cost: unknown").says("Uptime: n/a");
        team.world.run(["tenant", "usage", "--month", "January"]).exits(64).complains("write it as 2024-01");
        team.world.run(["tenant", "usage", "--month", "2999-01"]).exits(64).complains("still to come");
        let last = team.world.run(["tenant", "usage", "--month", &month(1), "-o", "json"]).succeeds().json();
        assert!(last["stacks"].is_null() && last["compute"].is_null(), "nobody counted it then: {last}");
        team.world.run(["tenant", "edit", "web-team", "--cost-tracking=no"]).succeeds();
        untracked(&team);
    }
}

fn untracked(team: &Platform) {
    harness::wait::until("the edit is seen", || {
        team.world.run(["tenant", "usage"]).succeeds().stdout.contains("cost is unknown: cost tracking is off")
    });
}
