use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use deployer_domain::object::{PortError, PortResult};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use tokio::sync::{Mutex, OnceCell, OwnedMutexGuard};

use super::schema::IfNew;
use super::{Failure, file, schema};

/// How long a transaction waits for one of another process.
const BUSY: Duration = Duration::from_secs(5);

/// One open file, shared by everybody in this process who works with it.
///
/// Work happens on threads that may block. A caller that goes away does not undo what it asked for, exactly as with a
/// server. Readers do not wait for the writer.
pub struct Database {
    path: PathBuf,
    identity: file::FileIdentity,
    writer: Arc<Mutex<Connection>>,
    reader: Arc<Mutex<Connection>>,
    apart: OnceCell<Arc<Database>>,
    gate: Arc<Gate>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Database({})", self.path.display())
    }
}

impl Database {
    fn connect(path: &Path, new: IfNew, gate: Arc<Gate>) -> PortResult<Self> {
        let identity = file::identify(path)?;
        let open = || -> Result<(Connection, Connection), Failure> {
            let mut writer = connection(path)?;
            schema::prepare(&mut writer, path, new)?;
            Ok((writer, connection(path)?))
        };
        let (writer, reader) = open().map_err(|failure| failure.into_port(path))?;
        Ok(Self {
            path: path.to_owned(),
            identity,
            writer: Arc::new(Mutex::new(writer)),
            reader: Arc::new(Mutex::new(reader)),
            apart: OnceCell::new(),
            gate,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same file with connections of its own, for work that must not wait for this one's; always the same.
    pub async fn apart(&self) -> PortResult<Arc<Self>> {
        let (path, identity, gate) = (self.path.clone(), self.identity, Arc::clone(&self.gate));
        let connect = move || match Self::connect(&path, IfNew::Refuse, gate)? {
            connected if connected.identity == identity => Ok(Arc::new(connected)),
            _ => Err(replaced(&path)),
        };
        self.apart.get_or_try_init(|| blocking(connect)).await.cloned()
    }

    /// Reads from one snapshot.
    pub async fn read<T, F>(&self, work: F) -> PortResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        self.run(&self.reader, TransactionBehavior::Deferred, (), work).await
    }

    /// Reads and writes in one transaction that nobody else's comes between; a failure undoes all of it.
    pub async fn write<T, F>(&self, work: F) -> PortResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let turn = self.gate.last().await;
        self.run(&self.writer, TransactionBehavior::Immediate, turn, work).await
    }

    /// The same before all that only [`write`](Self::write)s: for what a lease depends on.
    pub async fn write_first<T, F>(&self, work: F) -> PortResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let turn = self.gate.first().await;
        self.run(&self.writer, TransactionBehavior::Immediate, turn, work).await
    }

    /// `turn` is kept until the work is over, also when its caller has gone away.
    async fn run<T, F, K>(
        &self,
        on: &Arc<Mutex<Connection>>,
        behavior: TransactionBehavior,
        turn: K,
        work: F,
    ) -> PortResult<T>
    where
        K: Send + 'static,
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let mut connection = on.clone().lock_owned().await;
        let (path, identity) = (self.path.clone(), self.identity);
        let task = tokio::task::spawn_blocking(move || {
            let _until_the_end = turn;
            // What is written to a file that was deleted or replaced would be lost without a word.
            if file::identify(&path)? != identity {
                return Err(replaced(&path));
            }
            let attempt = || -> Result<T, Failure> {
                let transaction = connection.transaction_with_behavior(behavior)?;
                let answer = work(&transaction)?;
                transaction.commit()?;
                Ok(answer)
            };
            attempt().map_err(|failure| failure.into_port(&path))
        });
        task.await.unwrap_or_else(|error| Err(PortError::Unavailable(format!("the work was cut off: {error}"))))
    }
}

/// Lets one writer of this process in after another. SQLite itself lets those who wait try again now and then, so that a
/// heartbeat could wait for as long as others have something to write.
///
/// Of those who come last only one stands at the inner door, so whoever goes first waits for two of them at most.
#[derive(Default)]
struct Gate {
    outer: Arc<Mutex<()>>,
    inner: Arc<Mutex<()>>,
}

impl Gate {
    async fn first(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.inner).lock_owned().await
    }

    async fn last(&self) -> [OwnedMutexGuard<()>; 2] {
        let outer = Arc::clone(&self.outer).lock_owned().await;
        [Arc::clone(&self.inner).lock_owned().await, outer]
    }
}

fn replaced(path: &Path) -> PortError {
    PortError::NoSuchBackend(format!("{} was replaced by another file", path.display()))
}

fn connection(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // What a secret was before a rotation is not left in the file.
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    Ok(connection)
}

/// The open files of this process, one [`Database`] for each.
#[derive(Default)]
pub struct Databases {
    open: Mutex<HashMap<PathBuf, Arc<Database>>>,
}

impl Databases {
    /// Opens the database at an absolute path; it must exist.
    pub async fn open(&self, path: &Path) -> PortResult<Arc<Database>> {
        let asked = path.to_owned();
        let resolved = blocking(move || file::resolve(&asked)).await?;
        self.connected(resolved, IfNew::Refuse).await
    }

