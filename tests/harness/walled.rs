//! A cloud that refuses: a platform with two tenants, the role of one of them, and Alice, who may assume it and nothing
//! else.

use crate::aws::{LocalAws, REGION};
use crate::boto::boto;
use crate::scenes::Platform;
use crate::{Output, World};

/// The tenant that has a role.
pub const TENANT: &str = "web-team";
/// Its role.
pub const ROLE: &str = "arn:aws:iam::000000000000:role/deployer-tenant-web-team";
const BACKEND: &str = "s3://acme-state";

/// Makes Alice, and answers her keys. The local AWS does not know the keys `s3:if-match` and `s3:if-none-match`: what
/// asks for them would refuse every write, so that is taken out.
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

/// The cloud, and who is in it.
#[derive(Debug)]
pub struct Walled {
    /// The cloud.
    pub aws: LocalAws,
    /// The platform's admin, who may do everything.
    pub admin: Platform,
    /// Alice, working in `development`; she has not signed in.
    pub alice: Platform,
    /// Her access key.
    pub keys: [String; 2],
    /// The tenant's secret.
    pub secret: String,
    /// The secret of `other-team`.
    pub other: String,
}

impl Walled {
    /// Builds it.
    #[track_caller]
    pub fn new() -> Self {
        let aws = LocalAws::strict();
        let world = || {
            let variables = aws.environment().into_iter().chain([("DEPLOYER_REGION", REGION.to_owned())]);
            variables.fold(World::new(), |world, (name, value)| world.with(name, value))
        };
        let admin = Platform::prepared(world(), BACKEND.to_owned());
        let (secret, other) = (admin.create_tenant(TENANT), admin.create_tenant("other-team"));
        let alice = ["--principal", "arn:aws:iam::000000000000:user/alice", "--apply", "--yes"];
        admin.world.run(["tenant", "policy", TENANT].into_iter().chain(alice)).succeeds();
        let made = boto(&aws, ALICE);
        let keys = [0, 1].map(|at| made[at].as_str().expect("a key").to_owned());
        let world = world().with("AWS_ACCESS_KEY_ID", &*keys[0]).with("AWS_SECRET_ACCESS_KEY", &*keys[1]);
        let alice = Platform { world, address: BACKEND.to_owned() }.in_development();
        Self { aws, admin, alice, keys, secret, other }
    }

    /// Signs Alice in as a tenant.
    pub fn sign_in(&self, tenant: &str, secret: &str, more: &[&str]) -> Output {
        let login = ["login", "--tenant", tenant, "--backend", BACKEND, "--secret-stdin"];
        self.alice.world.command(login.into_iter().chain(more.iter().copied())).stdin(secret).run()
    }
}

impl Default for Walled {
    fn default() -> Self {
        Self::new()
    }
}
