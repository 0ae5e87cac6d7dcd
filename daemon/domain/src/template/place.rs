//! Where something runs: its network, and who may reach it there.

use serde::Deserialize;
use serde_json::{Value, json};

use super::intrinsic::attribute;
use super::{Builder, Problems, problem};

/// The ids of a network, each a text, a list, or a reference to a parameter.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NetworkIds {
    vpc_id: Value,
    public_subnet_ids: Value,
    private_subnet_ids: Value,
}

/// The network of a component.
#[derive(Debug)]
pub(super) struct Place {
    pub vpc: Value,
    public: Value,
    private: Value,
}

impl Place {
    /// The component's own network, else the environment's.
    pub fn of(builder: &Builder<'_>, own: Option<&NetworkIds>) -> Result<Self, Problems> {
        if let Some(ids) = own {
            let (public, private) = (ids.public_subnet_ids.clone(), ids.private_subnet_ids.clone());
            return Ok(Self { vpc: ids.vpc_id.clone(), public, private });
        }
        match &builder.request.scope.network {
            Some(network) => Ok(Self {
                vpc: json!(network.vpc_id),
                public: json!(network.public_subnet_ids),
                private: json!(network.private_subnet_ids),
            }),
            None => problem(
                format!("the environment `{}` has no network to run in", builder.request.scope.environment),
                "give the environment a `network:`, or add a component of type network and write \
                 `network: service.component` here",
            ),
        }
    }

    /// The subnets that face the internet.
    pub fn public(&self) -> Result<Value, Problems> {
        some(&self.public).ok_or_else(|| missing("public", "publicSubnetIds"))
    }

    /// The subnets that do not, else those that do.
    pub fn inner(&self) -> Result<Value, Problems> {
        some(&self.private).or_else(|| some(&self.public)).ok_or_else(|| missing("private", "privateSubnetIds"))
    }

    /// The subnets for something that wants these, and whether they are public.
    pub fn chosen(&self, wanted: Option<&str>) -> Result<(Value, bool), Problems> {
        match wanted {
            Some("public") => Ok((self.public()?, true)),
            Some(_) => {
                some(&self.private).ok_or_else(|| missing("private", "privateSubnetIds")).map(|ids| (ids, false))
            }
            None => Ok((self.inner()?, some(&self.private).is_none())),
        }
    }
}

fn some(ids: &Value) -> Option<Value> {
    let none = ids.is_null() || ids.as_array().is_some_and(Vec::is_empty);
    (!none).then(|| ids.clone())
}

fn missing(kind: &str, field: &str) -> Problems {
    vec![(format!("its network has no {kind} subnets"), Some(format!("give the network `{field}`")))]
}

/// Lets whoever is in a security group connect.
pub(super) fn from_group(group: &str, port: u32) -> Value {
    json!({ "IpProtocol": "tcp", "FromPort": port, "ToPort": port, "SourceSecurityGroupId": attribute(group, "GroupId") })
}

/// Lets a block of addresses connect.
pub(super) fn from_block(block: &str, port: u32) -> Value {
    json!({ "IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": block })
}

/// A security group that may connect to everywhere, and which only these may connect to.
pub(super) fn security_group(vpc: &Value, about: &str, ingress: Vec<Value>) -> Value {
    json!({
        "GroupDescription": about,
        "VpcId": vpc,
        "SecurityGroupIngress": (!ingress.is_empty()).then_some(ingress),
        "SecurityGroupEgress": [{ "IpProtocol": "-1", "CidrIp": "0.0.0.0/0" }],
    })
}
