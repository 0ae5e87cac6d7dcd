//! Roles of IAM.

use async_trait::async_trait;
use deployer_domain::object::{PortError, PortResult};
use deployer_domain::tenant_role::{POLICY_NAME, Roles, TenantRole};

use super::Clients;
use super::ask::{Asking, Service};

const IAM: Service =
    Service { name: "IAM", id: "iam", variable: "IAM", region: Some("us-east-1"), host: Some("iam.amazonaws.com") };

/// IAM with one caller's own credentials.
pub struct IamRoles {
    asking: Asking,
}

impl IamRoles {
    /// Works with a caller's own credentials.
    pub fn new(clients: &Clients) -> PortResult<Self> {
        Ok(Self { asking: clients.asking()? })
    }

    async fn call(&self, action: &str, fields: &[(&str, &str)]) -> PortResult<()> {
        let all: Vec<_> = [("Action", action), ("Version", "2010-05-08")].iter().chain(fields).copied().collect();
        self.asking.query(IAM, &all).await.map(drop)
    }
}

#[async_trait]
impl Roles for IamRoles {
    async fn put(&self, role: &TenantRole) -> PortResult<bool> {
        let (name, trust, permissions) = (role.name(), role.trust().to_string(), role.permissions().to_string());
        let fields = [
            ("RoleName", name.as_str()),
            ("AssumeRolePolicyDocument", trust.as_str()),
            ("Description", "Reaches a tenant's own state, locks and audit in deployer's backend"),
            ("MaxSessionDuration", "3600"),
            ("Tags.member.1.Key", "deployer:tenant"),
            ("Tags.member.1.Value", role.tenant.as_str()),
        ];
        let made = match self.call("CreateRole", &fields).await {
            Ok(()) => true,
            // It is there already: 409.
            Err(PortError::Conflict) => {
                let fields = [("RoleName", name.as_str()), ("PolicyDocument", trust.as_str())];
                self.call("UpdateAssumeRolePolicy", &fields).await?;
                false
            }
            Err(error) => return Err(error),
        };
        let fields =
            [("RoleName", name.as_str()), ("PolicyName", POLICY_NAME), ("PolicyDocument", permissions.as_str())];
        self.call("PutRolePolicy", &fields).await?;
        Ok(made)
    }
}
