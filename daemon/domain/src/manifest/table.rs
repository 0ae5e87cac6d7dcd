//! The table of the stack file: every field and every component type, for the reader and for the schema.

use super::field::{Field, Kind, OutputField};
use super::rule;
use super::types::{compute, database, messaging, network, storage};
use crate::state::EngineKind;

/// A type that a component may have.
#[derive(Debug)]
pub struct ComponentType {
    /// Its name in the file.
    pub name: &'static str,
    /// The engine that makes it.
    pub engine: EngineKind,
    /// Whether data lives in it, so that `destroy` keeps it by default.
    pub holds_data: bool,
    /// What it creates.
    pub about: &'static str,
    /// The fields it has besides those that every component has.
    pub fields: &'static [Field],
    /// The outputs it has, where its type says them.
    pub outputs: &'static [OutputField],
}

/// The type of a name.
pub fn component_type(name: &str) -> Option<&'static ComponentType> {
    COMPONENT_TYPES.iter().find(|known| known.name == name)
}

/// Every type that is known.
pub static COMPONENT_TYPES: &[ComponentType] = &[
    ComponentType {
        name: "command",
        engine: EngineKind::Command,
        holds_data: false,
        about: "Whatever its commands do: any tool, any cloud, also no cloud",
        fields: COMMAND_FIELDS,
        outputs: &[],
    },
    ComponentType {
        name: "cloudformation",
        engine: EngineKind::Cloudformation,
        holds_data: false,
        about: "The team's own CloudFormation template",
        fields: CLOUDFORMATION_FIELDS,
        outputs: &[],
    },
    storage::S3_BUCKET,
    messaging::SQS_QUEUE,
    compute::LAMBDA,
    compute::ECS_SERVICE,
    database::RDS,
    database::ELASTICACHE,
    compute::SCHEDULED_TASK,
    messaging::SNS_TOPIC,
    storage::DYNAMODB_TABLE,
    network::NETWORK,
    ComponentType {
        name: "terraform",
        engine: EngineKind::Terraform,
        holds_data: false,
        about: "The team's own Terraform or OpenTofu module; its outputs are the component's",
        fields: TERRAFORM_FIELDS,
        outputs: &[],
    },
];

pub(crate) const fn required(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, required: true, about }
}

pub(crate) const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, required: false, about }
}

/// The fields of `stack.yaml`.
pub static STACK_FIELDS: &[Field] = &[
    required(
        "apiVersion",
        Kind::OneOf(&[("deployer/v1", "The format of this file")]),
        "Write `apiVersion: deployer/v1`",
    ),
    required("kind", Kind::OneOf(&[("Stack", "This file describes a stack")]), "Write `kind: Stack`"),
    required("name", Kind::Checked(&rule::STACK_NAME), "The stack's name: lower-case letters, digits and hyphens"),
    optional("description", Kind::Text, "What the stack is for"),
    optional("variables", Kind::Map(&rule::VARIABLE_NAME, &VARIABLE), "Values that differ: ${var.NAME} stands for one"),
    required(
        "environments",
        Kind::Map(&rule::ENVIRONMENT_NAME, &ENVIRONMENT),
        "Where the stack runs, such as `development: {}`",
    ),
    optional(
        "services",
        Kind::Map(&rule::SERVICE_NAME, &SERVICE),
        "The services; each may also be a file services/<name>.yaml",
    ),
];

static VARIABLE: Kind = Kind::Object(&[
    optional("description", Kind::Text, "What the variable is for"),
    optional("default", Kind::Literal, "Its value where nothing else gives one; without it a value must be given"),
    optional("sensitive", Kind::Boolean, "Whether its value is kept out of plans, events, logs and state"),
]);

static ENVIRONMENT: Kind = Kind::Object(&[
    optional("variables", Kind::Map(&rule::VARIABLE_NAME, &Kind::Literal), "Values of variables in this environment"),
    optional("region", Kind::Checked(&rule::REGION), "The region, such as eu-central-1"),
    optional("network", Kind::Object(NETWORK_FIELDS), "The existing network that it runs in"),
    optional("roleArn", Kind::Checked(&rule::ROLE_ARN), "The role that engines assume"),
    optional("accountId", Kind::Checked(&rule::ACCOUNT_ID), "The account that must be reached; another one is refused"),
]);

static NETWORK_FIELDS: &[Field] = &[
    required("vpcId", Kind::Text, "The id of the VPC"),
    optional("publicSubnetIds", Kind::List(&Kind::Text), "The ids of public subnets"),
    optional("privateSubnetIds", Kind::List(&Kind::Text), "The ids of private subnets"),
];

/// A service, as under `services:` and as the content of `services/<name>.yaml`.
pub static SERVICE: Kind = Kind::Object(SERVICE_FIELDS);

/// The fields of a service.
pub static SERVICE_FIELDS: &[Field] = &[
    optional("description", Kind::Text, "What the service is for"),
    required(
        "components",
        Kind::Map(&rule::COMPONENT_NAME, &Kind::Component),
        "The parts that the service consists of",
    ),
];

/// The fields that every component has.
pub static COMMON_FIELDS: &[Field] = &[
    required("type", Kind::Text, "What the component is, such as `command`"),
    optional("description", Kind::Text, "What the component is for"),
    optional(
        "dependsOn",
        Kind::List(&Kind::Checked(&rule::COMPONENT_ID)),
        "Components that must be there first, as service.component; a reference to an output is enough as well",
    ),
    optional(
        "onDestroy",
        Kind::OneOf(&[
            ("retain", "`destroy` keeps it unless --delete-data is given"),
            ("delete", "`destroy` deletes it"),
        ]),
        "What `destroy` does to it: retain or delete",
    ),
];

static COMMAND_FIELDS: &[Field] = &[
    required(
        "apply",
        Kind::Shell,
        "The shell text that makes it so; it runs again whenever something that goes into it changed, and may write outputs to the file $DEPLOYER_OUTPUTS, as a JSON object of texts",
    ),
    optional("destroy", Kind::Shell, "The shell text that takes it away again"),
    optional("check", Kind::Shell, "The shell text that exits with 0 when all is well"),
    optional(
        "environment",
        Kind::Map(&rule::ENVIRONMENT_VARIABLE, &Kind::Expression),
        "What the commands find in their environment; expressions such as ${var.NAME} are expanded here, and only here",
    ),
    optional(
        "inputs",
        Kind::List(&Kind::Checked(&rule::GLOB)),
        "The files that the commands use, as globs relative to the stack's directory; a change of one is a change of the component",
    ),
    optional("timeout", Kind::Duration, "How long one command may take, such as 10m; without it there is no limit"),
];

static CLOUDFORMATION_FIELDS: &[Field] = &[
    required("template", Kind::Checked(&rule::FILE), "The template's file, relative to the stack's directory"),
    optional(
        "parameters",
        Kind::Map(&rule::TEMPLATE_PARAMETER, &Kind::Expression),
        "The values of the template's parameters; expressions such as ${service.component.output} are expanded",
    ),
];

static TERRAFORM_FIELDS: &[Field] = &[
    required(
        "source",
        Kind::Checked(&rule::FILE),
        "The module's directory, relative to the stack's directory; local modules that it calls are part of it",
    ),
    optional(
        "variables",
        Kind::Map(&rule::VARIABLE_NAME, &Kind::Expression),
        "The values of the module's variables; expressions such as ${service.component.output} are expanded, and a list or a map is written as JSON",
    ),
];
