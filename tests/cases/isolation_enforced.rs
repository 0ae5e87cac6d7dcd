//! A cloud that refuses: the tenant's role reaches its own part and nothing else, and only then the product says so.

use harness::World;
use harness::aws::{LocalAws, REGION};
use harness::boto::{boto, boto_as};
use harness::scenes::Platform;

const ROLE: &str = "arn:aws:iam::000000000000:role/deployer-tenant-web-team";

/// Makes Alice, who may assume roles of tenants and nothing else, and answers her keys. The local AWS does not know the
/// keys `s3:if-match` and `s3:if-none-match`: what asks for them would refuse every write, so that is taken out.
const ALICE: &str = "iam, name = boto3.client('iam'), 'deployer-tenant-web-team'\n\
    iam.create_user(UserName='alice')\n\
    may = {'Effect': 'Allow', 'Action': ['sts:AssumeRole', 'sts:TagSession'], 'Resource': '*'}\n\
    policy = lambda statements: json.dumps({'Version': '2012-10-17', 'Statement': statements})\n\
    iam.put_user_policy(UserName='alice', PolicyName='roles', PolicyDocument=policy([may]))\n\
    found = iam.get_role_policy(RoleName=name, PolicyName='deployer-tenant')['PolicyDocument']['Statement']\n\
    kept = [statement for statement in found if statement['Sid'] != 'ApprovalsAreMadeOnce']\n\
    [statement.pop('Condition') for statement in kept if statement['Sid'] == 'AddToOwnAudit']\n\
    iam.put_role_policy(RoleName=name, PolicyName='deployer-tenant', PolicyDocument=policy(kept))\n\
    boto3.client('s3').delete_bucket_policy(Bucket='acme-state')\n\
    key = iam.create_access_key(UserName='alice')['AccessKey']\n\
    answer([key['AccessKeyId'], key['SecretAccessKey']])";

/// Tries what a team's people could try with other tools; answers what became of each.
const TRIALS: &str = "def tried(action):\n\
    \x20   try: action()\n\
    \x20   except ClientError as error: return error.response['Error']['Code']\n\
    \x20   return 'allowed'\n\
    def assume(tag):\n\
    \x20   tags = [{'Key': 'tenant', 'Value': tag}] if tag else []\n\
    \x20   role = 'arn:aws:iam::000000000000:role/deployer-tenant-web-team'\n\
    \x20   key = boto3.client('sts').assume_role(RoleArn=role, RoleSessionName='trial', Tags=tags)['Credentials']\n\
    \x20   keys = {'aws_access_key_id': key['AccessKeyId'], 'aws_secret_access_key': key['SecretAccessKey']}\n\
    \x20   return boto3.client('s3', aws_session_token=key['SessionToken'], **keys)\n\
    s3 = assume('web-team')\n\
    read = lambda key: tried(lambda: s3.get_object(Bucket='acme-state', Key=key))\n\
    write = lambda key: tried(lambda: s3.put_object(Bucket='acme-state', Key=key, Body=b''))\n\
    remove = lambda key: tried(lambda: s3.delete_object(Bucket='acme-state', Key=key))\n\
    ls = lambda **of: tried(lambda: s3.list_objects_v2(Bucket='acme-state', **of))\n\
    answer({\n\
    \x20   'allowed': [read('registry/web-team.yaml'), read('tenants/web-team/tenant.yaml'),\n\
    \x20       write('tenants/web-team/v1/x'), read('tenants/web-team/v1/x'), remove('tenants/web-team/v1/x'),\n\
    \x20       write('tenants/web-team/audit/x'), ls(Prefix='tenants/web-team/')],\n\
    \x20   'refused': [read('tenants.yaml'), read('registry/other-team.yaml'), read('tenants/other-team/tenant.yaml'),\n\
    \x20       write('registry/web-team.yaml'), write('tenants/web-team/tenant.yaml'), write('tenants/other-team/v1/x'),\n\
    \x20       write('tenants/web-team-2/v1/x'), remove('tenants/other-team/tenant.yaml'), remove('tenants/web-team/audit/x'),\n\
    \x20       ls(), ls(Prefix='tenants/'), ls(Prefix='tenants/other-team/'), ls(Prefix='tenants/web-team'), ls(Prefix='registry/'),\n\
    \x20       tried(lambda: assume('other-team')), tried(lambda: assume(None)),\n\
    \x20       tried(lambda: boto3.client('s3').get_object(Bucket='acme-state', Key='tenants/web-team/tenant.yaml'))],\n\
    })";

#[test]
fn a_role_that_reaches_one_tenant_only_is_called_enforced_and_is_enough_to_work_with() {
    let aws = LocalAws::strict();
    let world = aws.environment().into_iter().fold(World::new(), |world, (name, value)| world.with(name, value));
    let admin = Platform::prepared(world.with("DEPLOYER_REGION", REGION), "s3://acme-state".to_owned());
    let (secret, other) = (admin.create_tenant("web-team"), admin.create_tenant("other-team"));
    let alice = ["--principal", "arn:aws:iam::000000000000:user/alice", "--apply", "--yes"];
    admin.world.run(["tenant", "policy", "web-team"].into_iter().chain(alice)).succeeds();
    let keys = boto(&aws, ALICE);
    let keys = [keys[0].as_str().unwrap(), keys[1].as_str().unwrap()];

    let tried = boto_as(&aws, keys, TRIALS);
    for (group, expected) in [("allowed", "allowed"), ("refused", "AccessDenied")] {
        let answers = tried[group].as_array().unwrap();
        assert!(answers.iter().all(|answer| answer == expected), "{tried}");
    }

    let [id, key] = keys;
    let world = aws.environment().into_iter().fold(World::new(), |world, (name, value)| world.with(name, value));
    let world = world.with("AWS_ACCESS_KEY_ID", id).with("AWS_SECRET_ACCESS_KEY", key).with("DEPLOYER_REGION", REGION);
    let team = Platform { world, address: admin.address.clone() }.in_development();
    let sign_in = |tenant: &str, secret: &str, more: &[&str]| {
        let login = ["login", "--tenant", tenant, "--backend", "s3://acme-state", "--secret-stdin"];
        team.world.command(login.into_iter().chain(more.iter().copied())).stdin(secret).run()
    };
    // Not by her own rights, and not as another team: what refuses is the cloud.
    sign_in("web-team", &secret, &[]).exits(1).complains("AccessDenied");
    let refused = sign_in("other-team", &other, &["--role-arn", ROLE]).exits(1).complains("AccessDenied: ");
    assert!(refused.stderr.contains("sts:AssumeRole") && !refused.stderr.contains("Error {"), "{refused}");
    sign_in("web-team", &secret, &["--role-arn", ROLE]).succeeds();
    team.world.run(["session"]).succeeds().says("Isolation: enforced");
    team.world.run(["tenant", "details"]).succeeds().says("Isolation: enforced");
    team.world.run(["doctor"]).says("Isolation: enforced: only the tenant's role reaches its state");
    team.write_stack("shop", &["a: { type: command, apply: 'true', destroy: 'true' }"]);
    team.apply("shop").succeeds();
    team.world.run(["history", "--stack", "shop"]).succeeds();
    team.world.run(["lock", "list"]).succeeds();
    team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
}
