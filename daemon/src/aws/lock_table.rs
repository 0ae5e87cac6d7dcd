use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, KeysAndAttributes, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
    Update,
};
use deployer_domain::key::LockKey;
use deployer_domain::lock::{LockItem, LockTable, LockWrite, UnlockAudit, Written, attribute};
use deployer_domain::name::TenantId;
use deployer_domain::object::{PortError, PortResult};
use jiff::Timestamp;

use super::Clients;
use super::error::port_error;
use super::lock_expression::{Expression, from_aws, to_aws};

/// The index by tenant.
const TENANT_INDEX: &str = "TenantIndex";
/// Codes that mean that a transaction was at work on the item at the same moment.
const BUSY: [&str; 3] = ["TransactionConflictException", "TransactionInProgressException", "TransactionConflict"];
/// DynamoDB's limit for one `BatchGetItem`.
const BATCH: usize = 100;
const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

type Item = HashMap<String, AttributeValue>;

/// The table of locks in DynamoDB.
#[derive(Debug, Clone)]
pub struct DynamoLocks {
    clients: Clients,
    client: Client,
    table: String,
}

impl DynamoLocks {
    /// The table of this name.
    pub fn new(clients: Clients, table: impl Into<String>) -> Self {
        Self { client: clients.dynamodb.clone(), clients, table: table.into() }
    }

    fn failure<E>(&self, error: SdkError<E, HttpResponse>) -> PortError
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let place = format!("the table {}", self.table);
        match error.as_service_error().and_then(ProvideErrorMetadata::code) {
            Some(code) if BUSY.contains(&code) => PortError::Throttled(format!("{place} is busy with a transaction")),
            _ => port_error(error, &place),
        }
    }

    async fn item(&self, lock_id: &str) -> PortResult<Option<Item>> {
        let key = AttributeValue::S(lock_id.to_owned());
        let get = self.client.get_item().table_name(&self.table).key(attribute::LOCK_ID, key).consistent_read(true);
        Ok(get.send().await.map_err(|error| self.failure(error))?.item)
    }

    /// Asks the index which items a tenant has.
    async fn keys(&self, tenant: &TenantId) -> PortResult<Vec<LockKey>> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(TENANT_INDEX)
            .key_condition_expression("#t = :t")
            .projection_expression("#l")
            .expression_attribute_names("#t", attribute::TENANT_ID)
            .expression_attribute_names("#l", attribute::LOCK_ID)
            .expression_attribute_values(":t", AttributeValue::S(tenant.to_string()))
            .into_paginator()
            .items()
            .send();
        let mut keys: Vec<LockKey> = Vec::new();
        while let Some(item) = pages.next().await {
            let item = item.map_err(|error| self.failure(error))?;
            // What has no valid key is no lock of ours; what names another tenant is not this one's.
            keys.extend(key_of(&item).filter(|key| key.tenant == *tenant));
        }
        keys.sort();
        Ok(keys)
    }

    async fn batch(&self, keys: &[LockKey]) -> PortResult<Vec<LockItem>> {
        let mut items = Vec::new();
        let mut wanted: Vec<Item> = keys
            .iter()
            .map(|key| Item::from([(attribute::LOCK_ID.to_owned(), AttributeValue::S(key.to_string()))]))
            .collect();
        while !wanted.is_empty() {
            let asked = KeysAndAttributes::builder().set_keys(Some(wanted)).consistent_read(true).build();
            let asked = asked.map_err(|error| PortError::Invalid(error.to_string()))?;
            let answer = self.client.batch_get_item().request_items(&self.table, asked).send().await;
            let mut answer = answer.map_err(|error| self.failure(error))?;
            let found = answer.responses.as_mut().and_then(|tables| tables.remove(&self.table)).unwrap_or_default();
            items.extend(found.into_iter().filter_map(|item| Some(read(key_of(&item)?, item))));
            let left = answer.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&self.table));
            wanted = left.map(|left| left.keys).unwrap_or_default();
        }
        Ok(items)
    }

    /// Explains why a forced release was refused: its own audit item there means that it had happened.
    async fn cancelled(
        &self,
        write: &LockWrite,
        audit: &UnlockAudit,
        reasons: &[CancellationReason],
    ) -> PortResult<Written> {
        if self.item(&audit.lock_id()).await?.is_some() {
            return Ok(Written::Applied);
        }
        let code = |index: usize| reasons.get(index).and_then(CancellationReason::code).unwrap_or("None");
        if code(0) == "ConditionalCheckFailed" {
            let old = reasons.first().and_then(CancellationReason::item).filter(|item| !item.is_empty());
            return Ok(Written::Refused(old.map(|item| read(write.key.clone(), item.clone()))));
        }
        let codes = format!("the transaction was cancelled: {}, {}", code(0), code(1));
        match [code(0), code(1)].contains(&"ValidationError") {
            true => Err(PortError::Invalid(codes)),
            false => Err(PortError::Throttled(codes)),
        }
    }
}

