use std::sync::Arc;

use async_trait::async_trait;
use deployer_domain::key::LockKey;
use deployer_domain::lock::{Attribute, Attributes, LockItem, LockTable, LockWrite, UnlockAudit, Written};
use deployer_domain::name::TenantId;
use deployer_domain::object::{PortError, PortResult};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::{Map, Number, Value};

use super::{Database, Failure};

/// One row an item: its attributes as JSON, so that any SQLite shell can read them. Audit items have no tenant, so
/// that no listing shows them.
pub(super) const TABLE: &str = "
    CREATE TABLE locks (
        lock_id TEXT NOT NULL PRIMARY KEY,
        tenant_id TEXT,
        item TEXT NOT NULL CHECK (json_valid(item))
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX locks_by_tenant ON locks (tenant_id) WHERE tenant_id IS NOT NULL;
";

/// The table of locks in the file. Its server is this machine.
#[derive(Debug, Clone)]
pub struct EmbeddedLocks {
    database: Arc<Database>,
}

impl EmbeddedLocks {
    /// The table in an open file.
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl LockTable for EmbeddedLocks {
    async fn read(&self, key: &LockKey) -> PortResult<Option<LockItem>> {
        let key = key.clone();
        self.database.read(move |transaction| load(transaction, &key)).await
    }

    async fn read_many(&self, keys: &[LockKey]) -> PortResult<Vec<LockItem>> {
        let keys = keys.to_vec();
        let work = move |transaction: &Transaction<'_>| {
            let found: Result<Vec<_>, Failure> = keys.iter().map(|key| load(transaction, key)).collect();
            Ok(found?.into_iter().flatten().collect())
        };
        self.database.read(work).await
    }

    async fn write(&self, write: &LockWrite) -> PortResult<Written> {
        let write = write.clone();
        self.database.write_first(move |transaction| change(transaction, &write)).await
    }

    async fn force_release(&self, write: &LockWrite, audit: &UnlockAudit) -> PortResult<Written> {
        let (write, audit) = (write.clone(), audit.clone());
        self.database
            .write_first(move |transaction| {
                if attributes(transaction, &audit.lock_id())?.is_some() {
                    return Ok(Written::Applied);
                }
                let written = change(transaction, &write)?;
                if written == Written::Applied {
                    store(transaction, &audit.lock_id(), None, &audit.attributes)?;
                }
                Ok(written)
            })
            .await
    }

    async fn list(&self, tenant: &TenantId) -> PortResult<Vec<LockItem>> {
        let tenant = tenant.clone();
        self.database.read(move |transaction| all(transaction, &tenant)).await
    }

    async fn apart(&self) -> PortResult<Arc<dyn LockTable>> {
        Ok(Arc::new(Self { database: self.database.apart().await? }))
    }

    fn server_now(&self) -> Timestamp {
        Timestamp::now()
    }
}

fn change(transaction: &Transaction<'_>, write: &LockWrite) -> Result<Written, Failure> {
    let item = load(transaction, &write.key)?;
    if !write.condition.holds(item.as_ref()) {
        return Ok(Written::Refused(item));
    }
    let changed = write.apply(item.as_ref());
    store(transaction, &write.key.to_string(), Some(&write.key.tenant), changed.attributes())?;
    Ok(Written::Applied)
}

fn load(transaction: &Transaction<'_>, key: &LockKey) -> Result<Option<LockItem>, Failure> {
    Ok(attributes(transaction, &key.to_string())?.map(|attributes| LockItem::new(key.clone(), attributes)))
}

fn attributes(transaction: &Transaction<'_>, lock_id: &str) -> Result<Option<Attributes>, Failure> {
    let mut query = transaction.prepare_cached("SELECT item FROM locks WHERE lock_id = ?1")?;
    let text: Option<String> = query.query_row([lock_id], |row| row.get(0)).optional()?;
    text.map(|text| from_json(&text)).transpose()
}

fn all(transaction: &Transaction<'_>, tenant: &TenantId) -> Result<Vec<LockItem>, Failure> {
    let mut query =
        transaction.prepare_cached("SELECT lock_id, item FROM locks WHERE tenant_id = ?1 ORDER BY lock_id")?;
    let rows = query.query_map([tenant.as_str()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut items = Vec::new();
    for row in rows {
        let (lock_id, item) = row?;
        // A row that no name of ours could have made is not a lock of ours.
        if let Ok(key) = lock_id.parse() {
            items.push(LockItem::new(key, from_json(&item)?));
        }
    }
    items.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(items)
}

fn store(
    transaction: &Transaction<'_>,
    lock_id: &str,
    tenant: Option<&TenantId>,
    attributes: &Attributes,
) -> Result<(), Failure> {
    let mut query = transaction.prepare_cached(
        "INSERT INTO locks (lock_id, tenant_id, item) VALUES (?1, ?2, ?3)
         ON CONFLICT (lock_id) DO UPDATE SET tenant_id = excluded.tenant_id, item = excluded.item",
    )?;
    query.execute(params![lock_id, tenant.map(TenantId::as_str), to_json(lock_id, attributes)])?;
    Ok(())
}

fn to_json(lock_id: &str, attributes: &Attributes) -> String {
    let mut object = Map::new();
    object.insert("LockID".to_owned(), Value::from(lock_id));
    for (name, attribute) in attributes {
        let value = match attribute {
            Attribute::Text(text) => Value::from(text.as_str()),
            Attribute::Number(number) => match number.parse::<Number>() {
                Ok(number) => Value::Number(number),
                Err(_) => Value::from(number.as_str()),
            },
        };
        object.insert(name.clone(), value);
    }
    Value::Object(object).to_string()
}

fn from_json(text: &str) -> Result<Attributes, Failure> {
    let object: Map<String, Value> = serde_json::from_str(text)
        .map_err(|error| PortError::Invalid(format!("a lock item in the file is damaged: {error}")))?;
    let attributes = object.into_iter().filter_map(|(name, value)| match value {
        Value::String(text) => Some((name, Attribute::Text(text))),
        Value::Number(number) => Some((name, Attribute::Number(number.to_string()))),
        _ => None,
    });
    Ok(attributes.collect())
}

#[cfg(test)]
mod tests {
    use deployer_domain::laws;
    use deployer_domain::laws::locks::{OlderTool, acquisition, key, take};

    use super::super::Databases;
    use super::*;

    #[async_trait]
    impl OlderTool for EmbeddedLocks {
        async fn put(&self, item: &LockItem) {
            let item = item.clone();
            let put = move |transaction: &Transaction<'_>| {
                store(transaction, &item.key.to_string(), Some(&item.key.tenant), item.attributes())
            };
            self.database.write(put).await.unwrap();
        }

        async fn audits(&self) -> usize {
            let count = "SELECT count(*) FROM locks WHERE tenant_id IS NULL";
            let count: i64 = self
                .database
                .read(|transaction| Ok(transaction.query_row(count, [], |row| row.get(0))?))
                .await
                .unwrap();
            usize::try_from(count).unwrap()
        }
    }

    async fn table(path: &std::path::Path) -> EmbeddedLocks {
        EmbeddedLocks::new(Databases::default().create(path).await.unwrap().0)
    }

    #[tokio::test]
    async fn the_embedded_backend_obeys_the_laws_of_locks() {
        let dir = tempfile::tempdir().unwrap();
        let table = table(&dir.path().join("a.db")).await;
        laws::locks::all(&table, &"acme-team".parse().unwrap(), &table).await;
    }

    /// Two pools on one file are to each other what two processes are.
    #[tokio::test]
    async fn of_many_processes_that_contend_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let lock = key(&"acme-team".parse().unwrap(), "shop");
        let mut tables = Vec::new();
        for _ in 0..8 {
            tables.push(table(&path).await);
        }
        let tries = tables.iter().enumerate().map(|(who, table)| {
            let write = take(&acquisition(&lock, who as u128), None, table.server_now());
            async move { table.write(&write).await.unwrap() }
        });
        let answers = laws::join_all(tries).await;
        assert_eq!(answers.iter().filter(|answer| **answer == Written::Applied).count(), 1);
    }

    #[tokio::test]
    async fn an_item_is_plain_json_for_any_sqlite_shell() {
        let dir = tempfile::tempdir().unwrap();
        let table = table(&dir.path().join("a.db")).await;
        let a = acquisition(&key(&"acme-team".parse().unwrap(), "shop"), 1);
        table.write(&take(&a, None, table.server_now())).await.unwrap();
        let query = "SELECT item ->> '$.LockState', item ->> '$.FencingToken' FROM locks";
        let row: (String, i64) = table
            .database
            .read(move |transaction| Ok(transaction.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?)))?))
            .await
            .unwrap();
        assert_eq!(row, ("HELD".to_owned(), 1));
    }
}
