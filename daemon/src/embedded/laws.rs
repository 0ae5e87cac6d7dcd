//! The laws of the ports, tried on files.

use std::sync::Arc;

use deployer_domain::key::PlatformSpace;
use deployer_domain::laws;
use deployer_domain::object::{ObjectStore, PortError, WriteIf};

use super::{Database, Databases, EmbeddedObjects, EmbeddedSecrets};

async fn fresh(dir: &tempfile::TempDir) -> Arc<Database> {
    let path = dir.path().join(format!("{}.db", ulid::Ulid::generate()));
    Databases::default().create(&path).await.unwrap().0
}

#[tokio::test]
async fn the_embedded_backend_obeys_the_laws_of_documents() {
    let dir = tempfile::tempdir().unwrap();
    laws::objects::all(async || EmbeddedObjects::new(fresh(&dir).await)).await;
}

#[tokio::test]
async fn the_embedded_backend_obeys_the_laws_of_secrets() {
    let dir = tempfile::tempdir().unwrap();
    laws::secrets::all(async || EmbeddedSecrets::new(fresh(&dir).await)).await;
}

/// Two pools on one file are to each other what two processes are.
#[tokio::test]
async fn of_two_processes_that_write_where_nothing_is_one_wins() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut stores = Vec::new();
    for _ in 0..8 {
        let (database, _) = Databases::default().create(&path).await.unwrap();
        stores.push(EmbeddedObjects::new(database));
    }
    let key = PlatformSpace.registry();
    let answers = laws::join_all(stores.iter().map(|store| store.write(&key, b"x".to_vec(), WriteIf::Absent))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(PortError::Conflict))), "{answers:?}");
}
