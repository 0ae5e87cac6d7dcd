//! Every typed component on a local AWS, with boto3 looking: made, changed, looked at, changed behind our back, destroyed
//! with what is kept, and destroyed with its data.
//!
//! The local AWS has no NAT gateways and no autoscaling, so those parts of the templates are checked by `cfn-lint` only.

use std::sync::LazyLock;

use harness::aws::LocalAws;
use harness::boto::boto;
use harness::scenes::Platform;
use serde_json::{Value, json};

static AWS: LazyLock<LocalAws> = LazyLock::new(LocalAws::start);

/// A component of each type, and what is changed of it.
const TYPES: [(&str, &str, &str); 10] = [
    ("net", "type: network, nat: none", ", tags: { team: web }"),
    ("orders", "type: dynamodb-table, partitionKey: id", ", deletionProtection: true"),
    ("news", "type: sns-topic", ", displayName: Shop"),
    ("jobs", "type: sqs-queue, topics: ['${s.news.arn}']", ", maxReceives: 3"),
    ("files", "type: s3-bucket", ", oldVersionsDays: 10"),
    (
        "hello",
        "type: lambda, runtime: python3.13, inline: 'def handler(event, context): return 1', \
         environment: { TABLE: '${s.orders.name}' }, access: { s.orders: readWrite }",
        ", memory: 512",
    ),
    (
        "api",
        "type: ecs-service, image: 'nginx:1', network: s.net, environment: { QUEUE: '${s.jobs.url}' }, \
         access: { s.jobs: write }",
        ", count: 2",
    ),
    ("report", "type: scheduled-task, image: 'busybox:1', schedule: rate(1 hour), network: s.net", ", cpu: 512"),
    (
        "database",
        "type: rds, engine: postgres, version: '16.9', instanceClass: db.t4g.small, storageGb: 20, network: s.net, \
         deletionProtection: true",
        ", backupDays: 3",
    ),
    ("cache", "type: elasticache, nodeType: cache.t4g.small, network: s.net", ", snapshotDays: 2"),
];

/// What is kept by default, because it holds data or because what is kept needs it.
const KEPT: [&str; 7] = ["cache", "database", "files", "jobs", "net", "news", "orders"];

fn write(team: &Platform, changed: bool) {
    let component = |(name, fields, change): &(&str, &str, &str)| {
        let change = if changed { change } else { "" };
        format!("{name}: {{ {fields}{change} }}")
    };
    let components: Vec<String> = TYPES.iter().map(component).collect();
    team.write_stack("shop", &components.iter().map(String::as_str).collect::<Vec<_>>());
}

fn health(team: &Platform) -> Vec<Value> {
    let status = team.world.run(["status", "--stack", "shop", "-o", "json"]).succeeds().json();
    status["components"].as_array().unwrap().iter().map(|component| component["health"].clone()).collect()
}

/// The statuses of the components' stacks, by component.
fn stacks() -> Value {
    boto(
        &AWS,
        "tag = lambda s: {t['Key']: t['Value'] for t in s.get('Tags', [])}.get('deployer:component')\n\
         answer({tag(s): s['StackStatus'] for s in stacks() if tag(s)})",
    )
}

/// Numbers of buckets, tables, databases and caches.
fn data() -> Value {
    boto(
        &AWS,
        "answer([len([b for b in boto3.client('s3').list_buckets()['Buckets'] if b['Name'].startswith('deployer-')]),\n\
         len([t for t in boto3.client('dynamodb').list_tables()['TableNames'] if t.startswith('deployer-')]),\n\
         len(boto3.client('rds').describe_db_instances()['DBInstances']),\n\
         len(boto3.client('elasticache').describe_replication_groups()['ReplicationGroups'])])",
    )
}

#[test]
fn every_type_is_made_changed_looked_at_and_destroyed() {
    let team = Platform::aws(&AWS).with_team("web-team").in_development();
    write(&team, false);
    team.apply("shop").succeeds();
    assert_eq!(stacks().as_object().unwrap().values().filter(|status| **status == "CREATE_COMPLETE").count(), 10);
    assert_eq!(health(&team), vec!["Healthy"; 10]);
    team.world.run(["drift", "--stack", "shop"]).succeeds().says("Everything is as it was deployed");
    team.apply("shop").succeeds().says("No changes");

    write(&team, true);
    team.apply("shop").succeeds();
    let changed = stacks();
    assert!(changed.as_object().unwrap().values().all(|status| status == "UPDATE_COMPLETE"), "{changed}");
    let seen = boto(
        &AWS,
        "t = boto3.client('dynamodb'); name = [n for n in t.list_tables()['TableNames'] if n.startswith('deployer-')][0]\n\
         l = boto3.client('lambda').list_functions()['Functions'][0]\n\
         e = boto3.client('ecs'); c = [c for c in e.list_clusters()['clusterArns'] if '-api-' in c][0]\n\
         s = e.describe_services(cluster=c, services=e.list_services(cluster=c)['serviceArns'])['services'][0]\n\
         r = boto3.client('rds').describe_db_instances()['DBInstances'][0]\n\
         answer([t.describe_table(TableName=name)['Table'].get('DeletionProtectionEnabled'), l['MemorySize'],\n\
         s['desiredCount'], r['BackupRetentionPeriod'], r['StorageEncrypted'], r['PubliclyAccessible']])",
    );
    assert_eq!(seen, json!([true, 512, 2, 3, true, false]));
    // Somebody changes a bucket behind our back.
    boto(
        &AWS,
        "s3 = boto3.client('s3'); b = [b['Name'] for b in s3.list_buckets()['Buckets'] if b['Name'].startswith('deployer-')][0]\n\
         s3.put_bucket_versioning(Bucket=b, VersioningConfiguration={'Status': 'Suspended'}); answer(b)",
    );
    team.world.run(["drift", "--stack", "shop"]).succeeds().says("✗ s.files     drifted");
    boto(
        &AWS,
        "s3 = boto3.client('s3'); b = [b['Name'] for b in s3.list_buckets()['Buckets'] if b['Name'].startswith('deployer-')][0]\n\
         s3.put_bucket_versioning(Bucket=b, VersioningConfiguration={'Status': 'Enabled'})\n\
         for i in range(3): s3.put_object(Bucket=b, Key='k', Body=b'%d' % i)\n\
         s3.put_object(Bucket=b, Key='l', Body=b'x'); s3.delete_object(Bucket=b, Key='l'); answer(b)",
    );

    team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds().says("s.files");
    let kept = stacks();
    assert_eq!(kept.as_object().unwrap().keys().collect::<Vec<_>>(), KEPT, "{kept}");
    assert_eq!(data(), json!([1, 1, 1, 1]));
    let destroyed = team.world.run(["destroy", "--stack", "shop", "--delete-data", "--yes"]).succeeds();
    destroyed.complains("letting its data go").complains("5 objects and versions deleted");
    assert_eq!((stacks(), data()), (json!({}), json!([0, 0, 0, 0])));
}
