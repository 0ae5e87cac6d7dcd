//! `sqs-queue`: a queue with its dead-letter queue, encrypted.

use serde::Deserialize;
use serde_json::{Value, json};

use super::intrinsic::{attribute, reference};
use super::statement::{policy, refuse_plain_requests};
use super::{Builder, Problems, problem};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct SqsQueue {
    visibility_timeout: Option<u32>,
    message_retention_days: Option<u32>,
    delay: Option<u32>,
    receive_wait: Option<u32>,
    max_receives: Option<u32>,
    fifo: bool,
    content_based_deduplication: Option<bool>,
    topics: Vec<Value>,
    kms_key_arn: Value,
}

const DAY: u32 = 86_400;

pub(super) fn compile(builder: &mut Builder<'_>, queue: &SqsQueue) -> Result<(), Problems> {
    if queue.content_based_deduplication.is_some() && !queue.fifo {
        return problem("`contentBasedDeduplication` is for fifo queues", "write `fifo: true` as well");
    }
    // Long enough to look at what failed.
    builder.add_data(
        "DeadLetterQueue",
        "AWS::SQS::Queue",
        properties(queue, json!({ "MessageRetentionPeriod": 14 * DAY })),
    );
    let own = json!({
        "VisibilityTimeout": queue.visibility_timeout.unwrap_or(30),
        "MessageRetentionPeriod": queue.message_retention_days.unwrap_or(4) * DAY,
        "DelaySeconds": queue.delay.unwrap_or(0),
        "ReceiveMessageWaitTimeSeconds": queue.receive_wait.unwrap_or(20),
        "RedrivePolicy": {
            "deadLetterTargetArn": attribute("DeadLetterQueue", "Arn"),
            "maxReceiveCount": queue.max_receives.unwrap_or(5),
        },
    });
    builder.add_data("Queue", "AWS::SQS::Queue", properties(queue, own));
    let mut statements = vec![refuse_plain_requests("sqs:*", attribute("Queue", "Arn"))];
    for (at, topic) in queue.topics.iter().enumerate() {
        statements.push(accept(topic));
        builder.add(
            &format!("Subscription{}", at + 1),
            "AWS::SNS::Subscription",
            json!({ "Protocol": "sqs", "TopicArn": topic, "Endpoint": attribute("Queue", "Arn") }),
        );
    }
    queue_policy(builder, "Queue", statements);
    queue_policy(builder, "DeadLetterQueue", vec![refuse_plain_requests("sqs:*", attribute("DeadLetterQueue", "Arn"))]);
    builder.output("url", reference("Queue"));
    builder.output("arn", attribute("Queue", "Arn"));
    builder.output("name", attribute("Queue", "QueueName"));
    builder.output("deadLetterQueueUrl", reference("DeadLetterQueue"));
    builder.output("deadLetterQueueArn", attribute("DeadLetterQueue", "Arn"));
    builder.output("deadLetterQueueName", attribute("DeadLetterQueue", "QueueName"));
    Ok(())
}

/// The properties of one of the two queues.
fn properties(queue: &SqsQueue, own: Value) -> Value {
    let mut properties = own;
    match &queue.kms_key_arn {
        Value::Null => properties["SqsManagedSseEnabled"] = json!(true),
        key => {
            properties["KmsMasterKeyId"] = key.clone();
            properties["KmsDataKeyReusePeriodSeconds"] = json!(3600);
        }
    }
    if queue.fifo {
        properties["FifoQueue"] = json!(true);
        properties["ContentBasedDeduplication"] = json!(queue.content_based_deduplication);
    }
    properties
}

fn accept(topic: &Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Service": "sns.amazonaws.com" },
        "Action": "sqs:SendMessage",
        "Resource": attribute("Queue", "Arn"),
        "Condition": { "ArnEquals": { "aws:SourceArn": topic } },
    })
}

fn queue_policy(builder: &mut Builder<'_>, queue: &str, statements: Vec<Value>) {
    builder.add(
        &format!("{queue}Policy"),
        "AWS::SQS::QueuePolicy",
        json!({ "Queues": [reference(queue)], "PolicyDocument": policy(statements) }),
    );
}
