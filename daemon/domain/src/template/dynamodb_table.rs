//! `dynamodb-table`: a table, encrypted, with recovery to any second of the last days.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::intrinsic::{attribute, reference};
use super::{Builder, Problems, problem};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DynamodbTable {
    partition_key: Key,
    sort_key: Option<Key>,
    #[serde(default)]
    indexes: Vec<Index>,
    ttl_attribute: Option<String>,
    point_in_time_recovery: Option<bool>,
    stream: Option<String>,
    deletion_protection: Option<bool>,
    capacity: Option<Capacity>,
    #[serde(default)]
    kms_key_arn: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    name: String,
    partition_key: Key,
    sort_key: Option<Key>,
    #[serde(default)]
    projection: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Capacity {
    read: u32,
    write: u32,
}

/// A key as its name alone, or with its type.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Key {
    Name(String),
    Full {
        name: String,
        #[serde(rename = "type")]
        kind: Option<String>,
    },
}

impl Key {
    fn name(&self) -> &str {
        match self {
            Self::Name(name) | Self::Full { name, .. } => name,
        }
    }

    fn letter(&self) -> &'static str {
        match self {
            Self::Full { kind: Some(kind), .. } if kind == "number" => "N",
            Self::Full { kind: Some(kind), .. } if kind == "binary" => "B",
            _ => "S",
        }
    }
}

pub(super) fn compile(builder: &mut Builder<'_>, table: &DynamodbTable) -> Result<(), Problems> {
    let attributes = attributes(table)?;
    let protected = table.deletion_protection.unwrap_or_else(|| builder.production());
    let throughput = throughput(table);
    let billing = if table.capacity.is_some() { "PROVISIONED" } else { "PAY_PER_REQUEST" };
    builder.add_data(
        "Table",
        "AWS::DynamoDB::Table",
        json!({
            "AttributeDefinitions": attributes.iter().map(|(name, letter)| {
                json!({ "AttributeName": name, "AttributeType": letter })
            }).collect::<Value>(),
            "KeySchema": key_schema(&table.partition_key, table.sort_key.as_ref()),
            "BillingMode": billing,
            "ProvisionedThroughput": throughput,
            "GlobalSecondaryIndexes": indexes(table, &throughput),
            "SSESpecification": encryption(&table.kms_key_arn),
            "PointInTimeRecoverySpecification": {
                "PointInTimeRecoveryEnabled": table.point_in_time_recovery.unwrap_or(true),
            },
            "TimeToLiveSpecification": table.ttl_attribute.as_ref().map(|name| {
                json!({ "AttributeName": name, "Enabled": true })
            }),
            "StreamSpecification": table.stream.as_ref().map(|view| {
                json!({ "StreamViewType": view.to_uppercase().replace('-', "_") })
            }),
            "DeletionProtectionEnabled": protected,
        }),
    );
    builder.output("name", reference("Table"));
    builder.output("arn", attribute("Table", "Arn"));
    if table.stream.is_some() {
        builder.output("streamArn", attribute("Table", "StreamArn"));
    }
    Ok(())
}

/// Every attribute that is part of a key, with its type.
fn attributes(table: &DynamodbTable) -> Result<BTreeMap<&str, &'static str>, Problems> {
    let of_indexes = table.indexes.iter().flat_map(|index| [Some(&index.partition_key), index.sort_key.as_ref()]);
    let keys = [Some(&table.partition_key), table.sort_key.as_ref()].into_iter().chain(of_indexes).flatten();
    let mut attributes = BTreeMap::new();
    for key in keys {
        let before = attributes.insert(key.name(), key.letter());
        if before.is_some_and(|before| before != key.letter()) {
            return problem(
                format!("the attribute `{}` has two types", key.name()),
                "an attribute has one type in all keys of a table",
            );
        }
    }
    Ok(attributes)
}

fn key_schema(partition: &Key, sort: Option<&Key>) -> Value {
    let key = |key: &Key, kind: &str| json!({ "AttributeName": key.name(), "KeyType": kind });
    std::iter::once(key(partition, "HASH")).chain(sort.map(|sort| key(sort, "RANGE"))).collect()
}

fn throughput(table: &DynamodbTable) -> Value {
    table.capacity.as_ref().map_or(
        Value::Null,
        |capacity| json!({ "ReadCapacityUnits": capacity.read, "WriteCapacityUnits": capacity.write }),
    )
}

fn indexes(table: &DynamodbTable, throughput: &Value) -> Value {
    if table.indexes.is_empty() {
        return Value::Null;
    }
    let indexes = table.indexes.iter().map(|index| {
        let projection = match index.projection.as_slice() {
            [] => json!({ "ProjectionType": "ALL" }),
            names => json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": names }),
        };
        json!({
            "IndexName": index.name,
            "KeySchema": key_schema(&index.partition_key, index.sort_key.as_ref()),
            "Projection": projection,
            "ProvisionedThroughput": throughput,
        })
    });
    indexes.collect()
}

/// A table is always encrypted; this chooses the key, so that its use shows in CloudTrail.
fn encryption(key: &Value) -> Value {
    match key {
        Value::Null => json!({ "SSEEnabled": true, "SSEType": "KMS" }),
        key => json!({ "SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": key }),
    }
}
