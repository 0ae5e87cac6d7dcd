//! `sns-topic`: a topic, encrypted.

use serde::Deserialize;
use serde_json::{Value, json};

use super::intrinsic::{attribute, reference, sub};
use super::statement::{policy, refuse_plain_requests};
use super::{Builder, Problems, problem};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SnsTopic {
    display_name: Value,
    fifo: bool,
    content_based_deduplication: Option<bool>,
    subscriptions: Vec<Subscription>,
    publishers: Vec<String>,
    kms_key_arn: Value,
}

#[derive(Debug, Deserialize)]
struct Subscription {
    protocol: String,
    endpoint: Value,
}

pub(super) fn compile(builder: &mut Builder<'_>, topic: &SnsTopic) -> Result<(), Problems> {
    if topic.content_based_deduplication.is_some() && !topic.fifo {
        return problem("`contentBasedDeduplication` is for fifo topics", "write `fifo: true` as well");
    }
    if topic.fifo && !topic.subscriptions.is_empty() {
        return problem("a fifo topic has queues as its only subscribers", "take `subscriptions` away");
    }
    if !topic.publishers.is_empty() && topic.kms_key_arn.is_null() {
        return problem(
            "`publishers` cannot use the key of AWS that encrypts a topic without `kmsKeyArn`",
            "give a key that these services may use as `kmsKeyArn`",
        );
    }
    // The name of a fifo topic must end like this, and CloudFormation's own would not.
    let name = topic.fifo.then(|| sub("${AWS::StackName}.fifo"));
    let key = if topic.kms_key_arn.is_null() { json!("alias/aws/sns") } else { topic.kms_key_arn.clone() };
    builder.add_tagged(
        "Topic",
        "AWS::SNS::Topic",
        json!({
            "TopicName": name,
            "DisplayName": topic.display_name,
            "FifoTopic": topic.fifo.then_some(true),
            "ContentBasedDeduplication": topic.content_based_deduplication,
            "KmsMasterKeyId": key,
        }),
    );
    let mut statements = vec![refuse_plain_requests("sns:Publish", reference("Topic"))];
    if !topic.publishers.is_empty() {
        statements.push(json!({
            "Sid": "Publishers",
            "Effect": "Allow",
            "Principal": { "Service": topic.publishers },
            "Action": "sns:Publish",
            "Resource": reference("Topic"),
            "Condition": { "StringEquals": { "aws:SourceAccount": reference("AWS::AccountId") } },
        }));
    }
    builder.add(
        "TopicPolicy",
        "AWS::SNS::TopicPolicy",
        json!({ "Topics": [reference("Topic")], "PolicyDocument": policy(statements) }),
    );
    for (at, subscription) in topic.subscriptions.iter().enumerate() {
        builder.add(
            &format!("Subscription{}", at + 1),
            "AWS::SNS::Subscription",
            json!({
                "Protocol": subscription.protocol,
                "TopicArn": reference("Topic"),
                "Endpoint": subscription.endpoint,
            }),
        );
    }
    builder.output("arn", reference("Topic"));
    builder.output("name", attribute("Topic", "TopicName"));
    Ok(())
}
