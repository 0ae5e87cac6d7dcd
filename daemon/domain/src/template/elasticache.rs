//! `elasticache`: a cache with its subnet group, security groups and password.

use serde::Deserialize;
use serde_json::{Value, json};

use super::database::{add_password, add_security_groups};
use super::intrinsic::{attribute, reference};
use super::place::{NetworkIds, Place};
use super::{Builder, Problems};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Elasticache {
    engine: Option<String>,
    version: Option<String>,
    node_type: String,
    replicas: Option<u32>,
    snapshot_days: Option<u32>,
    network: Option<NetworkIds>,
    #[serde(default)]
    allow_cidrs: Vec<String>,
    #[serde(default)]
    kms_key_arn: Value,
}

const PORT: u32 = 6379;

pub(super) fn compile(builder: &mut Builder<'_>, cache: &Elasticache) -> Result<(), Problems> {
    let production = builder.production();
    let engine = cache.engine.as_deref().unwrap_or("valkey");
    let version = cache.version.as_deref().unwrap_or(if engine == "redis" { "7.1" } else { "8.0" });
    let replicas = cache.replicas.unwrap_or(production.into());
    let place = Place::of(builder, cache.network.as_ref())?;
    let subnets = place.inner()?;
    let password = add_password(builder);
    add_security_groups(builder, &place, PORT, &cache.allow_cidrs);
    let about = format!("Subnets of {}", builder.request.component);
    builder.add_data(
        "SubnetGroup",
        "AWS::ElastiCache::SubnetGroup",
        json!({ "Description": about, "SubnetIds": subnets }),
    );
    let about = format!("{} of {}", builder.request.component, builder.request.scope.stack);
    builder.add_data(
        "Cache",
        "AWS::ElastiCache::ReplicationGroup",
        json!({
            "ReplicationGroupDescription": about,
            "Engine": engine,
            "EngineVersion": version,
            "CacheNodeType": cache.node_type,
            "NumCacheClusters": replicas + 1,
            "AutomaticFailoverEnabled": replicas > 0,
            "MultiAZEnabled": replicas > 0,
            "Port": PORT,
            "AtRestEncryptionEnabled": true,
            "KmsKeyId": cache.kms_key_arn,
            "TransitEncryptionEnabled": true,
            "AuthToken": password,
            "CacheSubnetGroupName": reference("SubnetGroup"),
            "SecurityGroupIds": [attribute("SecurityGroup", "GroupId")],
            "SnapshotRetentionLimit": cache.snapshot_days.unwrap_or(if production { 7 } else { 0 }),
            "AutoMinorVersionUpgrade": true,
        }),
    )["UpdateReplacePolicy"] = json!("Snapshot");
    builder.output("endpoint", attribute("Cache", "PrimaryEndPoint.Address"));
    builder.output("readerEndpoint", attribute("Cache", "ReaderEndPoint.Address"));
    builder.output("port", attribute("Cache", "PrimaryEndPoint.Port"));
    builder.output("identifier", reference("Cache"));
    Ok(())
}
