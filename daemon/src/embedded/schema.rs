//! The tables of the file, and the version that says which program may use it.

use std::path::Path;

use deployer_domain::object::PortError;
use rusqlite::{Connection, TransactionBehavior};

use super::{Failure, lock_table, object_store, secret_store};

/// The version that this program writes into `user_version`.
const VERSION: i64 = 1;
/// `dplr` in the file's header, so that another program's database is not taken for ours.
const APPLICATION_ID: i64 = 0x6470_6c72;

/// What version 1 consists of; each port brings its own table.
const TABLES: &[&str] = &[lock_table::TABLE, object_store::TABLE, secret_store::TABLE];

/// What to do with a file that has nothing in it yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfNew {
    /// Make it ours.
    Prepare,
    /// Say that it is not a backend.
    Refuse,
}

/// Makes a new file ours where that is wanted, or checks that an old one is.
pub(super) fn prepare(connection: &mut Connection, path: &Path, new: IfNew) -> Result<(), Failure> {
    let (version, application) = versions(connection)?;
    if version == VERSION && application == APPLICATION_ID {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (version, application) = versions(&transaction)?;
    let empty: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version) {
        (APPLICATION_ID, VERSION) => return Ok(()),
        (APPLICATION_ID, newer) if newer > VERSION => {
            return Err(refuse(path, "was made by a newer deployer, upgrade this one"));
        }
        (0, 0) if empty == 0 && new == IfNew::Prepare => {}
        (0, 0) if empty == 0 => return Err(PortError::NoSuchBackend(format!("{} is empty", path.display())).into()),
        _ => return Err(refuse(path, "belongs to another program")),
    }
    TABLES.iter().try_for_each(|table| transaction.execute_batch(table))?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(())
}

fn versions(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    Ok((version, application))
}

fn refuse(path: &Path, why: &str) -> Failure {
    Failure::Port(PortError::Invalid(format!("{} {why}", path.display())))
}
