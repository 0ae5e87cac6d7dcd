//! What carries messages.

use super::shared::{KMS_KEY, TAGS};
use crate::manifest::table::{optional, required};
use crate::manifest::{ComponentType, Field, Kind, OutputField};
use crate::state::EngineKind;

/// A queue.
pub const SQS_QUEUE: ComponentType = ComponentType {
    name: "sqs-queue",
    engine: EngineKind::Cloudformation,
    holds_data: true,
    about: "A queue with its dead-letter queue, encrypted",
    fields: SQS_QUEUE_FIELDS,
    outputs: &[
        OutputField { name: "url", about: "The queue's URL" },
        OutputField { name: "arn", about: "The queue's ARN" },
        OutputField { name: "name", about: "The queue's name" },
        OutputField { name: "deadLetterQueueUrl", about: "The dead-letter queue's URL" },
        OutputField { name: "deadLetterQueueArn", about: "The dead-letter queue's ARN" },
        OutputField { name: "deadLetterQueueName", about: "The dead-letter queue's name, for alarms" },
    ],
};

static SQS_QUEUE_FIELDS: &[Field] = &[
    optional(
        "visibilityTimeout",
        Kind::Number(0, 43_200),
        "How many seconds a message that was received stays hidden from others; 30 without it",
    ),
    optional("messageRetentionDays", Kind::Number(1, 14), "How many days a message is kept; 4 without it"),
    optional("delay", Kind::Number(0, 900), "How many seconds a new message stays hidden; 0 without it"),
    optional("receiveWait", Kind::Number(0, 20), "How many seconds a receiver waits for a message; 20 without it"),
    optional(
        "maxReceives",
        Kind::Number(1, 1000),
        "How often a message is received before it goes to the dead-letter queue; 5 without it",
    ),
    optional("fifo", Kind::Switch, "Whether it keeps the order and delivers once; false without it"),
    optional("contentBasedDeduplication", Kind::Switch, "For fifo: whether equal messages are the same message"),
    optional(
        "topics",
        Kind::List(&Kind::Expression),
        "The ARNs of topics whose messages it receives, such as ${service.component.arn}",
    ),
    KMS_KEY,
    TAGS,
];

/// A topic.
pub const SNS_TOPIC: ComponentType = ComponentType {
    name: "sns-topic",
    engine: EngineKind::Cloudformation,
    holds_data: false,
    about: "A topic, encrypted",
    fields: SNS_TOPIC_FIELDS,
    outputs: &[
        OutputField { name: "arn", about: "The topic's ARN" },
        OutputField { name: "name", about: "The topic's name" },
    ],
};

static SNS_TOPIC_FIELDS: &[Field] = &[
    optional("displayName", Kind::Expression, "The sender's name in messages by mail and phone"),
    optional("fifo", Kind::Switch, "Whether it keeps the order and delivers once; false without it"),
    optional("contentBasedDeduplication", Kind::Switch, "For fifo: whether equal messages are the same message"),
    optional(
        "subscriptions",
        Kind::List(&Kind::Object(SUBSCRIPTION_FIELDS)),
        "Who gets the messages; queues name it in their `topics`",
    ),
    optional(
        "publishers",
        Kind::List(&Kind::Choice(&[
            ("cloudwatch.amazonaws.com", "Alarms"),
            ("events.amazonaws.com", "EventBridge rules"),
            ("s3.amazonaws.com", "Notifications of buckets"),
            ("budgets.amazonaws.com", "Budgets"),
            ("costalerts.amazonaws.com", "Cost anomalies"),
        ])),
        "Services of AWS that may publish to it; they need `kmsKeyArn` with a key that they may use",
    ),
    KMS_KEY,
    TAGS,
];

static SUBSCRIPTION_FIELDS: &[Field] = &[
    required(
        "protocol",
        Kind::Choice(&[
            ("email", "A mail"),
            ("email-json", "A mail with JSON"),
            ("https", "A request to a URL"),
            ("sms", "A message to a phone"),
        ]),
        "How: email, email-json, https or sms",
    ),
    required("endpoint", Kind::Expression, "Where to: an address, a URL or a number"),
];
