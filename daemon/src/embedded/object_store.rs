use std::sync::Arc;

use async_trait::async_trait;
use deployer_domain::archive::Archived;
use deployer_domain::key::{KeyPrefix, ObjectKey};
use deployer_domain::object::{ETag, Listed, Object, ObjectStore, PortError, PortResult, Reread, WriteIf};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{Database, Failure};

/// Keys sort by their bytes, as on S3. Times are milliseconds since 1970.
pub(super) const TABLE: &str = "
    CREATE TABLE objects (
        key      TEXT    NOT NULL PRIMARY KEY,
        etag     TEXT    NOT NULL,
        modified INTEGER NOT NULL,
        content  BLOB    NOT NULL
    ) STRICT;
";

/// Documents in the file.
#[derive(Debug, Clone)]
pub struct EmbeddedObjects {
    database: Arc<Database>,
}

impl EmbeddedObjects {
    /// Keeps documents in an open file.
    pub fn new(database: Arc<Database>) -> Self {
        Self { database }
    }
}

#[async_trait]
impl ObjectStore for EmbeddedObjects {
    async fn read(&self, key: &ObjectKey) -> PortResult<Option<Object>> {
        let key = key.to_string();
        self.database.read(move |transaction| find(transaction, &key)).await
    }

    async fn reread(&self, key: &ObjectKey, known: &ETag) -> PortResult<Reread> {
        let (key, known) = (key.to_string(), known.clone());
        let work = move |transaction: &Transaction<'_>| {
            Ok(match version(transaction, &key)? {
                None => Reread::Gone,
                Some(current) if current == known => Reread::Unchanged,
                Some(_) => find(transaction, &key)?.map_or(Reread::Gone, Reread::Changed),
            })
        };
        self.database.read(work).await
    }

    async fn write(&self, key: &ObjectKey, bytes: Vec<u8>, condition: WriteIf) -> PortResult<ETag> {
        let key = key.to_string();
        let work = move |transaction: &Transaction<'_>| {
            check(&condition, version(transaction, &key)?)?;
            put(transaction, &key, &bytes)
        };
        self.database.write(work).await
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> PortResult<Option<Archived>> {
        let (from, to) = (from.to_string(), to.to_string());
        let work = move |transaction: &Transaction<'_>| {
            let Some(Object { bytes, .. }) = find(transaction, &from)? else { return Ok(None) };
            put(transaction, &to, &bytes)?;
            Ok(Some(Archived::of(&bytes)))
        };
        self.database.write(work).await
    }

    async fn delete(&self, key: &ObjectKey) -> PortResult<()> {
        let key = key.to_string();
        let work = move |transaction: &Transaction<'_>| {
            transaction.execute("DELETE FROM objects WHERE key = ?1", [key])?;
            Ok(())
        };
        self.database.write(work).await
    }

    async fn delete_unchanged(&self, key: &ObjectKey, known: &ETag) -> PortResult<()> {
        let (key, known) = (key.to_string(), known.clone());
        let work = move |transaction: &Transaction<'_>| {
            check(&WriteIf::Unchanged(known), version(transaction, &key)?)?;
            transaction.execute("DELETE FROM objects WHERE key = ?1", [key])?;
            Ok(())
        };
        self.database.write(work).await
    }

    async fn list(&self, prefix: &KeyPrefix) -> PortResult<Vec<Listed>> {
        let prefix = prefix.clone();
        let work = move |transaction: &Transaction<'_>| {
            let mut rows = transaction
                .prepare_cached("SELECT key, length(content) FROM objects WHERE key > ?1 AND key < ?2 ORDER BY key")?;
            let range = params![prefix.as_str(), end(prefix.as_str())];
            let found =
                rows.query_map(range, |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
            let found: Vec<(String, u64)> = found.collect::<rusqlite::Result<_>>()?;
            let listed = |(key, size): (String, u64)| prefix.listed(&key).map(|key| Listed { key, size });
            Ok(found.into_iter().filter_map(listed).collect())
        };
        self.database.read(work).await
    }

    async fn folders(&self, prefix: &KeyPrefix) -> PortResult<Vec<String>> {
        let prefix = prefix.as_str().to_owned();
        self.database.read(move |transaction| folders(transaction, &prefix)).await
    }
}

fn find(transaction: &Transaction<'_>, key: &str) -> Result<Option<Object>, Failure> {
    let mut rows = transaction.prepare_cached("SELECT content, etag, modified FROM objects WHERE key = ?1")?;
    let read = |row: &Row<'_>| {
        let modified = Timestamp::from_millisecond(row.get(2)?).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Object { bytes: row.get(0)?, etag: ETag(row.get(1)?), modified })
    };
    Ok(rows.query_row([key], read).optional()?)
}

fn put(transaction: &Transaction<'_>, key: &str, bytes: &[u8]) -> Result<ETag, Failure> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO objects (key, etag, modified, content)
         VALUES (?1, lower(hex(randomblob(16))), CAST(unixepoch('subsec') * 1000 AS INTEGER), ?2)
         ON CONFLICT (key) DO UPDATE
         SET etag = excluded.etag, modified = excluded.modified, content = excluded.content
         RETURNING etag",
    )?;
    Ok(ETag(put.query_row(params![key, bytes], |row| row.get(0))?))
}

fn version(transaction: &Transaction<'_>, key: &str) -> rusqlite::Result<Option<ETag>> {
    let mut rows = transaction.prepare_cached("SELECT etag FROM objects WHERE key = ?1")?;
    rows.query_row([key], |row| row.get(0).map(ETag)).optional()
}

fn check(condition: &WriteIf, current: Option<ETag>) -> PortResult<()> {
    match (condition, current) {
        (WriteIf::Always, _) | (WriteIf::Absent, None) => Ok(()),
        (WriteIf::Unchanged(known), Some(current)) if current == *known => Ok(()),
        (WriteIf::Unchanged(_), None) => Err(PortError::Gone),
        (WriteIf::Absent | WriteIf::Unchanged(_), Some(_)) => Err(PortError::Conflict),
    }
}

/// The first text behind all that begins with a prefix, which ends in `/`.
fn end(prefix: &str) -> String {
    format!("{}0", prefix.strip_suffix('/').unwrap_or(prefix))
}

/// Leaps from folder to folder by the index, so that what lies inside them costs nothing.
fn folders(transaction: &Transaction<'_>, prefix: &str) -> Result<Vec<String>, Failure> {
    let mut next =
        transaction.prepare_cached("SELECT key FROM objects WHERE key > ?1 AND key < ?2 ORDER BY key LIMIT 1")?;
    let (mut after, end) = (prefix.to_owned(), end(prefix));
    let mut found = Vec::new();
    while let Some(key) = next.query_row([&after, &end], |row| row.get::<_, String>(0)).optional()? {
        match key.strip_prefix(prefix).and_then(|rest| rest.split_once('/')) {
            Some((name, _)) => {
                after = format!("{prefix}{name}0");
                found.push(name.to_owned());
            }
            None => after = key,
        }
    }
    // `api-2/` comes before `api/`, but `api` before `api-2`.
    found.sort();
    Ok(found)
}