#[async_trait]
impl LockTable for DynamoLocks {
    async fn read(&self, key: &LockKey) -> PortResult<Option<LockItem>> {
        Ok(self.item(&key.to_string()).await?.map(|item| read(key.clone(), item)))
    }

    async fn read_many(&self, keys: &[LockKey]) -> PortResult<Vec<LockItem>> {
        let mut items = Vec::new();
        for keys in keys.chunks(BATCH) {
            items.extend(self.batch(keys).await?);
        }
        items.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(items)
    }

    async fn write(&self, write: &LockWrite) -> PortResult<Written> {
        let expression = Expression::of(write);
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(attribute::LOCK_ID, AttributeValue::S(write.key.to_string()))
            .condition_expression(expression.condition)
            .update_expression(expression.update)
            .set_expression_attribute_names(Some(expression.names))
            .set_expression_attribute_values(Some(expression.values))
            .return_values_on_condition_check_failure(ALL_OLD);
        let error = match update.send().await {
            Ok(_) => return Ok(Written::Applied),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                let old = refused.item().filter(|item| !item.is_empty());
                Ok(Written::Refused(old.map(|item| read(write.key.clone(), item.clone()))))
            }
            _ => Err(self.failure(error)),
        }
    }

    async fn force_release(&self, write: &LockWrite, audit: &UnlockAudit) -> PortResult<Written> {
        let expression = Expression::of(write);
        let update = Update::builder()
            .table_name(&self.table)
            .key(attribute::LOCK_ID, AttributeValue::S(write.key.to_string()))
            .condition_expression(expression.condition)
            .update_expression(expression.update)
            .set_expression_attribute_names(Some(expression.names))
            .set_expression_attribute_values(Some(expression.values))
            .return_values_on_condition_check_failure(ALL_OLD)
            .build();
        let mut put = Put::builder()
            .table_name(&self.table)
            .item(attribute::LOCK_ID, AttributeValue::S(audit.lock_id()))
            .condition_expression("attribute_not_exists(#LockID)")
            .expression_attribute_names("#LockID", attribute::LOCK_ID);
        for (name, value) in &audit.attributes {
            put = put.item(name, to_aws(value));
        }
        let invalid = |error: BuildError| PortError::Invalid(error.to_string());
        let transaction = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().update(update.map_err(invalid)?).build())
            .transact_items(TransactWriteItem::builder().put(put.build().map_err(invalid)?).build());
        let error = match transaction.send().await {
            Ok(_) => return Ok(Written::Applied),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(refused)) => {
                self.cancelled(write, audit, refused.cancellation_reasons()).await
            }
            _ => Err(self.failure(error)),
        }
    }

    async fn list(&self, tenant: &TenantId) -> PortResult<Vec<LockItem>> {
        let keys = self.keys(tenant).await?;
        self.read_many(&keys).await
    }

    async fn apart(&self) -> PortResult<Arc<dyn LockTable>> {
        Ok(Arc::new(Self { client: self.clients.separate_dynamodb().await?, ..self.clone() }))
    }

    async fn rights_end(&self, at_least: Duration) -> PortResult<Option<Timestamp>> {
        self.clients.credentials_end_after(at_least).await
    }

    fn server_now(&self) -> Timestamp {
        self.clients.clock.now()
    }
}

fn read(key: LockKey, item: Item) -> LockItem {
    let attributes = item.into_iter().filter_map(|(name, value)| Some((name, from_aws(value)?)));
    LockItem::new(key, attributes.collect())
}

fn key_of(item: &Item) -> Option<LockKey> {
    item.get(attribute::LOCK_ID)?.as_s().ok()?.parse().ok()
}
