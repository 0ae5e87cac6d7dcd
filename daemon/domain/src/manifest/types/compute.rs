//! What runs code.

use super::form;
use super::shared::{
    ACCESS, ALLOW_CIDRS, ARCHITECTURE, LOG_RETENTION, NETWORK, PERMISSIONS, SCHEDULE, SECURITY_GROUPS, TAGS, TIME_ZONE,
};
use crate::manifest::table::{optional, required};
use crate::manifest::{ComponentType, Field, Kind, OutputField, rule};
use crate::state::EngineKind;

/// A function.
pub const LAMBDA: ComponentType = ComponentType {
    name: "lambda",
    engine: EngineKind::Cloudformation,
    holds_data: false,
    about: "A function with its role, log group, optional URL and schedule",
    fields: LAMBDA_FIELDS,
    outputs: &[
        OutputField { name: "arn", about: "The function's ARN" },
        OutputField { name: "name", about: "The function's name" },
        OutputField { name: "url", about: "The function's URL; only with `url`" },
        OutputField { name: "logGroup", about: "The log group's name" },
        OutputField { name: "roleArn", about: "The ARN of the role that the function has" },
        OutputField { name: "securityGroupId", about: "The id of its security group; only with `vpc`" },
    ],
};

static LAMBDA_FIELDS: &[Field] = &[
    optional("image", Kind::Expression, "The image it is made of, in ECR; one of image, code and inline must be there"),
    optional("code", Kind::Object(CODE_FIELDS), "The archive it is made of, in S3"),
    optional("inline", Kind::Text, "Its source text, for Python and Node.js, as file index"),
    optional("runtime", Kind::Known(&form::RUNTIME), "The runtime, such as python3.13; needed unless it is an image"),
    optional(
        "handler",
        Kind::Expression,
        "What is called, such as index.handler; needed with `code`, index.handler for `inline`",
    ),
    optional("command", Kind::List(&Kind::Expression), "For an image: the command instead of the image's own"),
    ARCHITECTURE,
    optional("memory", Kind::Number(128, 10_240), "Its memory in MiB; 256 without it"),
    optional("timeout", Kind::Number(1, 900), "How many seconds a call may take; 30 without it"),
    optional("temporaryStorageMb", Kind::Number(512, 10_240), "Its space for temporary files in MiB; 512 without it"),
    optional("concurrency", Kind::Number(0, 10_000), "How many calls at once are reserved for it, and at most made"),
    optional(
        "environment",
        Kind::Map(&rule::ENVIRONMENT_VARIABLE, &Kind::Expression),
        "What it finds in its environment; a secret's value does not belong here, its ARN does",
    ),
    optional(
        "url",
        Kind::Choice(&[("iam", "Only callers whose requests are signed and whom IAM allows"), ("public", "Everybody")]),
        "Who may call it by its URL: iam or public; it has none without it",
    ),
    optional("schedule", SCHEDULE, "When it is called: rate(5 minutes), cron(0 3 * * ? *)"),
    TIME_ZONE,
    optional("queues", Kind::List(&Kind::Expression), "The ARNs of queues whose messages it is called with"),
    optional("batchSize", Kind::Number(1, 10), "How many messages of a queue a call gets at most; 10 without it"),
    optional("vpc", Kind::Switch, "Whether it runs in the network, to reach databases in it; false without it"),
    NETWORK,
    SECURITY_GROUPS,
    optional("tracing", Kind::Switch, "Whether X-Ray traces it; false without it"),
    ACCESS,
    PERMISSIONS,
    LOG_RETENTION,
    TAGS,
];

static CODE_FIELDS: &[Field] = &[
    required("bucket", Kind::Expression, "The bucket's name"),
    required("key", Kind::Expression, "The object's key; a new key for new code makes the change seen"),
    optional("version", Kind::Expression, "The object's version"),
];

/// A service.
pub const ECS_SERVICE: ComponentType = ComponentType {
    name: "ecs-service",
    engine: EngineKind::Cloudformation,
    holds_data: false,
    about: "A Fargate service with its roles, logs, security group, load balancing and scaling",
    fields: ECS_SERVICE_FIELDS,
    outputs: &[
        OutputField { name: "url", about: "Where it answers, with http:// or https://; only with `loadBalancer`" },
        OutputField { name: "loadBalancerName", about: "The load balancer's name in DNS; only with `loadBalancer`" },
        OutputField {
            name: "loadBalancerZoneId",
            about: "The load balancer's zone, for alias records; only with `loadBalancer`",
        },
        OutputField { name: "loadBalancerArn", about: "The load balancer's ARN; only with `loadBalancer`" },
        OutputField { name: "targetGroupArn", about: "The target group's ARN; only with `loadBalancer`" },
        OutputField { name: "clusterName", about: "The cluster's name" },
        OutputField { name: "serviceName", about: "The service's name in its cluster" },
        OutputField { name: "logGroup", about: "The log group's name" },
        OutputField { name: "roleArn", about: "The ARN of the role that its tasks have" },
        OutputField { name: "securityGroupId", about: "The id of its tasks' security group" },
    ],
};

