//! The policies before a judge that others wrote and that knows their conditions: who is told apart by a tag, which
//! items of the lock table a request names, and what a write says it follows. `make test-iam` installs it and runs these.

use harness::World;
use harness::aws::{LocalAws, REGION};
use harness::boto::{boto, boto_as};
use harness::scenes::Platform;
use serde_json::{Value, json};

use crate::infrastructure::template;
use requests::{BUCKET, Request, STATE, needed, refused};

mod requests;

/// Judges one request after the other; what a policy says is text with a list of conditions.
const JUDGE: &str = "iam = boto3.client('iam')\n\
    def judged(policy, action, resource, context, more):\n\
    \x20   kind = lambda values: 'string' if len(values) == 1 else 'stringList'\n\
    \x20   context = [{'ContextKeyName': key, 'ContextKeyValues': values, 'ContextKeyType': kind(values)}\n\
    \x20       for key, values in context.items()]\n\
    \x20   found = iam.simulate_custom_policy(PolicyInputList=[json.dumps(policy)], ActionNames=[action],\n\
    \x20       ResourceArns=[resource], ContextEntries=context, **more)\n\
    \x20   return found['EvaluationResults'][0]['EvalDecision']\n";

/// The decisions about requests under a policy, each with what the caller is tagged with.
fn judged(aws: &LocalAws, policy: &Value, requests: &[Request], tag: Option<&str>) -> Vec<String> {
    let rows: Vec<Value> = requests
        .iter()
        .map(|(action, resource, context)| {
            let mut context = context.clone();
            if let Some(tag) = tag {
                context["aws:PrincipalTag/tenant"] = json!([tag]);
            }
            json!([action, resource, context])
        })
        .collect();
    let text = format!(
        "{JUDGE}policy, rows = json.loads({:?}), json.loads({:?})\nanswer([judged(policy, *row, {{}}) for row in rows])",
        policy.to_string(),
        Value::from(rows).to_string()
    );
    serde_json::from_value(boto(aws, &text)).unwrap()
}

#[track_caller]
fn expect(aws: &LocalAws, policy: &Value, requests: &[Request], tag: Option<&str>, allowed: bool) {
    let decisions = judged(aws, policy, requests, tag);
    let wrong: Vec<_> =
        requests.iter().zip(&decisions).filter(|(_, decision)| (*decision == "allowed") != allowed).collect();
    assert!(wrong.is_empty(), "tagged {tag:?}, allowed should be {allowed}: {wrong:#?}");
}

/// The shared role's policy and that of one tenant, as infrastructure/ makes them.
fn roles() -> [Value; 2] {
    let made = template();
    [0, 1].map(|which| made["roles"][which].clone())
}

#[test]
#[ignore = "make test-iam: its judge takes long to build"]
fn a_tenant_s_policy_allows_what_is_needed_and_nothing_of_others() {
    let aws = LocalAws::judging();
    let [shared, one] = roles().map(|role| role["policy"][1].clone());
    for (policy, tag) in [(&one, None), (&shared, Some("web-team"))] {
        expect(&aws, policy, &needed(), tag, true);
        expect(&aws, policy, &refused(), tag, false);
    }
    // The shared one is worth nothing to whom no tenant's tag tells apart.
    for tag in [None, Some(""), Some("other-team"), Some("web-team-2"), Some("*")] {
        expect(&aws, &shared, &needed(), tag, false);
    }
}

#[test]
#[ignore = "make test-iam: its judge takes long to build"]
fn the_bucket_refuses_a_state_that_says_not_what_it_follows() {
    let aws = LocalAws::judging();
    let policy = template()["bucket"]["policy"].clone();
    let put = |key: &str, context: Value| json!(["s3:PutObject", format!("{BUCKET}/{key}"), context]);
    let secure = |more: Value| {
        let mut context = json!({ "aws:SecureTransport": ["true"] });
        context.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        context
    };
    let rows = json!([
        put(STATE, secure(json!({}))),
        put(STATE, secure(json!({ "s3:if-match": ["\"etag\""] }))),
        put(STATE, secure(json!({ "s3:if-none-match": ["*"] }))),
        put("tenants/web-team/v1/stacks/shop/stack.yaml", secure(json!({}))),
        put(STATE, json!({ "s3:if-match": ["\"etag\""], "aws:SecureTransport": ["false"] })),
        ["s3:GetObject", format!("{BUCKET}/{STATE}"), { "aws:SecureTransport": ["false"] }],
    ]);
    let all = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    let text = format!(
        "{JUDGE}every, bucket, rows = json.loads({:?}), {:?}, json.loads({:?})\n\
         more = {{'ResourcePolicy': bucket, 'ResourceOwner': 'arn:aws:iam::000000000000:root',\n\
         \x20   'CallerArn': 'arn:aws:iam::000000000000:user/admin'}}\n\
         answer([judged(every, *row, more) for row in rows])",
        all.to_string(),
        policy.to_string(),
        rows.to_string()
    );
    let decided = boto(&aws, &text);
    let (yes, no) = ("allowed", "explicitDeny");
    assert_eq!(decided, json!([no, yes, yes, yes, no, no]));
}

