use std::time::Duration;

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, IndexStatus, KeySchemaElement, KeyType, PointInTimeRecoverySpecification,
    PointInTimeRecoveryStatus, Projection, ProjectionType, ScalarAttributeType, TableDescription, TableStatus, Tag,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use deployer_domain::backend::BuiltPart;
use deployer_domain::lock::attribute;
use deployer_domain::object::{PortError, PortResult};

use super::{PURPOSE, part};
use crate::aws::Clients;
use crate::aws::error::port_error;

const INDEX: &str = "TenantIndex";
/// What the index projects never changes with a heartbeat, so that one costs one write and not two.
const PROJECTED: [&str; 2] = ["StackName", "Environment"];
/// A table is made within seconds, an index on an existing one within minutes.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

fn place(table: &str) -> String {
    format!("the lock table {table}")
}

/// Whether there is a table of this name.
pub(super) async fn exists(clients: &Clients, table: &str) -> PortResult<bool> {
    describe(clients, table).await.map(|found| found.is_some())
}

/// Makes the table, unless it was `made` a moment ago, and waits until it can be used; one that is there must be a lock
/// table.
pub(super) async fn ensure(clients: &Clients, table: &str, made: bool) -> PortResult<Vec<BuiltPart>> {
    let mut parts = Vec::new();
    match describe(clients, table).await? {
        None => parts.push(part(format!("DynamoDB table {table}"), create(clients, table).await?)),
        Some(found) => {
            parts.push(part(format!("DynamoDB table {table}"), made));
            check(&found, table)?;
            if !has_index(&found) {
                wait(clients, table).await?;
                add_index(clients, table).await?;
                parts.push(part(format!("index {INDEX} of DynamoDB table {table}"), true));
            }
        }
    }
    wait(clients, table).await?;
    let created = parts[0].created;
    for (changed, what) in [(expiry(clients, table).await?, "TTL"), (backups(clients, table).await?, "backups")] {
        if changed && !created {
            parts.push(part(format!("{what} of DynamoDB table {table}"), true));
        }
    }
    Ok(parts)
}

async fn describe(clients: &Clients, table: &str) -> PortResult<Option<TableDescription>> {
    match clients.tables.describe_table().table_name(table).send().await {
        Ok(answer) => Ok(answer.table),
        Err(error) => match error.as_service_error() {
            Some(DescribeTableError::ResourceNotFoundException(_)) => Ok(None),
            _ => Err(port_error(error, &place(table))),
        },
    }
}

fn invalid(error: BuildError) -> PortError {
    PortError::Invalid(error.to_string())
}

fn text(name: &str) -> PortResult<AttributeDefinition> {
    let builder = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
    builder.build().map_err(invalid)
}

fn hash(name: &str) -> PortResult<KeySchemaElement> {
    KeySchemaElement::builder().attribute_name(name).key_type(KeyType::Hash).build().map_err(invalid)
}

fn projection() -> Projection {
    let builder = Projection::builder().projection_type(ProjectionType::Include);
    builder.set_non_key_attributes(Some(PROJECTED.map(str::to_owned).to_vec())).build()
}

async fn create(clients: &Clients, table: &str) -> PortResult<bool> {
    let index = GlobalSecondaryIndex::builder()
        .index_name(INDEX)
        .key_schema(hash(attribute::TENANT_ID)?)
        .projection(projection())
        .build()
        .map_err(invalid)?;
    let purpose = Tag::builder().key(PURPOSE).value("Deployer Multi-Tenant Locks").build().map_err(invalid)?;
    let create = clients
        .tables
        .create_table()
        .table_name(table)
        .attribute_definitions(text(attribute::LOCK_ID)?)
        .attribute_definitions(text(attribute::TENANT_ID)?)
        .key_schema(hash(attribute::LOCK_ID)?)
        .global_secondary_indexes(index)
        .tags(purpose)
        .billing_mode(BillingMode::PayPerRequest);
    match create.send().await {
        Ok(_) => Ok(true),
        // Somebody else bootstraps at the same moment.
        Err(error) if error.code() == Some("ResourceInUseException") => Ok(false),
        Err(error) => Err(port_error(error, &place(table))),
    }
}

