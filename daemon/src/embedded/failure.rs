use std::path::Path;

use deployer_domain::object::PortError;
use rusqlite::ErrorCode;

/// Why work inside the database ended early: the port's own answer, or SQLite's.
#[derive(Debug)]
pub enum Failure {
    /// What the port answers, such as a conflict; the transaction is rolled back.
    Port(PortError),
    /// What SQLite said.
    Sql(rusqlite::Error),
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Failure {
    /// Says it as the port's error, naming the file.
    pub(super) fn into_port(self, path: &Path) -> PortError {
        let error = match self {
            Self::Port(error) => return error,
            Self::Sql(error) => error,
        };
        let path = path.display();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => PortError::Unavailable(format!("there is no space left for {path}")),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                PortError::Throttled(format!("another process kept {path} busy"))
            }
            Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
                PortError::Denied(format!("{path} may not be written"))
            }
            Some(ErrorCode::CannotOpen) => {
                PortError::Denied(format!("{path} or the files beside it may not be opened"))
            }
            Some(ErrorCode::NotADatabase) => PortError::Invalid(format!("{path} is not a database of deployer")),
            Some(ErrorCode::DatabaseCorrupt) => PortError::Invalid(format!("{path} is damaged: {error}")),
            _ => PortError::Unavailable(format!("{path}: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: i32) -> PortError {
        let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        Failure::from(error).into_port(Path::new("/data/a.db"))
    }

    #[test]
    fn what_goes_wrong_with_a_file_is_told_apart_and_names_the_file() {
        use rusqlite::ffi::{SQLITE_BUSY, SQLITE_CANTOPEN, SQLITE_CORRUPT, SQLITE_FULL, SQLITE_IOERR, SQLITE_READONLY};
        assert!(matches!(said(SQLITE_FULL), PortError::Unavailable(text) if text.contains("no space left")));
        assert!(matches!(said(SQLITE_BUSY), PortError::Throttled(_)));
        assert!(matches!(said(SQLITE_READONLY), PortError::Denied(_)));
        assert!(matches!(said(SQLITE_CANTOPEN), PortError::Denied(_)));
        assert!(matches!(said(SQLITE_CORRUPT), PortError::Invalid(_)));
        assert!(matches!(said(SQLITE_IOERR), PortError::Unavailable(_)));
        assert!(said(SQLITE_FULL).to_string().contains("/data/a.db"));
    }
}