#[test]
#[ignore = "make test-iam: its judge takes long to build"]
fn a_role_is_assumed_as_one_s_own_tenant_only() {
    let aws = LocalAws::judging();
    let mut roles = roles();
    roles[1]["trust"]["Statement"][0]["Principal"]["AWS"] = json!(["arn:aws:iam::000000000000:user/named"]);
    // Who they are, and what those who manage people have tagged them with.
    let people = [("named", None), ("web", Some("web-team")), ("other", Some("other-team")), ("nobody", None)];
    // As whom the role is assumed; a session that brings more tags than one is somebody's own idea.
    let sessions = [
        json!({}),
        json!({ "tenant": "web-team" }),
        json!({ "tenant": "other-team" }),
        json!({ "tenant": "web-team", "admin": "yes" }),
    ];
    let mut rows = Vec::new();
    for (role, (name, tag), session) in product(&roles, &people, &sessions) {
        let mut context = json!({});
        for (key, value) in session.as_object().unwrap() {
            context[format!("aws:RequestTag/{key}")] = json!([value]);
            context["aws:TagKeys"] = session.as_object().unwrap().keys().cloned().collect();
        }
        if let Some(tag) = tag {
            context["aws:PrincipalTag/tenant"] = json!([tag]);
        }
        rows.push(json!([role["name"], role["trust"], name, session, context]));
    }
    let text = format!(
        "{JUDGE}nothing = {{'Version': '2012-10-17', 'Statement': [{{'Effect': 'Allow', 'Action': 's3:ListAllMyBuckets', 'Resource': '*'}}]}}\n\
         def allowed(role, trust, name, context):\n\
         \x20   account = 'arn:aws:iam::000000000000:'\n\
         \x20   more = {{'ResourcePolicy': json.dumps(trust), 'ResourceOwner': account + 'root', 'CallerArn': account + 'user/' + name}}\n\
         \x20   return judged(nothing, 'sts:AssumeRole', account + 'role/' + role, context, more) == 'allowed'\n\
         answer([[name, role, tags] for role, trust, name, tags, context in json.loads({:?}) if allowed(role, trust, name, context)])",
        Value::from(rows).to_string()
    );
    assert_eq!(
        boto(&aws, &text),
        json!([
            ["web", "deployer-tenant", { "tenant": "web-team" }],
            ["other", "deployer-tenant", { "tenant": "other-team" }],
            ["named", "deployer-tenant-web-team", { "tenant": "web-team" }],
        ])
    );
}

fn product<'a, A, B, C>(
    first: &'a [A],
    second: &'a [B],
    third: &'a [C],
) -> impl Iterator<Item = (&'a A, &'a B, &'a C)> {
    first.iter().flat_map(move |a| second.iter().flat_map(move |b| third.iter().map(move |c| (a, b, c))))
}

/// Makes Alice, who may assume the role, and answers her keys. Of what this cloud does not fill in when it is asked (as
/// whom a role is assumed, what a write follows) the cases above judge; here it is taken out. It has a name of its own
/// for listing a bucket, and asks for the right to know who one is, which AWS never does.
const ALICE: &str = "iam, name = boto3.client('iam'), 'deployer-tenant-web-team'\n\
    policy = lambda statements: json.dumps({'Version': '2012-10-17', 'Statement': statements})\n\
    actions = ['sts:AssumeRole', 'sts:TagSession', 'sts:GetCallerIdentity']\n\
    may = {'Effect': 'Allow', 'Action': actions, 'Resource': '*'}\n\
    iam.create_user(UserName='alice')\n\
    iam.put_user_policy(UserName='alice', PolicyName='roles', PolicyDocument=policy([may]))\n\
    trust = iam.get_role(RoleName=name)['Role']['AssumeRolePolicyDocument']['Statement']\n\
    trust = [{**statement, 'Action': 'sts:AssumeRole', 'Condition': {}} for statement in trust]\n\
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=policy(trust))\n\
    found = iam.get_role_policy(RoleName=name, PolicyName='deployer-tenant')['PolicyDocument']['Statement']\n\
    known = [statement for statement in found if statement['Sid'] != 'ApprovalsAreMadeOnce']\n\
    [statement.pop('Condition') for statement in known if statement['Sid'] == 'AddToOwnAudit']\n\
    more = [{**statement, 'Action': 's3:ListObjectsV2'} for statement in known if statement['Sid'] == 'ListOwnPrefix']\n\
    [statement.pop('Sid') for statement in more]\n\
    iam.put_role_policy(RoleName=name, PolicyName='deployer-tenant', PolicyDocument=policy(known + more))\n\
    boto3.client('s3').delete_bucket_policy(Bucket='acme-state')\n\
    key = iam.create_access_key(UserName='alice')['AccessKey']\n\
    answer([key['AccessKeyId'], key['SecretAccessKey']])";

