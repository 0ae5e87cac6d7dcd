//! Where files and records are kept.

use super::form;
use super::shared::{KMS_KEY, TAGS};
use crate::manifest::table::{optional, required};
use crate::manifest::{ComponentType, Field, Kind, OutputField};
use crate::state::EngineKind;

/// A bucket.
pub const S3_BUCKET: ComponentType = ComponentType {
    name: "s3-bucket",
    engine: EngineKind::Cloudformation,
    holds_data: true,
    about: "A bucket, encrypted and private",
    fields: S3_BUCKET_FIELDS,
    outputs: &[
        OutputField { name: "name", about: "The bucket's name" },
        OutputField { name: "arn", about: "The bucket's ARN" },
        OutputField { name: "domainName", about: "The bucket's name in its region's DNS" },
    ],
};

static S3_BUCKET_FIELDS: &[Field] = &[
    optional(
        "versioning",
        Kind::Switch,
        "Whether overwritten and deleted objects are kept as old versions; true without it",
    ),
    optional("oldVersionsDays", Kind::Number(1, 3650), "How many days old versions are kept; 90 without it"),
    optional("expireDays", Kind::Number(1, 3650), "After how many days objects are deleted; never without it"),
    optional(
        "infrequentAccessDays",
        Kind::Number(30, 3650),
        "After how many days objects move to storage for infrequent access; never without it",
    ),
    optional("cors", Kind::List(&Kind::Object(CORS_FIELDS)), "Which pages in browsers may use it"),
    KMS_KEY,
    TAGS,
];

static CORS_FIELDS: &[Field] = &[
    required("origins", Kind::List(&Kind::Known(&form::ORIGIN)), "The pages' origins, such as https://www.example.com"),
    required(
        "methods",
        Kind::List(&Kind::Choice(&[
            ("GET", "Read"),
            ("HEAD", "Ask"),
            ("PUT", "Write"),
            ("POST", "Upload by a form"),
            ("DELETE", "Delete"),
        ])),
        "What they may do, such as [GET, PUT]",
    ),
    optional("headers", Kind::List(&Kind::Expression), "The request headers they may send"),
    optional("exposeHeaders", Kind::List(&Kind::Expression), "The answer's headers they may read"),
    optional("maxAge", Kind::Number(0, 86_400), "How many seconds a browser may remember the answer"),
];

/// A table.
pub const DYNAMODB_TABLE: ComponentType = ComponentType {
    name: "dynamodb-table",
    engine: EngineKind::Cloudformation,
    holds_data: true,
    about: "A DynamoDB table, encrypted, with recovery to any second of the last days",
    fields: DYNAMODB_TABLE_FIELDS,
    outputs: &[
        OutputField { name: "name", about: "The table's name" },
        OutputField { name: "arn", about: "The table's ARN" },
        OutputField { name: "streamArn", about: "The ARN of the table's stream; only with `stream`" },
    ],
};

static DYNAMODB_TABLE_FIELDS: &[Field] = &[
    required("partitionKey", KEY, "The attribute that items are found by: its name, or its name and type"),
    optional("sortKey", KEY, "The attribute that items of one partition are sorted by"),
    optional("indexes", Kind::List(&Kind::Object(INDEX_FIELDS)), "Global secondary indexes"),
    optional(
        "ttlAttribute",
        Kind::Known(&form::ATTRIBUTE),
        "The attribute that says when an item expires, in seconds since 1970",
    ),
    optional(
        "pointInTimeRecovery",
        Kind::Switch,
        "Whether it can be recovered to any second of the last 35 days; true without it",
    ),
    optional(
        "stream",
        Kind::Choice(&[
            ("keys-only", "The keys of items that changed"),
            ("new-image", "Items as they are now"),
            ("old-image", "Items as they were"),
            ("new-and-old-images", "Items as they were and as they are"),
        ]),
        "What its stream of changes holds; there is none without it",
    ),
    optional("deletionProtection", Kind::Switch, "Whether it refuses to be deleted; true in production without it"),
    optional("capacity", Kind::Object(CAPACITY_FIELDS), "Provisioned capacity; without it every request is paid for"),
    KMS_KEY,
    TAGS,
];

const KEY: Kind = Kind::Either(&Kind::Known(&form::ATTRIBUTE), &Kind::Object(KEY_FIELDS));

static KEY_FIELDS: &[Field] = &[
    required("name", Kind::Known(&form::ATTRIBUTE), "The attribute's name"),
    optional(
        "type",
        Kind::Choice(&[("string", "A text"), ("number", "A number"), ("binary", "Bytes")]),
        "The attribute's type; string without it",
    ),
];

static INDEX_FIELDS: &[Field] = &[
    required("name", Kind::Known(&form::INDEX), "The index's name"),
    required("partitionKey", KEY, "The attribute that items are found by"),
    optional("sortKey", KEY, "The attribute that items of one partition are sorted by"),
    optional(
        "projection",
        Kind::List(&Kind::Known(&form::ATTRIBUTE)),
        "The attributes it holds besides keys; all without it",
    ),
];

static CAPACITY_FIELDS: &[Field] = &[
    required("read", Kind::Number(1, 40_000), "Read capacity units"),
    required("write", Kind::Number(1, 40_000), "Write capacity units"),
];
