//! What is asked of the policies: all that is needed, and what could be tried.

use serde_json::{Value, json};

pub const BUCKET: &str = "arn:aws:s3:::acme-state";
const TABLE: &str = "arn:aws:dynamodb:eu-west-1:000000000000:table/acme-locks";
const INDEX: &str = "arn:aws:dynamodb:eu-west-1:000000000000:table/acme-locks/index/TenantIndex";
const ENTRY: &str = "registry/web-team.yaml";
const OWN: &str = "tenants/web-team/tenant.yaml";
pub const STATE: &str = "tenants/web-team/v1/stacks/shop/production/state.json";
const RECORD: &str = "tenants/web-team/audit/2026/01/15/x.json";
const APPROVAL: &str = "tenants/web-team/v1/stacks/shop/production/approvals/x.json";

/// One request: its action, what it acts on, and what else it tells.
pub type Request = (&'static str, String, Value);

fn object(action: &'static str, key: &str) -> Request {
    (action, format!("{BUCKET}/{key}"), json!({}))
}

fn new_object(key: &str) -> Request {
    ("s3:PutObject", format!("{BUCKET}/{key}"), json!({ "s3:if-none-match": ["*"] }))
}

fn list(prefix: &str) -> Request {
    ("s3:ListBucket", BUCKET.to_owned(), json!({ "s3:prefix": [prefix] }))
}

fn items(action: &'static str, keys: &[&str]) -> Request {
    (action, TABLE.to_owned(), json!({ "dynamodb:LeadingKeys": keys }))
}

fn query(tenant: &str) -> Request {
    ("dynamodb:Query", INDEX.to_owned(), json!({ "dynamodb:LeadingKeys": [tenant] }))
}

/// All that the daemon asks for on behalf of a tenant.
pub fn needed() -> Vec<Request> {
    let locks = ["tenant:web-team:stack:shop:production", "tenant:web-team:stack:blog:production"];
    vec![
        object("s3:GetObject", ENTRY),
        object("s3:GetObject", OWN),
        object("s3:GetObject", RECORD),
        object("s3:GetObject", STATE),
        object("s3:PutObject", STATE),
        object("s3:DeleteObject", STATE),
        object("s3:GetObject", APPROVAL),
        new_object(RECORD),
        new_object(APPROVAL),
        // Whatever a stack and an environment are called.
        object("s3:PutObject", "tenants/web-team/v1/stacks/approvals/development/state.json"),
        object("s3:PutObject", "tenants/web-team/v1/stacks/shop/approvals/state.json"),
        object("s3:DeleteObject", "tenants/web-team/v1/stacks/audit/audit/runs/x"),
        object("s3:DeleteObject", "tenants/web-team/v1/stacks/approvals/approvals/runs/x"),
        list("tenants/web-team/"),
        list("tenants/web-team/v1/stacks/"),
        items("dynamodb:GetItem", &locks[..1]),
        items("dynamodb:PutItem", &locks[..1]),
        items("dynamodb:UpdateItem", &locks[..1]),
        items("dynamodb:BatchGetItem", &locks),
        query("web-team"),
    ]
}

/// What somebody with the tenant's credentials could try with other tools.
pub fn refused() -> Vec<Request> {
    let foreign = "tenant:other-team:stack:shop:production";
    let mut requests = vec![
        ("s3:ListBucket", BUCKET.to_owned(), json!({})),
        ("s3:ListBucketVersions", BUCKET.to_owned(), json!({ "s3:prefix": ["tenants/web-team/"] })),
        ("s3:PutBucketPolicy", BUCKET.to_owned(), json!({})),
        ("s3:DeleteBucketPolicy", BUCKET.to_owned(), json!({})),
        (
            "dynamodb:Query",
            TABLE.to_owned(),
            json!({ "dynamodb:LeadingKeys": ["tenant:web-team:stack:shop:production"] }),
        ),
        ("dynamodb:Scan", TABLE.to_owned(), json!({})),
        ("dynamodb:Scan", INDEX.to_owned(), json!({})),
        ("dynamodb:DeleteTable", TABLE.to_owned(), json!({})),
        (
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:eu-west-1:000000000000:secret:/deployer/admin".to_owned(),
            json!({}),
        ),
        (
            "sts:AssumeRole",
            "arn:aws:iam::000000000000:role/deployer-tenant-other-team".to_owned(),
            json!({ "aws:RequestTag/tenant": ["other-team"] }),
        ),
        ("iam:PutRolePolicy", "arn:aws:iam::000000000000:role/deployer-tenant-web-team".to_owned(), json!({})),
        query("other-team"),
        query("web-team-2"),
        items("dynamodb:DeleteItem", &["tenant:web-team:stack:shop:production"]),
        items("dynamodb:BatchGetItem", &["tenant:web-team:stack:shop:production", foreign]),
        items("dynamodb:GetItem", &["tenant:web-team-2:stack:shop:production"]),
        items("dynamodb:GetItem", &["tenant:web-team"]),
        items("dynamodb:GetItem", &["registry"]),
    ];
    requests.extend(
        ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"].map(|action| items(action, &[foreign])),
    );
    let prefixes =
        ["", "tenants/", "tenants/web-team", "tenants/web-team-2/", "tenants/other-team/", "registry/", "platform/"];
    requests.extend(prefixes.map(list));
    for key in [
        "tenants.yaml",
        "registry/other-team.yaml",
        "registry/web-team.yaml/x",
        "tenants/other-team/tenant.yaml",
        "tenants/web-team-2/v1/x",
        "archive/web-team/x",
        "audit/2026/01/15/x.json",
    ] {
        requests.extend(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"].map(|action| object(action, key)));
    }
    // Its own, but not to be changed: who it is, and what was recorded.
    requests.extend([ENTRY, OWN].map(new_object));
    requests.extend([ENTRY, OWN, RECORD, APPROVAL].map(|key| object("s3:DeleteObject", key)));
    requests.extend([STATE, RECORD, APPROVAL].map(|key| object("s3:DeleteObjectVersion", key)));
    requests.extend([RECORD, APPROVAL].map(|key| object("s3:PutObject", key)));
    requests
}
