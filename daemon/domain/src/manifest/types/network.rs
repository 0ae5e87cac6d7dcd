//! Where other things run.

use super::form;
use super::shared::TAGS;
use crate::manifest::table::optional;
use crate::manifest::{ComponentType, Field, Kind, OutputField};
use crate::state::EngineKind;

/// A network.
pub const NETWORK: ComponentType = ComponentType {
    name: "network",
    engine: EngineKind::Cloudformation,
    holds_data: false,
    about: "A VPC with public and private subnets",
    fields: NETWORK_FIELDS,
    outputs: &[
        OutputField { name: "vpcId", about: "The VPC's id" },
        OutputField { name: "cidr", about: "The VPC's block of addresses" },
        OutputField { name: "publicSubnetIds", about: "The ids of the public subnets, with commas between them" },
        OutputField { name: "privateSubnetIds", about: "The ids of the private subnets, with commas between them" },
        OutputField {
            name: "natAddresses",
            about: "The addresses that requests to the internet come from, with commas between them; only with `nat`",
        },
    ],
};

static NETWORK_FIELDS: &[Field] = &[
    optional(
        "cidr",
        Kind::Known(&form::VPC_CIDR),
        "Its block of addresses, from /16 to /22; 10.0.0.0/16 without it, and it cannot be changed",
    ),
    optional("zones", Kind::Number(2, 4), "In how many availability zones; 2 without it"),
    optional(
        "nat",
        Kind::Choice(&[
            ("none", "Private subnets do not reach the internet"),
            ("single", "One NAT gateway: cheaper, and gone with its zone"),
            ("per-zone", "A NAT gateway in each zone"),
        ]),
        "How private subnets reach the internet: none, single or per-zone; single without it, per-zone in production",
    ),
    optional("flowLogs", Kind::Switch, "Whether refused connections are logged; true in production without it"),
    TAGS,
];
