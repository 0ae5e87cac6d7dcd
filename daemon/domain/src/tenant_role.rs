//! The role through which a tenant reaches its own state, locks and audit in the cloud, and nothing else.

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::error::{Error, Reason, Result};
use crate::name::TenantId;
use crate::object::PortResult;

/// The name of the inline policy.
pub const POLICY_NAME: &str = "deployer-tenant";

/// Where approvals are, below a tenant's prefix. A star stands for any number of folders; a stack or an environment may
/// be called `approvals` too.
const APPROVALS: &str = "v*/stacks/*/*/approvals/*";

/// Roles of the cloud, with one caller's own credentials.
#[async_trait]
pub trait Roles: Send + Sync {
    /// Makes a role, or changes the one of its name; answers whether it was made.
    async fn put(&self, role: &TenantRole) -> PortResult<bool>;
}

/// Whose role it is, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRole {
    /// The tenant.
    pub tenant: TenantId,
    /// The account of the backend.
    pub account: String,
    /// Such as `aws` or `aws-cn`.
    pub partition: String,
    /// The backend's bucket.
    pub bucket: String,
    /// The backend's lock table.
    pub table: String,
    /// The exact people and pipelines who may assume it.
    pub principals: Vec<String>,
}

impl TenantRole {
    /// Its name.
    pub fn name(&self) -> String {
        format!("deployer-tenant-{}", self.tenant)
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        format!("arn:{}:iam::{}:role/{}", self.partition, self.account, self.name())
    }

    /// Refuses whoever is not an exact role or user: an account alone would let everybody in it be any tenant.
    pub fn check(&self) -> Result<()> {
        for principal in &self.principals {
            let parts: Vec<&str> = principal.splitn(6, ':').collect();
            let exact = |resource: &str| {
                let named = resource.strip_prefix("role/").or_else(|| resource.strip_prefix("user/"));
                named.is_some_and(|name| !name.is_empty())
            };
            let good = match parts[..] {
                ["arn", _, "iam", "", account, resource] => {
                    account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) && exact(resource)
                }
                _ => false,
            };
            if !good || principal.contains(['*', '?']) || principal.contains(char::is_whitespace) {
                let shown: String = principal.chars().take(80).collect();
                return Err(Error::new(Reason::InvalidRequest, format!("{shown:?} is no exact role or user"))
                    .hint("write arn:aws:iam::123456789012:role/NAME; an account or a pattern would let others in"));
            }
        }
        Ok(())
    }

    /// Who may assume it: exact principals, and only as this tenant.
    pub fn trust(&self) -> Value {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "OnlyAsOneTenant",
                "Effect": "Allow",
                "Principal": {"AWS": self.principals},
                "Action": ["sts:AssumeRole", "sts:TagSession"],
                "Condition": {
                    "StringEquals": {"aws:RequestTag/tenant": self.tenant.as_str()},
                    "ForAllValues:StringEquals": {"aws:TagKeys": ["tenant"]},
                },
            }],
        })
    }

    /// What it may do.
    pub fn permissions(&self) -> Value {
        let Self { tenant, partition, bucket, table, account, .. } = self;
        let object = |key: &str| format!("arn:{partition}:s3:::{bucket}/{key}");
        let own = |key: &str| object(&format!("tenants/{tenant}/{key}"));
        let table = format!("arn:{partition}:dynamodb:*:{account}:table/{table}");
        json!({
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "ReadOwnEntry", "Effect": "Allow", "Action": "s3:GetObject",
                    "Resource": [object(&format!("registry/{tenant}.yaml")), own("tenant.yaml"), own("audit/*")],
                },
                {
                    "Sid": "WorkInOwnVersions", "Effect": "Allow",
                    "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": own("v*/*"),
                },
                {
                    "Sid": "AddToOwnAudit", "Effect": "Allow", "Action": "s3:PutObject", "Resource": own("audit/*"),
                    "Condition": {"Null": {"s3:if-none-match": "false"}},
                },
                {
                    "Sid": "ApprovalsAreMadeOnce", "Effect": "Deny", "Action": "s3:PutObject",
                    "Resource": own(APPROVALS),
                    "Condition": {"Null": {"s3:if-none-match": "true"}},
                },
                {
                    "Sid": "RecordsStay", "Effect": "Deny",
                    "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion"],
                    "Resource": [own("audit/*"), own(APPROVALS)],
                },
                {
                    "Sid": "ListOwnPrefix", "Effect": "Allow", "Action": "s3:ListBucket",
                    "Resource": format!("arn:{partition}:s3:::{bucket}"),
                    "Condition": {"StringLike": {"s3:prefix": format!("tenants/{tenant}/*")}},
                },
                {
                    "Sid": "OwnLocks", "Effect": "Allow",
                    "Action": ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
                    "Resource": table,
                    "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": format!("tenant:{tenant}:*")}},
                },
                {
                    "Sid": "ListOwnLocks", "Effect": "Allow", "Action": "dynamodb:Query",
                    "Resource": format!("{table}/index/TenantIndex"),
                    "Condition": {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": tenant.as_str()}},
                },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(principals: &[&str]) -> TenantRole {
        TenantRole {
            tenant: "web-team".parse().unwrap(),
            account: "123456789012".to_owned(),
            partition: "aws".to_owned(),
            bucket: "acme-state".to_owned(),
            table: "acme-locks".to_owned(),
            principals: principals.iter().map(|arn| (*arn).to_owned()).collect(),
        }
    }

    #[test]
    fn only_exact_principals_are_trusted_and_only_as_this_tenant() {
        let good = role(&["arn:aws:iam::210987654321:role/ci", "arn:aws:iam::210987654321:user/team/alice"]);
        assert_eq!(good.check(), Ok(()));
        assert_eq!(good.trust()["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/tenant"], "web-team");
        for bad in [
            "*",
            "arn:aws:iam::210987654321:root",
            "210987654321",
            "arn:aws:iam::210987654321:role/*",
            "arn:aws:iam::*:role/ci",
            "arn:aws:iam::210987654321:role/",
            "arn:aws:sts::210987654321:assumed-role/ci/x",
        ] {
            assert_eq!(role(&[bad]).check().unwrap_err().reason, Reason::InvalidRequest, "{bad}");
        }
    }

    #[test]
    fn nothing_that_is_allowed_names_another_tenant() {
        let permissions = role(&[]).permissions();
        for statement in permissions["Statement"].as_array().unwrap() {
            if statement["Effect"] == "Allow" {
                let text = statement.to_string();
                assert!(
                    text.contains("web-team") && !text.contains("tenants/*") && !text.contains("registry/*"),
                    "{text}"
                );
            }
        }
    }
}