async fn add_index(clients: &Clients, table: &str) -> PortResult<()> {
    let action = CreateGlobalSecondaryIndexAction::builder()
        .index_name(INDEX)
        .key_schema(hash(attribute::TENANT_ID)?)
        .projection(projection())
        .build()
        .map_err(invalid)?;
    let update = clients
        .tables
        .update_table()
        .table_name(table)
        .attribute_definitions(text(attribute::LOCK_ID)?)
        .attribute_definitions(text(attribute::TENANT_ID)?)
        .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(action).build());
    update.send().await.map(drop).map_err(|error| port_error(error, &place(table)))
}

fn check(found: &TableDescription, table: &str) -> PortResult<()> {
    let keys: Vec<&str> = found.key_schema().iter().map(KeySchemaElement::attribute_name).collect();
    let is_text = found.attribute_definitions().iter().any(|definition| {
        definition.attribute_name() == attribute::LOCK_ID && *definition.attribute_type() == ScalarAttributeType::S
    });
    if keys == [attribute::LOCK_ID] && is_text {
        return Ok(());
    }
    Err(PortError::Invalid(format!(
        "the DynamoDB table {table} is not a lock table: its key is {}, not {} (a text); name another with --table",
        keys.join(" and "),
        attribute::LOCK_ID
    )))
}

fn has_index(found: &TableDescription) -> bool {
    found.global_secondary_indexes().iter().any(|index| index.index_name() == Some(INDEX))
}

/// Waits until the table and its index are there to be used.
async fn wait(clients: &Clients, table: &str) -> PortResult<()> {
    let begun = tokio::time::Instant::now();
    loop {
        let ready = describe(clients, table).await?.is_some_and(|found| {
            let active = |index: &aws_sdk_dynamodb::types::GlobalSecondaryIndexDescription| {
                index.index_status().is_none_or(|status| *status == IndexStatus::Active)
            };
            found.table_status() == Some(&TableStatus::Active) && found.global_secondary_indexes().iter().all(active)
        });
        if ready {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            let minutes = PATIENCE.as_secs() / 60;
            return Err(PortError::Unavailable(format!("{} was not ready in {minutes} minutes", place(table))));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn expiry(clients: &Clients, table: &str) -> PortResult<bool> {
    let found = clients.tables.describe_time_to_live().table_name(table).send().await;
    let found = found.map_err(|error| port_error(error, &place(table)))?;
    let status = found.time_to_live_description().and_then(|found| found.time_to_live_status().cloned());
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(false);
    }
    let wanted = TimeToLiveSpecification::builder().attribute_name(attribute::TTL).enabled(true).build();
    let update = clients.tables.update_time_to_live().table_name(table);
    let sent = update.time_to_live_specification(wanted.map_err(invalid)?).send().await;
    sent.map_err(|error| port_error(error, &place(table)))?;
    Ok(true)
}

/// Point-in-time recovery; other makers' servers need not have it.
async fn backups(clients: &Clients, table: &str) -> PortResult<bool> {
    let found = match clients.tables.describe_continuous_backups().table_name(table).send().await {
        Ok(found) => found,
        Err(_) if clients.is_elsewhere() => return Ok(false),
        Err(error) => return Err(port_error(error, &place(table))),
    };
    let recovery = found.continuous_backups_description().and_then(|found| found.point_in_time_recovery_description());
    let status = recovery.and_then(|found| found.point_in_time_recovery_status());
    if status == Some(&PointInTimeRecoveryStatus::Enabled) {
        return Ok(false);
    }
    let wanted = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(true).build();
    let update = clients.tables.update_continuous_backups().table_name(table);
    match update.point_in_time_recovery_specification(wanted.map_err(invalid)?).send().await {
        Ok(_) => Ok(true),
        // A table that was made a moment ago is not ready for it; the next bootstrap is.
        Err(error) if error.code() == Some("ContinuousBackupsUnavailableException") || clients.is_elsewhere() => {
            tracing::warn!(table, error = error.code(), "backups of the lock table are not on yet");
            Ok(false)
        }
        Err(error) => Err(port_error(error, &place(table))),
    }
}
