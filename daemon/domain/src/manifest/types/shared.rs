//! Fields that several types have.

use super::form;
use crate::manifest::rule;
use crate::manifest::table::{optional, required};
use crate::manifest::{Field, Kind};

/// Tags of the team's own.
pub const TAGS: Field =
    optional("tags", Kind::Map(&form::TAG_KEY, &TAG_VALUE), "Tags of your own, besides those that deployer sets");

static TAG_VALUE: Kind = Kind::Known(&form::TAG_VALUE);

/// The key that data is encrypted with.
pub const KMS_KEY: Field = optional(
    "kmsKeyArn",
    Kind::Expression,
    "The ARN of the KMS key that encrypts it; without it a key of AWS does. Whoever uses the data needs the key too",
);

/// Where it runs.
pub const NETWORK: Field = optional(
    "network",
    Kind::Either(&NETWORK_COMPONENT, &NETWORK_IDS),
    "Where it runs: a component of type network as service.component, or ids; otherwise the environment's network",
);

static NETWORK_COMPONENT: Kind = Kind::Checked(&rule::COMPONENT_ID);
static NETWORK_IDS: Kind = Kind::Object(NETWORK_FIELDS);
static NETWORK_FIELDS: &[Field] = &[
    required("vpcId", Kind::Expression, "The id of the VPC"),
    optional("publicSubnetIds", Kind::Ids, "The ids of public subnets"),
    optional("privateSubnetIds", Kind::Ids, "The ids of private subnets"),
];

/// Further security groups.
pub const SECURITY_GROUPS: Field = optional(
    "securityGroupIds",
    Kind::List(&Kind::Expression),
    "Security groups that it is in besides its own, such as ${service.component.clientSecurityGroupId}",
);

/// Who may connect.
pub const ALLOW_CIDRS: Field =
    optional("allowCidrs", Kind::List(&CIDR), "The blocks of addresses that may connect, such as 10.0.0.0/16");

static CIDR: Kind = Kind::Known(&form::CIDR);

/// How long logs are kept.
pub const LOG_RETENTION: Field =
    optional("logRetentionDays", Kind::Choice(LOG_DAYS), "How many days its logs are kept; 30 without it");

static LOG_DAYS: &[(&str, &str)] = &[
    ("1", "A day"),
    ("3", "Three days"),
    ("5", "Five days"),
    ("7", "A week"),
    ("14", "Two weeks"),
    ("30", "A month"),
    ("60", "Two months"),
    ("90", "Three months"),
    ("180", "Half a year"),
    ("365", "A year"),
    ("400", "Thirteen months"),
    ("731", "Two years"),
    ("1827", "Five years"),
    ("3653", "Ten years"),
];

/// What its role may do.
pub const PERMISSIONS: Field =
    optional("permissions", Kind::List(&PERMISSION), "What its role may do besides `access`; without both, nothing");

static PERMISSION: Kind = Kind::Object(PERMISSION_FIELDS);
static PERMISSION_FIELDS: &[Field] = &[
    required("actions", Kind::List(&Kind::Known(&form::ACTION)), "What may be done, such as [ses:SendEmail]"),
    required("resources", Kind::List(&Kind::Expression), "To what, as ARNs; ${service.component.arn} is one"),
];

/// Which components it may use.
pub const ACCESS: Field = optional(
    "access",
    Kind::Map(
        &rule::COMPONENT_ID,
        &Kind::OneOf(&[
            ("read", "Receive from a queue, read a bucket or a table"),
            ("write", "Send to a queue or topic, write to a bucket or a table"),
            ("readWrite", "Both"),
            ("connect", "Connect to a database or cache and read its password"),
            ("invoke", "Invoke a function"),
        ]),
    ),
    "Which components of this stack it may use, and how, such as `email.queue: write`; nothing else is allowed",
);

/// The architecture of a processor.
pub const ARCHITECTURE: Field = optional(
    "architecture",
    Kind::Choice(&[("x86_64", "Intel and AMD"), ("arm64", "Graviton, cheaper for the same work")]),
    "The processor that it is built for; x86_64 without it",
);

/// When something runs.
pub const SCHEDULE: Kind = Kind::Known(&form::SCHEDULE);

/// The time zone of a schedule.
pub const TIME_ZONE: Field = optional(
    "timeZone",
    Kind::Known(&form::TIME_ZONE),
    "The time zone of the schedule, such as Europe/Berlin; UTC without it",
);
