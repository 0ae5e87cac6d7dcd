//! What the code of a component may do.

use serde::Deserialize;
use serde_json::{Value, json};

use super::intrinsic::join;
use super::statement::{allow, policy};

/// A statement of the team's own.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Permission {
    actions: Vec<String>,
    resources: Value,
}

/// The use of another component, as the manifest made it of `access`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Grant {
    component_type: String,
    mode: String,
    arn: Value,
    #[serde(default)]
    key_arn: Value,
}

impl Permission {
    fn statement(&self) -> Value {
        let actions: Vec<&str> = self.actions.iter().map(String::as_str).collect();
        allow(&actions, self.resources.clone())
    }
}

impl Grant {
    fn statements(&self) -> Vec<Value> {
        let (reads, writes) = match self.component_type.as_str() {
            "sqs-queue" => (
                &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"][..],
                &["sqs:SendMessage"][..],
            ),
            "s3-bucket" => (&["s3:GetObject"][..], &["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"][..]),
            "dynamodb-table" => (
                &[
                    "dynamodb:GetItem",
                    "dynamodb:BatchGetItem",
                    "dynamodb:Query",
                    "dynamodb:Scan",
                    "dynamodb:ConditionCheckItem",
                ][..],
                &["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:BatchWriteItem"][..],
            ),
            "sns-topic" => (&[][..], &["sns:Publish"][..]),
            "lambda" => return vec![allow(&["lambda:InvokeFunction"], self.arn.clone())],
            // A database or a cache: what it takes besides its security group is the password.
            _ => return vec![allow(&["secretsmanager:GetSecretValue"], self.arn.clone())],
        };
        let (read, write) = (self.mode != "write", self.mode != "read");
        let chosen = [(read, reads), (write, writes)].into_iter().filter(|(wanted, _)| *wanted);
        let actions: Vec<&str> = chosen.flat_map(|(_, actions)| actions.iter().copied()).collect();
        let mut statements = vec![allow(&actions, self.things())];
        statements.extend(self.look().map(|action| allow(&[action], self.arn.clone())));
        if !self.key_arn.is_null() {
            let mut actions = vec!["kms:Decrypt"];
            actions.extend(write.then_some("kms:GenerateDataKey"));
            statements.push(allow(&actions, self.key_arn.clone()));
        }
        statements
    }

    /// What the actions are done to.
    fn things(&self) -> Value {
        match self.component_type.as_str() {
            "s3-bucket" => below(&self.arn, "/*"),
            "dynamodb-table" => json!([self.arn, below(&self.arn, "/index/*")]),
            _ => self.arn.clone(),
        }
    }

    /// What clients ask of the thing as a whole.
    fn look(&self) -> Option<&'static str> {
        match self.component_type.as_str() {
            "s3-bucket" => Some("s3:ListBucket"),
            "sqs-queue" => Some("sqs:GetQueueAttributes"),
            "dynamodb-table" => Some("dynamodb:DescribeTable"),
            _ => None,
        }
    }
}

fn below(arn: &Value, rest: &str) -> Value {
    join("", json!([arn, rest]))
}

/// The statements of a component's role.
pub(super) fn statements(grants: &[Grant], permissions: &[Permission]) -> Vec<Value> {
    let granted = grants.iter().flat_map(Grant::statements);
    granted.chain(permissions.iter().map(Permission::statement)).collect()
}

/// A role with these statements; a role that may do nothing has no policy.
pub(super) fn role(trust: Value, statements: Vec<Value>) -> Value {
    let policies =
        (!statements.is_empty()).then(|| json!([{ "PolicyName": "allowed", "PolicyDocument": policy(statements) }]));
    json!({ "AssumeRolePolicyDocument": trust, "Policies": policies })
}