static ECS_SERVICE_FIELDS: &[Field] = &[
    IMAGE,
    CPU,
    MEMORY,
    ARCHITECTURE,
    COMMAND,
    optional("port", Kind::Number(1, 65_535), "The port that it listens on"),
    optional(
        "count",
        Kind::Either(&Kind::Number(0, 1000), &Kind::Object(COUNT_FIELDS)),
        "How many tasks run: a number, or { min, max, targetCpu } to scale; 1 without it",
    ),
    optional(
        "loadBalancer",
        Kind::Choice(&[("public", "Reached from the internet"), ("internal", "Reached from within the network")]),
        "Who reaches it through a load balancer of its own: public or internal; there is none without it",
    ),
    optional("certificateArn", Kind::Expression, "The certificate for HTTPS; plain requests are then redirected"),
    optional(
        "hostName",
        Kind::Expression,
        "The name that `url` has, such as api.example.com; the load balancer's own without it",
    ),
    optional("hostedZoneId", Kind::Expression, "The Route 53 zone in which `hostName` is made"),
    optional(
        "healthCheck",
        Kind::Either(&Kind::Known(&form::URL_PATH), &Kind::Object(HEALTH_FIELDS)),
        "The path that says whether a task is well, such as /health; / without it",
    ),
    ALLOW_CIDRS,
    ENVIRONMENT,
    SECRETS,
    NETWORK,
    SUBNETS,
    SECURITY_GROUPS,
    ACCESS,
    PERMISSIONS,
    optional(
        "spot",
        Kind::Switch,
        "Whether it runs on spare capacity, cheaper and interrupted at times; false without it",
    ),
    optional("exec", Kind::Switch, "Whether `aws ecs execute-command` may open a shell in a task; false without it"),
    LOG_RETENTION,
    TAGS,
];

static COUNT_FIELDS: &[Field] = &[
    required("min", Kind::Number(0, 1000), "How many tasks run at least"),
    required("max", Kind::Number(1, 1000), "How many tasks run at most"),
    optional("targetCpu", Kind::Number(1, 100), "The use of processors in percent that is aimed at; 70 without both"),
    optional("targetMemory", Kind::Number(1, 100), "The use of memory in percent that is aimed at"),
];

static HEALTH_FIELDS: &[Field] = &[
    optional("path", Kind::Known(&form::URL_PATH), "The path; / without it"),
    optional("interval", Kind::Number(5, 300), "Seconds between checks; 15 without it"),
    optional("timeout", Kind::Number(2, 120), "Seconds until a check fails; 5 without it"),
    optional(
        "grace",
        Kind::Number(0, 3600),
        "Seconds after a task's start in which failures do not count; 60 without it",
    ),
    optional("healthyAfter", Kind::Number(2, 10), "Checks that make a task healthy; 2 without it"),
    optional("unhealthyAfter", Kind::Number(2, 10), "Checks that make a task unhealthy; 3 without it"),
];

/// A task on a schedule.
pub const SCHEDULED_TASK: ComponentType = ComponentType {
    name: "scheduled-task",
    engine: EngineKind::Cloudformation,
    holds_data: false,
    about: "A Fargate task on a schedule, with its roles, logs and security group",
    fields: SCHEDULED_TASK_FIELDS,
    outputs: &[
        OutputField { name: "clusterName", about: "The cluster's name" },
        OutputField { name: "scheduleName", about: "The schedule's name" },
        OutputField { name: "taskDefinitionArn", about: "The task definition's ARN, for a run by hand" },
        OutputField { name: "logGroup", about: "The log group's name" },
        OutputField { name: "roleArn", about: "The ARN of the role that its tasks have" },
        OutputField { name: "securityGroupId", about: "The id of its tasks' security group" },
    ],
};

static SCHEDULED_TASK_FIELDS: &[Field] = &[
    IMAGE,
    CPU,
    MEMORY,
    ARCHITECTURE,
    COMMAND,
    required("schedule", SCHEDULE, "When it runs: rate(5 minutes), cron(0 3 * * ? *)"),
    TIME_ZONE,
    optional("enabled", Kind::Switch, "Whether the schedule is kept; true without it"),
    optional("retries", Kind::Number(0, 185), "How often a start that failed is tried again; 3 without it"),
    ENVIRONMENT,
    SECRETS,
    NETWORK,
    SUBNETS,
    SECURITY_GROUPS,
    ACCESS,
    PERMISSIONS,
    LOG_RETENTION,
    TAGS,
];

const IMAGE: Field =
    required("image", Kind::Expression, "The image, such as 123456789012.dkr.ecr.eu-central-1.amazonaws.com/api:1");

const CPU: Field = optional(
    "cpu",
    Kind::Choice(&[
        ("256", "A quarter of a processor"),
        ("512", "Half a processor"),
        ("1024", "One processor"),
        ("2048", "Two processors"),
        ("4096", "Four processors"),
        ("8192", "Eight processors"),
        ("16384", "Sixteen processors"),
    ]),
    "Its processors in units of 1/1024; 256 without it",
);

const MEMORY: Field =
    optional("memory", Kind::Number(512, 122_880), "Its memory in MiB; the least for its processors without it");

const COMMAND: Field = optional("command", Kind::List(&Kind::Expression), "The command instead of the image's own");

const ENVIRONMENT: Field = optional(
    "environment",
    Kind::Map(&rule::ENVIRONMENT_VARIABLE, &Kind::Expression),
    "What it finds in its environment; a secret belongs into `secrets`",
);

const SECRETS: Field = optional(
    "secrets",
    Kind::Map(&rule::ENVIRONMENT_VARIABLE, &Kind::Expression),
    "What it finds in its environment by the ARN of a secret or a parameter; `:KEY::` after a secret's ARN takes one key",
);

const SUBNETS: Field = optional(
    "subnets",
    Kind::Choice(&[
        ("private", "Reaches the internet by NAT only"),
        ("public", "Has a public address; nobody reaches it but through its security group"),
    ]),
    "Which subnets it runs in: private or public; private where there are any",
);
