//! The laws of the place of secrets.

use secrecy::{ExposeSecret, SecretString};

use super::join_all;
use crate::object::PortError;
use crate::secret_store::SecretStore;

const NAME: &str = "/deployer/admin-credentials";

/// Tries every law, each on a store of its own.
pub async fn all<S: SecretStore>(empty: impl AsyncFn() -> S) {
    nothing_is_found_before_it_is_created(&empty().await).await;
    what_was_created_is_read_back(&empty().await).await;
    a_second_creation_is_a_conflict_and_changes_nothing(&empty().await).await;
    every_replacement_is_a_new_version(&empty().await).await;
    what_is_written_as_itself_stays_as_it_is(&empty().await).await;
    what_is_not_there_cannot_be_replaced(&empty().await).await;
    names_are_kept_apart(&empty().await).await;
    of_many_who_create_exactly_one_wins(&empty().await).await;
    no_secret_shows_in_debug(&empty().await).await;
}

fn document(text: &str) -> SecretString {
    SecretString::from(format!("{{\"password\": \"{text}\"}}"))
}

async fn content(store: &impl SecretStore, name: &str) -> String {
    store.read(name).await.unwrap().unwrap().document.expose_secret().to_owned()
}

/// Nothing is found before it is created.
pub async fn nothing_is_found_before_it_is_created(store: &impl SecretStore) {
    assert!(store.read(NAME).await.unwrap().is_none());
}

/// What was created is read back.
pub async fn what_was_created_is_read_back(store: &impl SecretStore) {
    store.create(NAME, &document("ü \"quoted\" \n")).await.unwrap();
    assert_eq!(content(store, NAME).await, document("ü \"quoted\" \n").expose_secret());
    let first = store.read(NAME).await.unwrap().unwrap();
    let again = store.read(NAME).await.unwrap().unwrap();
    assert!(!first.version.is_empty());
    assert_eq!((first.version, first.created), (again.version, again.created), "a read changes nothing");
}

/// A second creation is a conflict and changes nothing.
pub async fn a_second_creation_is_a_conflict_and_changes_nothing(store: &impl SecretStore) {
    store.create(NAME, &document("first")).await.unwrap();
    assert_eq!(store.create(NAME, &document("second")).await, Err(PortError::Conflict));
    assert_eq!(content(store, NAME).await, document("first").expose_secret());
}

/// Every replacement is a new version, also one by the same text.
pub async fn every_replacement_is_a_new_version(store: &impl SecretStore) {
    store.create(NAME, &document("first")).await.unwrap();
    let mut versions = vec![store.read(NAME).await.unwrap().unwrap().version];
    for text in ["second", "second", "first"] {
        store.replace(NAME, &document(text)).await.unwrap();
        assert_eq!(content(store, NAME).await, document(text).expose_secret());
        versions.push(store.read(NAME).await.unwrap().unwrap().version);
    }
    versions.sort();
    versions.dedup();
    assert_eq!(versions.len(), 4);
}

/// What is written once more as itself stays as it is, in the same version.
pub async fn what_is_written_as_itself_stays_as_it_is(store: &impl SecretStore) {
    store.create(NAME, &document("first")).await.unwrap();
    let current = store.read(NAME).await.unwrap().unwrap();
    assert_eq!(store.repeat(NAME, &current).await, Ok(()));
    let after = store.read(NAME).await.unwrap().unwrap();
    assert_eq!(after.version, current.version);
    assert_eq!(after.document.expose_secret(), current.document.expose_secret());
}

/// What is not there cannot be replaced, and is not created by trying.
pub async fn what_is_not_there_cannot_be_replaced(store: &impl SecretStore) {
    assert_eq!(store.replace(NAME, &document("x")).await, Err(PortError::Gone));
    assert!(store.read(NAME).await.unwrap().is_none());
}

/// Names are kept apart.
pub async fn names_are_kept_apart(store: &impl SecretStore) {
    store.create(NAME, &document("one")).await.unwrap();
    store.create("/deployer/other", &document("two")).await.unwrap();
    store.replace("/deployer/other", &document("three")).await.unwrap();
    assert_eq!(content(store, NAME).await, document("one").expose_secret());
    assert_eq!(content(store, "/deployer/other").await, document("three").expose_secret());
}

/// Of many who create at once exactly one wins.
pub async fn of_many_who_create_exactly_one_wins(store: &impl SecretStore) {
    let documents: Vec<SecretString> = (0..8).map(|number| document(&number.to_string())).collect();
    let answers = join_all(documents.iter().map(|document| store.create(NAME, document))).await;
    let winners: Vec<usize> = (0..answers.len()).filter(|number| answers[*number].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer, Ok(()) | Err(PortError::Conflict))), "{answers:?}");
    assert_eq!(content(store, NAME).await, documents[winners[0]].expose_secret());
}

/// No secret shows in `Debug`.
pub async fn no_secret_shows_in_debug(store: &impl SecretStore) {
    store.create(NAME, &document("hunter2")).await.unwrap();
    let shown = format!("{:?}", store.read(NAME).await.unwrap().unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
}
