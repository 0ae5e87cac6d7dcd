//! What databases and caches have in common: a password in Secrets Manager, a subnet group, and two security groups, one
//! of the database and one whose members may connect.

use serde_json::{Value, json};

use super::Builder;
use super::intrinsic::{attribute, reference, sub};
use super::place::{Place, from_block, from_group, security_group};

/// A password that nobody has seen; the database reads it from its secret.
pub(super) fn add_password(builder: &mut Builder<'_>) -> Value {
    let about = format!("Password of {}", builder.request.component);
    builder.add_data(
        "Password",
        "AWS::SecretsManager::Secret",
        json!({
            "Description": about,
            "GenerateSecretString": { "PasswordLength": 32, "ExcludePunctuation": true },
        }),
    );
    builder.output("secretArn", reference("Password"));
    sub("{{resolve:secretsmanager:${Password}}}")
}

/// The security groups. They are kept with the data, which could not be there without them.
pub(super) fn add_security_groups(builder: &mut Builder<'_>, place: &Place, port: u32, blocks: &[String]) {
    let about = format!("Clients of {}", builder.request.component);
    builder.add_data("ClientSecurityGroup", "AWS::EC2::SecurityGroup", security_group(&place.vpc, &about, Vec::new()));
    let blocks = blocks.iter().map(|block| from_block(block, port));
    let ingress = std::iter::once(from_group("ClientSecurityGroup", port)).chain(blocks).collect();
    let about = format!("Data of {}", builder.request.component);
    builder.add_data("SecurityGroup", "AWS::EC2::SecurityGroup", security_group(&place.vpc, &about, ingress));
    builder.output("securityGroupId", attribute("SecurityGroup", "GroupId"));
    builder.output("clientSecurityGroupId", attribute("ClientSecurityGroup", "GroupId"));
}
