//! Statements of IAM policies.

use serde_json::{Value, json};

use super::intrinsic::{reference, sub};

/// A policy document.
pub(super) fn policy(statements: Vec<Value>) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Allows what a role may do.
pub(super) fn allow(actions: &[&str], resources: Value) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
}

/// Refuses every request that is not encrypted.
pub(super) fn refuse_plain_requests(action: &str, resources: Value) -> Value {
    json!({
        "Sid": "RefusePlainRequests",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resources,
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    })
}

/// Lets a service of AWS take a role.
pub(super) fn taken_by(service: &str) -> Value {
    policy(vec![json!({
        "Effect": "Allow",
        "Principal": { "Service": service },
        "Action": "sts:AssumeRole",
    })])
}

/// Lets a service of AWS take a role, but only for this account: another account cannot make the service use it.
pub(super) fn taken_here_by(service: &str) -> Value {
    let mut policy = taken_by(service);
    policy["Statement"][0]["Condition"] =
        json!({ "StringEquals": { "aws:SourceAccount": reference("AWS::AccountId") } });
    policy
}

/// The ARN of what a service has in this account and region.
pub(super) fn local_arn(service: &str, rest: &str) -> Value {
    sub(&format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{rest}"))
}
