//! `doctor` tells what is wrong and what mends it, and changes nothing.

use std::collections::BTreeSet;

use harness::aws::LocalAws;
use harness::boto::boto;
use harness::proxy::{Fault, Proxy, Refusal, Rule};
use harness::scenes::{Platform, team, teams};
use harness::walled::{ROLE, TENANT, Walled};
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
            "Registry: delete a tenant's entry",
            "Storage: archive a tenant's document",
            "Admin secret: read it",
            "Admin secret: change it",
            "Registry: read the tenant's entry",
            "Storage: write a document",
            "Storage: delete a document",
            "Audit: record an event",
            "Lock table: change a lock",
            "Lock table: take a lock away",
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
    proxy.add(Rule::on("S3.PutObject", denied()).containing("/web-team/v1/"));
    proxy.add(Rule::on("DynamoDB.UpdateItem", denied()));
    proxy.add(Rule::on("CloudFormation", denied()));
    let output = team.world.run(["doctor", "-o", "json"]).exits(1);
    let found = findings(&output);
    for subject in ["Storage: write a document", "Lock table: change a lock"] {
        let finding = about(&found, subject);
        assert_eq!(finding["verdict"], "VERDICT_PROBLEM", "{finding}");
        assert!(finding["message"].as_str().unwrap().contains("AccessDenied"), "{finding}");
        assert!(finding["mends"].to_string().contains("aws sts get-caller-identity"), "{finding}");
    }
    assert_eq!(about(&found, "Storage: read a document")["verdict"], "VERDICT_OK");
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
    for subject in ["Session", "Storage: write a document"] {
        assert_eq!(about(&found, subject)["verdict"], "VERDICT_OK", "{subject}");
    }
    assert!(found.iter().all(|finding| finding["subject"] != "Sessions"), "{found:#?}");
    assert_eq!(world.processes().len(), 0);
    let wrong = world.command(["doctor", "-o", "json"]).env("DEPLOYER_SECRET", "dplr_wrong").run().exits(1);
    assert_eq!(about(&findings(&wrong), "Session")["verdict"], "VERDICT_PROBLEM");
}

/// What IAM calls what a program asked for.
fn actions(operation: &str) -> Vec<String> {
    let (service, name) = operation.split_once('.').unwrap();
    let names: &[&str] = match name {
        "ListObjectsV2" => &["ListBucket"],
        "TransactWriteItems" => &["PutItem", "UpdateItem"],
        name => &[name],
    };
    names.iter().map(|name| format!("{}:{name}", service.to_lowercase())).collect()
}

#[test]
fn what_is_tried_is_what_the_role_of_a_tenant_allows_and_has_no_effect() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    let mut team = Platform::aws(&aws).with_team("web-team");
    team.world = team.world.with("AWS_ENDPOINT_URL", proxy.endpoint());
    let policy = team.world.run(["tenant", "policy", "web-team", "-o", "json"]).succeeds().json();
    let policy: Value = serde_json::from_str(policy["permissions"].as_str().unwrap()).unwrap();
    let statements = policy["Statement"].as_array().unwrap().iter().filter(|of| of["Effect"] == "Allow");
    let allowed: BTreeSet<String> = statements
        .flat_map(|of| of["Action"].as_array().cloned().unwrap_or_else(|| vec![of["Action"].clone()]))
        .map(|action| action.as_str().unwrap().to_owned())
        .collect();

    let bucket = team.address.trim_start_matches("s3://");
    let all = format!(
        "versions = boto3.client('s3').list_object_versions(Bucket='{bucket}')\n\
         secret = boto3.client('secretsmanager').get_secret_value(SecretId='/deployer/admin-credentials')\n\
         locks = boto3.client('dynamodb').scan(TableName='{}-locks')['Items']\n\
         answer([versions.get('Versions'), versions.get('DeleteMarkers'), secret['VersionId'], secret['SecretString'],\n\
         \x20   locks, [stack['StackName'] for stack in stacks()]])",
        bucket.strip_suffix("-state").unwrap()
    );
    let before = boto(&aws, &all);
    team.world.run(["doctor"]).succeeds();
    assert_eq!(boto(&aws, &all), before);

    proxy.forget();
    team.world.run(["doctor", "--context", &format!("web-team@{}", team.address)]).succeeds();
    let asked = proxy.counts().into_keys().map(|operation| operation.to_string());
    let asked: Vec<String> =
        asked.filter(|name| ["S3.", "DynamoDB."].iter().any(|service| name.starts_with(service))).collect();
    let tried: BTreeSet<String> = asked.iter().flat_map(|name| actions(name)).collect();
    assert_eq!(tried, allowed);
}

