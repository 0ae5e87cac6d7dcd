//! `network`: a VPC with public and private subnets.

use serde::Deserialize;
use serde_json::{Value, json};

use super::intrinsic::{attribute, join, local_service, reference, sub};
use super::statement::{allow, local_arn, policy, taken_here_by};
use super::{Builder, Problems};
use crate::manifest::cidr;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Network {
    cidr: Option<String>,
    zones: Option<u32>,
    nat: Option<Nat>,
    flow_logs: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Nat {
    None,
    Single,
    PerZone,
}

pub(super) fn compile(builder: &mut Builder<'_>, network: &Network) -> Result<(), Problems> {
    let block = network.cidr.as_deref().unwrap_or("10.0.0.0/16");
    let zones = network.zones.unwrap_or(2);
    let nat = network.nat.unwrap_or(if builder.production() { Nat::PerZone } else { Nat::Single });
    builder.add_tagged(
        "Vpc",
        "AWS::EC2::VPC",
        json!({ "CidrBlock": block, "EnableDnsHostnames": true, "EnableDnsSupport": true }),
    );
    builder.add_tagged("InternetGateway", "AWS::EC2::InternetGateway", json!({}));
    builder.add(
        "GatewayAttachment",
        "AWS::EC2::VPCGatewayAttachment",
        json!({ "VpcId": reference("Vpc"), "InternetGatewayId": reference("InternetGateway") }),
    );
    public_subnets(builder, block, zones);
    gateways(builder, nat, zones);
    private_subnets(builder, block, zones, nat);
    storage_endpoints(builder, zones);
    if network.flow_logs.unwrap_or(builder.production()) {
        flow_logs(builder);
    }
    let ids = |kind: &str| join(",", (1..=zones).map(|zone| reference(&format!("{kind}Subnet{zone}"))).collect());
    builder.output("vpcId", reference("Vpc"));
    builder.output("cidr", json!(block));
    builder.output("publicSubnetIds", ids("Public"));
    builder.output("privateSubnetIds", ids("Private"));
    if nat != Nat::None {
        let addresses = (1..=count(nat, zones)).map(|zone| reference(&format!("NatAddress{zone}"))).collect();
        builder.output("natAddresses", join(",", addresses));
    }
    Ok(())
}

/// How many NAT gateways there are.
fn count(nat: Nat, zones: u32) -> u32 {
    match nat {
        Nat::None => 0,
        Nat::Single => 1,
        Nat::PerZone => zones,
    }
}

/// One of the sixteen equal parts of a block: 0 to 7 are public, 8 to 15 private, so that a zone more moves none.
fn part(block: &str, at: u32) -> String {
    let (address, prefix) = cidr(block).unwrap_or((0x0a00_0000, 16));
    let address = std::net::Ipv4Addr::from(address + (at << (28 - prefix)));
    format!("{address}/{}", prefix + 4)
}

fn subnet(builder: &mut Builder<'_>, kind: &str, zone: u32, block: String) {
    let name = format!("{kind}Subnet{zone}");
    builder.add_tagged(
        &name,
        "AWS::EC2::Subnet",
        json!({
            "VpcId": reference("Vpc"),
            "CidrBlock": block,
            "AvailabilityZone": { "Fn::Select": [zone - 1, { "Fn::GetAZs": "" }] },
            // What needs a public address asks for one itself.
            "MapPublicIpOnLaunch": false,
        }),
    );
}

fn associate(builder: &mut Builder<'_>, subnet: &str, table: &str) {
    builder.add(
        &format!("{subnet}Routes"),
        "AWS::EC2::SubnetRouteTableAssociation",
        json!({ "SubnetId": reference(subnet), "RouteTableId": reference(table) }),
    );
}

fn public_subnets(builder: &mut Builder<'_>, block: &str, zones: u32) {
    builder.add_tagged("PublicRoutes", "AWS::EC2::RouteTable", json!({ "VpcId": reference("Vpc") }));
    let route = builder.add(
        "PublicRoute",
        "AWS::EC2::Route",
        json!({
            "RouteTableId": reference("PublicRoutes"),
            "DestinationCidrBlock": "0.0.0.0/0",
            "GatewayId": reference("InternetGateway"),
        }),
    );
    route["DependsOn"] = json!("GatewayAttachment");
    for zone in 1..=zones {
        subnet(builder, "Public", zone, part(block, zone - 1));
        associate(builder, &format!("PublicSubnet{zone}"), "PublicRoutes");
    }
}

fn gateways(builder: &mut Builder<'_>, nat: Nat, zones: u32) {
    for zone in 1..=count(nat, zones) {
        let address = format!("NatAddress{zone}");
        builder.add_tagged(&address, "AWS::EC2::EIP", json!({ "Domain": "vpc" }))["DependsOn"] =
            json!("GatewayAttachment");
        builder.add_tagged(
            &format!("NatGateway{zone}"),
            "AWS::EC2::NatGateway",
            json!({
                "AllocationId": attribute(&address, "AllocationId"),
                "SubnetId": reference(&format!("PublicSubnet{zone}")),
            }),
        );
    }
}

fn private_subnets(builder: &mut Builder<'_>, block: &str, zones: u32, nat: Nat) {
    for zone in 1..=zones {
        let table = format!("PrivateRoutes{zone}");
        builder.add_tagged(&table, "AWS::EC2::RouteTable", json!({ "VpcId": reference("Vpc") }));
        subnet(builder, "Private", zone, part(block, 7 + zone));
        associate(builder, &format!("PrivateSubnet{zone}"), &table);
        if nat != Nat::None {
            let gateway = if nat == Nat::Single { 1 } else { zone };
            builder.add(
                &format!("PrivateRoute{zone}"),
                "AWS::EC2::Route",
                json!({
                    "RouteTableId": reference(&table),
                    "DestinationCidrBlock": "0.0.0.0/0",
                    "NatGatewayId": reference(&format!("NatGateway{gateway}")),
                }),
            );
        }
    }
}

/// Ways to S3 and DynamoDB that cost nothing and need no NAT.
fn storage_endpoints(builder: &mut Builder<'_>, zones: u32) {
    let private = (1..=zones).map(|zone| reference(&format!("PrivateRoutes{zone}")));
    let tables: Value = std::iter::once(reference("PublicRoutes")).chain(private).collect();
    for (name, service) in [("S3Endpoint", "s3"), ("DynamodbEndpoint", "dynamodb")] {
        builder.add(
            name,
            "AWS::EC2::VPCEndpoint",
            json!({
                "VpcEndpointType": "Gateway",
                "VpcId": reference("Vpc"),
                "ServiceName": local_service(service),
                "RouteTableIds": tables,
            }),
        );
    }
}

fn flow_logs(builder: &mut Builder<'_>) {
    builder.add_tagged("FlowLogGroup", "AWS::Logs::LogGroup", json!({ "RetentionInDays": 30 }));
    let write = allow(&["logs:CreateLogStream", "logs:PutLogEvents"], attribute("FlowLogGroup", "Arn"));
    let look = allow(&["logs:DescribeLogGroups", "logs:DescribeLogStreams"], local_arn("logs", "log-group:*"));
    builder.add_tagged(
        "FlowLogRole",
        "AWS::IAM::Role",
        json!({
            "AssumeRolePolicyDocument": taken_here_by("vpc-flow-logs.amazonaws.com"),
            "Policies": [{ "PolicyName": "write-logs", "PolicyDocument": policy(vec![write, look]) }],
        }),
    );
    builder.add_tagged(
        "FlowLog",
        "AWS::EC2::FlowLog",
        json!({
            "ResourceType": "VPC",
            "ResourceId": reference("Vpc"),
            // What was let through is too much to be read by anybody.
            "TrafficType": "REJECT",
            "LogDestinationType": "cloud-watch-logs",
            "LogDestination": sub("${FlowLogGroup.Arn}"),
            "DeliverLogsPermissionArn": attribute("FlowLogRole", "Arn"),
        }),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_are_equal_parts_of_the_block() {
        assert_eq!(part("10.0.0.0/16", 0), "10.0.0.0/20");
        assert_eq!(part("10.0.0.0/16", 8), "10.0.128.0/20");
        assert_eq!(part("192.168.4.0/22", 15), "192.168.7.192/26");
    }
}