/// What the lock table answers to the tenant's role.
const LOCKS: &str = "role = 'arn:aws:iam::000000000000:role/deployer-tenant-web-team'\n\
    tags = [{'Key': 'tenant', 'Value': 'web-team'}]\n\
    key = boto3.client('sts').assume_role(RoleArn=role, RoleSessionName='trial', Tags=tags)['Credentials']\n\
    keys = {'aws_access_key_id': key['AccessKeyId'], 'aws_secret_access_key': key['SecretAccessKey']}\n\
    db = boto3.client('dynamodb', aws_session_token=key['SessionToken'], **keys)\n\
    def tried(action):\n\
    \x20   try: action()\n\
    \x20   except ClientError as error: return error.response['Error']['Code']\n\
    \x20   return 'allowed'\n\
    item = lambda tenant: {'LockID': {'S': f'tenant:{tenant}:stack:trial:development'}}\n\
    read = lambda tenant: tried(lambda: db.get_item(TableName=table, Key=item(tenant)))\n\
    write = lambda tenant: tried(lambda: db.put_item(TableName=table, Item=item(tenant)))\n\
    batch = lambda *of: tried(lambda: db.batch_get_item(RequestItems={table: {'Keys': [item(t) for t in of]}}))\n\
    query = lambda tenant: tried(lambda: db.query(TableName=table, IndexName='TenantIndex',\n\
    \x20   KeyConditionExpression='TenantID = :t', ExpressionAttributeValues={':t': {'S': tenant}}))\n\
    answer({'allowed': [read('web-team'), write('web-team'), batch('web-team'), query('web-team')],\n\
    \x20   'refused': [read('other-team'), write('other-team'), batch('other-team'), batch('web-team', 'other-team'),\n\
    \x20       query('other-team'), read('web-team-2'), tried(lambda: db.scan(TableName=table)),\n\
    \x20       tried(lambda: db.delete_item(TableName=table, Key=item('web-team')))]})";

#[test]
#[ignore = "make test-iam: its judge takes long to build"]
fn the_product_works_under_a_tenant_s_role_and_no_lock_of_others_is_reached() {
    let aws = LocalAws::judging();
    let world = || aws.environment().into_iter().fold(World::new(), |world, (name, value)| world.with(name, value));
    let admin = Platform::prepared(world().with("DEPLOYER_REGION", REGION), "s3://acme-state".to_owned());
    let secret = admin.create_tenant("web-team");
    let alice = ["--principal", "arn:aws:iam::000000000000:user/alice", "--apply", "--yes"];
    admin.world.run(["tenant", "policy", "web-team"].into_iter().chain(alice)).succeeds();
    let keys = boto(&aws, ALICE);
    let [id, key] = [0, 1].map(|at| keys[at].as_str().unwrap());

    let world =
        world().with("AWS_ACCESS_KEY_ID", id).with("AWS_SECRET_ACCESS_KEY", key).with("DEPLOYER_REGION", REGION);
    let team = Platform { world, address: admin.address.clone() }.in_development();
    let role = ["--role-arn", "arn:aws:iam::000000000000:role/deployer-tenant-web-team"];
    let login = ["login", "--tenant", "web-team", "--backend", "s3://acme-state", "--secret-stdin"];
    team.world.command(login).stdin(secret.as_str()).run().exits(1).complains("AccessDenied");
    team.world.command(login.into_iter().chain(role)).stdin(secret.as_str()).run().succeeds();
    team.write_stack("shop", &["a: { type: command, apply: 'true', destroy: 'true' }"]);
    team.apply("shop").succeeds();
    team.world.run(["history", "--stack", "shop"]).succeeds();
    team.world.run(["lock", "list"]).succeeds();
    team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();

    let table = boto(&aws, "answer(boto3.client('dynamodb').list_tables()['TableNames'][0])");
    let tried = boto_as(&aws, [id, key], &format!("table = {table}\n{LOCKS}"));
    for (group, expected) in [("allowed", "allowed"), ("refused", "AccessDeniedException")] {
        let answers = tried[group].as_array().unwrap();
        assert!(answers.iter().all(|answer| answer == expected), "{tried}");
    }
}
