//! The laws of the place of sessions.

use secrecy::{ExposeSecret, SecretString};

use super::join_all;
use crate::vault::SessionVault;

const NAME: &str = "admin@s3://company-deployer-state";

/// Tries every law, each on a vault of its own.
pub async fn all<V: SessionVault>(empty: impl AsyncFn() -> V) {
    nothing_is_found_before_it_is_written(&empty().await).await;
    what_was_written_is_read_back(&empty().await).await;
    a_write_replaces(&empty().await).await;
    entries_do_not_touch_each_other(&empty().await).await;
    what_was_removed_is_gone(&empty().await).await;
    names_are_listed_sorted(&empty().await).await;
    writes_at_once_are_all_kept(&empty().await).await;
    an_entry_has_a_place(&empty().await).await;
}

fn document(text: &str) -> SecretString {
    SecretString::from(format!("{{\"session\": \"{text}\"}}"))
}

async fn content(vault: &impl SessionVault, name: &str) -> Option<String> {
    vault.read(name).await.unwrap().map(|document| document.expose_secret().to_owned())
}

/// Nothing is found before it is written.
pub async fn nothing_is_found_before_it_is_written(vault: &impl SessionVault) {
    assert_eq!(content(vault, NAME).await, None);
    assert!(vault.names().await.unwrap().is_empty());
}

/// What was written is read back, every character of it.
pub async fn what_was_written_is_read_back(vault: &impl SessionVault) {
    let written = document("ü \\\"quoted\\\" \n\t{}");
    vault.write(NAME, &written).await.unwrap();
    assert_eq!(content(vault, NAME).await.as_deref(), Some(written.expose_secret()));
}

/// A write replaces what was there.
pub async fn a_write_replaces(vault: &impl SessionVault) {
    for text in ["first, a longer one", "second", "third"] {
        vault.write(NAME, &document(text)).await.unwrap();
        assert_eq!(content(vault, NAME).await.as_deref(), Some(document(text).expose_secret()));
    }
    assert_eq!(vault.names().await.unwrap(), [NAME]);
}

/// Entries do not touch each other, also those whose names begin alike.
pub async fn entries_do_not_touch_each_other(vault: &impl SessionVault) {
    let names = [NAME, "a-team@local:/home/ü x/d.db", "a@local:/home", "a@local:/home/d", "current"];
    for name in names {
        vault.write(name, &document(name)).await.unwrap();
    }
    vault.write("current", &document("again")).await.unwrap();
    vault.remove("a@local:/home").await.unwrap();
    for name in [names[0], names[1], names[3]] {
        assert_eq!(content(vault, name).await.as_deref(), Some(document(name).expose_secret()));
    }
    assert_eq!(content(vault, "current").await.as_deref(), Some(document("again").expose_secret()));
    assert_eq!(content(vault, "a@local:/home").await, None);
}

/// What was removed is gone, and to remove what is not there is no error.
pub async fn what_was_removed_is_gone(vault: &impl SessionVault) {
    vault.remove(NAME).await.unwrap();
    vault.write(NAME, &document("x")).await.unwrap();
    vault.remove(NAME).await.unwrap();
    vault.remove(NAME).await.unwrap();
    nothing_is_found_before_it_is_written(vault).await;
}

/// Names are listed sorted.
pub async fn names_are_listed_sorted(vault: &impl SessionVault) {
    for name in ["b@s3://bbb", "a@s3://bbb", "c@s3://aaa"] {
        vault.write(name, &document(name)).await.unwrap();
    }
    assert_eq!(vault.names().await.unwrap(), ["a@s3://bbb", "b@s3://bbb", "c@s3://aaa"]);
}

/// Writes at once are all kept.
pub async fn writes_at_once_are_all_kept(vault: &impl SessionVault) {
    let entries: Vec<(String, SecretString)> = (10..18).map(|n| (format!("t{n}@s3://abc"), document("x"))).collect();
    for answer in join_all(entries.iter().map(|(name, document)| vault.write(name, document))).await {
        answer.unwrap();
    }
    let names: Vec<String> = entries.into_iter().map(|(name, _)| name).collect();
    assert_eq!(vault.names().await.unwrap(), names);
}

/// An entry has a place that people can read.
pub async fn an_entry_has_a_place(vault: &impl SessionVault) {
    let before = vault.place(NAME).await;
    vault.write(NAME, &document("x")).await.unwrap();
    assert!(!before.name.is_empty());
    assert_eq!(vault.place(NAME).await, before);
}
