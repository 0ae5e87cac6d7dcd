//! A cloud that refuses: the tenant's role reaches its own part and nothing else, and only then the product says so.

use harness::boto::boto_as;
use harness::walled::{ROLE, TENANT, Walled};

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
    let walled = Walled::new();
    let tried = boto_as(&walled.aws, [&walled.keys[0], &walled.keys[1]], TRIALS);
    for (group, expected) in [("allowed", "allowed"), ("refused", "AccessDenied")] {
        let answers = tried[group].as_array().unwrap();
        assert!(answers.iter().all(|answer| answer == expected), "{tried}");
    }

    // Not by her own rights, and not as another team: what refuses is the cloud.
    walled.sign_in(TENANT, &walled.secret, &[]).exits(1).complains("AccessDenied");
    let refused =
        walled.sign_in("other-team", &walled.other, &["--role-arn", ROLE]).exits(1).complains("AccessDenied: ");
    assert!(refused.stderr.contains("sts:AssumeRole") && !refused.stderr.contains("Error {"), "{refused}");
    walled.sign_in(TENANT, &walled.secret, &["--role-arn", ROLE]).succeeds();
    let team = &walled.alice;
    team.world.run(["session"]).succeeds().says("Isolation: enforced");
    team.world.run(["tenant", "details"]).succeeds().says("Isolation: enforced");
    team.world.run(["doctor"]).says("Isolation: enforced: only the tenant's role reaches its state");
    team.write_stack("shop", &["a: { type: command, apply: 'true', destroy: 'true' }"]);
    team.apply("shop").succeeds();
    team.world.run(["history", "--stack", "shop"]).succeeds();
    team.world.run(["lock", "list"]).succeeds();
    team.world.run(["destroy", "--stack", "shop", "--yes"]).succeeds();
}