/// Takes one action out of one statement of the role, and answers the policy as it was.
fn without(walled: &Walled, statement: &str, action: &str) -> String {
    let text = format!(
        "iam, of = boto3.client('iam'), {{'RoleName': 'deployer-tenant-web-team', 'PolicyName': 'deployer-tenant'}}\n\
         policy = iam.get_role_policy(**of)['PolicyDocument']; before = json.dumps(policy)\n\
         (one,) = [one for one in policy['Statement'] if one['Sid'] == '{statement}']\n\
         actions = one['Action'] if isinstance(one['Action'], list) else [one['Action']]\n\
         actions.remove('{action}')\n\
         one['Action'] = actions or ['s3:GetBucketLocation']\n\
         iam.put_role_policy(**of, PolicyDocument=json.dumps(policy)); answer(before)"
    );
    boto(&walled.aws, &text).as_str().unwrap().to_owned()
}

fn put_back(walled: &Walled, policy: &str) {
    let text = format!(
        "of = {{'RoleName': 'deployer-tenant-web-team', 'PolicyName': 'deployer-tenant'}}\n\
         boto3.client('iam').put_role_policy(**of, PolicyDocument={}); answer(1)",
        serde_json::to_string(policy).unwrap()
    );
    boto(&walled.aws, &text);
}

#[test]
fn a_right_that_the_cloud_refuses_is_named_and_no_other() {
    let walled = Walled::new();
    walled.sign_in(TENANT, &walled.secret, &["--role-arn", ROLE]).succeeds();
    let problems = || {
        let found = findings(&walled.alice.world.run(["doctor", "-o", "json"]));
        found.into_iter().filter(|finding| finding["verdict"] == "VERDICT_PROBLEM").collect::<Vec<_>>()
    };
    assert_eq!(problems(), Vec::<Value>::new(), "the role is enough");
    let cases: [(&str, &str, &[&str]); 10] = [
        ("WorkInOwnVersions", "s3:GetObject", &["Storage: read a document"]),
        ("WorkInOwnVersions", "s3:PutObject", &["Storage: write a document"]),
        ("WorkInOwnVersions", "s3:DeleteObject", &["Storage: delete a document"]),
        ("AddToOwnAudit", "s3:PutObject", &["Audit: record an event"]),
        ("ListOwnPrefix", "s3:ListBucket", &["Storage: list the stacks", "Audit: list the events"]),
        // What was done is looked for before it is called undone.
        ("OwnLocks", "dynamodb:GetItem", &["Lock table: read a lock", "Lock table: take a lock away"]),
        ("OwnLocks", "dynamodb:BatchGetItem", &["Lock table: read several locks"]),
        ("OwnLocks", "dynamodb:UpdateItem", &["Lock table: change a lock", "Lock table: take a lock away"]),
        ("OwnLocks", "dynamodb:PutItem", &["Lock table: take a lock away"]),
        ("ListOwnLocks", "dynamodb:Query", &["Lock table: list a tenant's locks"]),
    ];
    for (statement, action, expected) in cases {
        let policy = without(&walled, statement, action);
        let found = problems();
        let subjects: Vec<&str> = found.iter().map(|finding| finding["subject"].as_str().unwrap()).collect();
        assert_eq!(subjects, expected, "without {action} of {statement}: {found:#?}");
        let named = found.iter().any(|finding| finding["mends"][0].as_str().unwrap().contains(action));
        assert!(named, "{action} of {statement} is not named: {found:#?}");
        put_back(&walled, &policy);
    }
    // Alice's own credentials may do nothing: all that engines need is named, as what only they need.
    let found = findings(&walled.alice.world.run(["doctor", "-o", "json"]).succeeds());
    for (subject, count, one) in [
        ("CloudFormation: look at stacks", 8, "cloudformation:DescribeStackEvents"),
        ("CloudFormation: change stacks", 8, "cloudformation:DeleteStack"),
        ("Usage: measure what runs", 4, "rds:DescribeDBInstances"),
        ("Logs: read them", 1, "logs:FilterLogEvents"),
    ] {
        let finding = about(&found, subject);
        assert_eq!(finding["verdict"], "VERDICT_WARNING", "{finding}");
        let missing = finding["mends"][0].as_str().unwrap();
        assert_eq!((missing.split(", ").count(), missing.contains(one)), (count, true), "{finding}");
    }
    assert!(about(&found, "Costs")["message"].as_str().unwrap().starts_with("not tried"));
}