    /// Opens the database at an absolute path, creating the file where there is none; answers whether it did.
    pub async fn create(&self, path: &Path) -> PortResult<(Arc<Database>, bool)> {
        let asked = path.to_owned();
        let (resolved, created) = blocking(move || {
            let resolved = file::resolve(&asked)?;
            let created = file::create(&resolved)?;
            Ok((resolved, created))
        })
        .await?;
        Ok((self.connected(resolved, IfNew::Prepare).await?, created))
    }

    async fn connected(&self, path: PathBuf, new: IfNew) -> PortResult<Arc<Database>> {
        let mut open = self.open.lock().await;
        let known = open.get(&path).cloned();
        let at = path.clone();
        let database = blocking(move || match known {
            Some(known) if file::identify(&at)? == known.identity => Ok(known),
            _ => Database::connect(&at, new, Arc::default()).map(Arc::new),
        })
        .await;
        match &database {
            Ok(database) => open.insert(path, database.clone()),
            Err(_) => open.remove(&path),
        };
        database
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> PortResult<T> + Send + 'static) -> PortResult<T> {
    let task = tokio::task::spawn_blocking(work);
    task.await.unwrap_or_else(|error| Err(PortError::Unavailable(format!("the work was cut off: {error}"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_heartbeat_waits_for_two_documents_at_most_however_many_are_to_be_written() {
        let (_directory, _all, database) = fresh().await;
        let apart = database.apart().await.unwrap();
        let (order, told) = (Arc::new(std::sync::Mutex::new(Vec::new())), Arc::new(tokio::sync::Semaphore::new(0)));
        let held = database.gate.first().await;
        let mut tasks = Vec::new();
        for number in 0..20 {
            let (database, order, told) = (database.clone(), order.clone(), told.clone());
            tasks.push(tokio::spawn(async move {
                told.add_permits(1);
                database
                    .write(move |_| {
                        order.lock().unwrap().push(format!("document {number}"));
                        Ok(())
                    })
                    .await
                    .unwrap();
            }));
        }
        let _all_wait = told.acquire_many(20).await.unwrap();
        let noted = order.clone();
        let beat = apart.write_first(move |_| {
            noted.lock().unwrap().push("beat".to_owned());
            Ok(())
        });
        let (beat, ()) = tokio::join!(beat, async { drop(held) });
        beat.unwrap();
        let before = order.lock().unwrap().iter().position(|what| what == "beat").unwrap();
        assert!(before <= 2, "{before} documents came first");
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(order.lock().unwrap().len(), 21);
    }

    async fn fresh() -> (tempfile::TempDir, Databases, Arc<Database>) {
        let dir = tempfile::tempdir().unwrap();
        let databases = Databases::default();
        let (database, created) = databases.create(&dir.path().join("a.db")).await.unwrap();
        assert!(created);
        (dir, databases, database)
    }

    #[tokio::test]
    async fn one_file_is_opened_once_however_often_it_is_asked_for() {
        let (dir, databases, database) = fresh().await;
        let again = databases.open(&dir.path().join("a.db")).await.unwrap();
        assert!(Arc::ptr_eq(&database, &again));
        assert!(!databases.create(&dir.path().join("a.db")).await.unwrap().1);
    }

    #[tokio::test]
    async fn a_file_that_was_replaced_is_noticed_before_anything_is_written_into_the_void() {
        let (dir, databases, database) = fresh().await;
        std::fs::remove_file(dir.path().join("a.db")).unwrap();
        let error = database.write(|_| Ok(())).await.unwrap_err();
        assert!(matches!(error, PortError::NoSuchBackend(_)), "{error}");
        databases.create(&dir.path().join("a.db")).await.unwrap();
        assert!(database.read(|_| Ok(())).await.is_err());
        assert!(databases.open(&dir.path().join("a.db")).await.unwrap().read(|_| Ok(())).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_not_a_database_of_this_deployer_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let databases = Databases::default();
        let text = dir.path().join("text");
        std::fs::write(&text, "this is no database, although it is long enough to be looked at closely").unwrap();
        let other = dir.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let newer = dir.path().join("newer.db");
        databases.create(&newer).await.unwrap();
        Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
        for (path, why) in [(&text, "not a database of deployer"), (&other, "another program"), (&newer, "upgrade")] {
            let error = Databases::default().create(path).await.unwrap_err();
            assert!(matches!(&error, PortError::Invalid(text) if text.contains(why)), "{error}");
        }
        assert_eq!(std::fs::read(&text).unwrap()[..4], *b"this");
    }

    #[tokio::test]
    async fn an_empty_file_is_no_backend_until_it_is_bootstrapped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        std::fs::write(&path, "").unwrap();
        let databases = Databases::default();
        assert!(matches!(databases.open(&path).await, Err(PortError::NoSuchBackend(_))));
        assert!(databases.create(&path).await.is_ok());
        assert!(databases.open(&path).await.is_ok());
    }
}
