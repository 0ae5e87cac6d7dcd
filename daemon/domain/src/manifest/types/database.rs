//! Databases and caches.

use super::form;
use super::shared::{ALLOW_CIDRS, KMS_KEY, NETWORK, TAGS};
use crate::manifest::table::{optional, required};
use crate::manifest::{ComponentType, Field, Kind, OutputField};
use crate::state::EngineKind;

/// A database.
pub const RDS: ComponentType = ComponentType {
    name: "rds",
    engine: EngineKind::Cloudformation,
    holds_data: true,
    about: "A database with its subnet group, security group and password in Secrets Manager",
    fields: RDS_FIELDS,
    outputs: &[
        OutputField { name: "endpoint", about: "The host's name" },
        OutputField { name: "port", about: "The port" },
        OutputField { name: "databaseName", about: "The first database's name" },
        OutputField { name: "username", about: "The master user's name" },
        OutputField {
            name: "secretArn",
            about: "The ARN of the secret that holds the master user's password, as plain text",
        },
        OutputField { name: "identifier", about: "The instance's identifier" },
        OutputField { name: "arn", about: "The instance's ARN" },
        SECURITY_GROUP,
        CLIENT_SECURITY_GROUP,
    ],
};

const SECURITY_GROUP: OutputField = OutputField { name: "securityGroupId", about: "The id of its security group" };

const CLIENT_SECURITY_GROUP: OutputField =
    OutputField { name: "clientSecurityGroupId", about: "The id of the security group whose members may connect" };

static RDS_FIELDS: &[Field] = &[
    required(
        "engine",
        Kind::Choice(&[("postgres", "PostgreSQL"), ("mysql", "MySQL"), ("mariadb", "MariaDB")]),
        "What it is: postgres, mysql or mariadb",
    ),
    required(
        "version",
        Kind::Known(&form::VERSION),
        "The engine's version, such as \"16\"; minor ones are kept up to date",
    ),
    required("instanceClass", Kind::Known(&form::INSTANCE_CLASS), "The instance's class, such as db.t4g.small"),
    required("storageGb", Kind::Number(20, 65_536), "Its storage in GiB"),
    optional(
        "maxStorageGb",
        Kind::Number(22, 65_536),
        "Up to how many GiB the storage grows by itself; it does not without it",
    ),
    optional("multiZone", Kind::Switch, "Whether a standby in another zone takes over; true in production without it"),
    optional("databaseName", Kind::Known(&form::DATABASE_NAME), "The first database's name; app without it"),
    optional("username", Kind::Known(&form::DATABASE_NAME), "The master user's name; dbadmin without it"),
    optional("backupDays", Kind::Number(1, 35), "How many days backups are kept; 7 without it, 14 in production"),
    optional("deletionProtection", Kind::Switch, "Whether it refuses to be deleted; true in production without it"),
    optional("parameters", Kind::Map(&form::DATABASE_PARAMETER, &Kind::Expression), "Parameters of the engine"),
    optional("requireTls", Kind::Switch, "Whether connections must be encrypted; true without it"),
    optional("insights", Kind::Switch, "Whether Performance Insights records what it does; false without it"),
    optional(
        "applyImmediately",
        Kind::Switch,
        "Whether changes wait for no maintenance window; true outside production without it",
    ),
    NETWORK,
    ALLOW_CIDRS,
    KMS_KEY,
    TAGS,
];

/// A cache.
pub const ELASTICACHE: ComponentType = ComponentType {
    name: "elasticache",
    engine: EngineKind::Cloudformation,
    holds_data: true,
    about: "A cache with its subnet group, security group and password in Secrets Manager",
    fields: ELASTICACHE_FIELDS,
    outputs: &[
        OutputField { name: "endpoint", about: "The host's name" },
        OutputField { name: "readerEndpoint", about: "The host's name for reading only" },
        OutputField { name: "port", about: "The port; connections are TLS" },
        OutputField { name: "secretArn", about: "The ARN of the secret that holds the password, as plain text" },
        OutputField { name: "identifier", about: "The replication group's identifier" },
        SECURITY_GROUP,
        CLIENT_SECURITY_GROUP,
    ],
};

static ELASTICACHE_FIELDS: &[Field] = &[
    optional(
        "engine",
        Kind::Choice(&[("valkey", "Valkey"), ("redis", "Redis OSS")]),
        "What it is: valkey or redis; valkey without it",
    ),
    optional(
        "version",
        Kind::Known(&form::VERSION),
        "The engine's version; \"8.0\" for valkey and \"7.1\" for redis without it",
    ),
    required("nodeType", Kind::Known(&form::NODE_TYPE), "The nodes' type, such as cache.t4g.small"),
    optional(
        "replicas",
        Kind::Number(0, 5),
        "How many copies stand by in other zones; 1 in production and 0 elsewhere without it",
    ),
    optional(
        "snapshotDays",
        Kind::Number(0, 35),
        "How many days snapshots are kept; 7 in production and 0 elsewhere without it",
    ),
    NETWORK,
    ALLOW_CIDRS,
    KMS_KEY,
    TAGS,
];
