use std::sync::Arc;

use async_trait::async_trait;
use deployer_domain::object::{PortError, PortResult};
use deployer_domain::secret_store::{SecretStore, StoredSecret};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use secrecy::{ExposeSecret, SecretString};

use super::Database;

/// Only the current version is kept: here nothing needs an older one.
pub(super) const TABLE: &str = "
    CREATE TABLE secrets (
        name     TEXT    NOT NULL PRIMARY KEY,
        version  TEXT    NOT NULL,
        created  INTEGER NOT NULL,
        document TEXT    NOT NULL
    ) STRICT;
";

/// Secrets in the file, which only its owner may read.
#[derive(Debug, Clone)]
pub struct EmbeddedSecrets {
    database: Arc<Database>,
}

impl EmbeddedSecrets {
    /// Keeps secrets in an open file.
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }

    async fn put(&self, sql: &'static str, name: &str, document: &SecretString) -> PortResult<usize> {
        let (name, document) = (name.to_owned(), document.clone());
        let work = move |transaction: &Transaction<'_>| {
            Ok(transaction.prepare_cached(sql)?.execute(params![name, document.expose_secret()])?)
        };
        self.database.write(work).await
    }
}

#[async_trait]
impl SecretStore for EmbeddedSecrets {
    async fn read(&self, name: &str) -> PortResult<Option<StoredSecret>> {
        let name = name.to_owned();
        let work = move |transaction: &Transaction<'_>| {
            let mut rows =
                transaction.prepare_cached("SELECT document, version, created FROM secrets WHERE name = ?1")?;
            let read = |row: &Row<'_>| {
                let created = Timestamp::from_millisecond(row.get(2)?).unwrap_or(Timestamp::UNIX_EPOCH);
                let document: String = row.get(0)?;
                Ok(StoredSecret { document: document.into(), version: row.get(1)?, created })
            };
            Ok(rows.query_row([name], read).optional()?)
        };
        self.database.read(work).await
    }

    async fn create(&self, name: &str, document: &SecretString) -> PortResult<()> {
        let sql = "INSERT INTO secrets (name, version, created, document)
                   VALUES (?1, lower(hex(randomblob(16))), CAST(unixepoch('subsec') * 1000 AS INTEGER), ?2)
                   ON CONFLICT (name) DO NOTHING";
        match self.put(sql, name, document).await? {
            0 => Err(PortError::Conflict),
            _ => Ok(()),
        }
    }

    async fn replace(&self, name: &str, document: &SecretString) -> PortResult<()> {
        let sql = "UPDATE secrets
                   SET version = lower(hex(randomblob(16))), created = CAST(unixepoch('subsec') * 1000 AS INTEGER),
                       document = ?2
                   WHERE name = ?1";
        match self.put(sql, name, document).await? {
            0 => Err(PortError::Gone),
            _ => Ok(()),
        }
    }

    async fn repeat(&self, name: &str, current: &StoredSecret) -> PortResult<()> {
        let sql = "UPDATE secrets SET document = ?2 WHERE name = ?1 AND document = ?2";
        match self.put(sql, name, &current.document).await? {
            0 => Err(PortError::Conflict),
            _ => Ok(()),
        }
    }
}
