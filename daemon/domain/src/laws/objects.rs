//! The laws of documents.

use jiff::Timestamp;

use super::join_all;
use crate::archive::Archived;
use crate::key::{KeyPrefix, ObjectKey, PlatformSpace, StackSpace, TenantSpace};
use crate::name::StateVersion;
use crate::object::{ETag, ObjectStore, PortError, Reread, WriteIf};

/// Tries every law, each on a store of its own.
pub async fn all<S: ObjectStore>(empty: impl AsyncFn() -> S) {
    what_was_written_is_read_back_byte_for_byte(&empty().await).await;
    nothing_is_found_where_nothing_was_written(&empty().await).await;
    a_change_changes_the_version(&empty().await).await;
    a_first_write_happens_once(&empty().await).await;
    a_write_on_a_version_that_passed_is_refused_and_changes_nothing(&empty().await).await;
    a_write_on_a_version_of_what_is_gone_says_so_and_creates_nothing(&empty().await).await;
    an_unconditional_write_replaces_what_is_there(&empty().await).await;
    a_deleted_object_is_gone_and_its_key_is_free_again(&empty().await).await;
    a_delete_of_a_version_that_passed_is_refused_and_changes_nothing(&empty().await).await;
    a_reread_tells_unchanged_from_changed_from_gone(&empty().await).await;
    of_many_first_writers_exactly_one_wins(&empty().await).await;
    of_many_writers_on_one_version_exactly_one_wins(&empty().await).await;
    many_writers_that_read_again_on_conflict_lose_nothing(&empty().await).await;
    a_listing_is_complete_sorted_and_stays_within_its_prefix(&empty().await).await;
    folders_are_what_has_something_below(&empty().await).await;
    a_document_of_some_megabytes_is_kept(&empty().await).await;
    a_copy_has_every_byte_and_says_its_checksum(&empty().await).await;
    of_what_is_not_there_nothing_is_copied(&empty().await).await;
}

/// How many contend in the laws about concurrency.
const CONTENDERS: usize = 20;

fn space() -> TenantSpace {
    TenantSpace::new("acme-team".parse().unwrap(), StateVersion::default())
}

fn stack(name: &str) -> StackSpace {
    space().stack(&name.parse().unwrap(), &"dev".parse().unwrap())
}

fn key() -> ObjectKey {
    stack("shop").state()
}

async fn content(store: &impl ObjectStore, key: &ObjectKey) -> Option<Vec<u8>> {
    store.read(key).await.unwrap().map(|object| object.bytes)
}

async fn put(store: &impl ObjectStore, key: &ObjectKey, bytes: &[u8]) -> ETag {
    store.write(key, bytes.to_vec(), WriteIf::Always).await.unwrap()
}

async fn listed(store: &impl ObjectStore, prefix: &KeyPrefix) -> Vec<String> {
    store.list(prefix).await.unwrap().iter().map(|row| row.key.to_string()).collect()
}

/// What was written is read back, byte for byte, with the version that the write answered.
pub async fn what_was_written_is_read_back_byte_for_byte(store: &impl ObjectStore) {
    let all_bytes: Vec<u8> = (0..=255).collect();
    for bytes in [b"text".to_vec(), Vec::new(), all_bytes, b"\r\n\0".to_vec()] {
        let etag = store.write(&key(), bytes.clone(), WriteIf::Always).await.unwrap();
        let object = store.read(&key()).await.unwrap().unwrap();
        assert_eq!((object.bytes, object.etag), (bytes, etag));
    }
}

/// Nothing is found where nothing was written.
pub async fn nothing_is_found_where_nothing_was_written(store: &impl ObjectStore) {
    assert_eq!(store.read(&key()).await, Ok(None));
    assert_eq!(store.reread(&key(), &ETag("\"0123\"".to_owned())).await, Ok(Reread::Gone));
    assert_eq!(store.list(&space().stacks()).await, Ok(vec![]));
    assert_eq!(store.folders(&space().stacks()).await, Ok(vec![]));
    assert_eq!(store.delete(&key()).await, Ok(()));
}

/// A change of the content changes the version.
pub async fn a_change_changes_the_version(store: &impl ObjectStore) {
    let first = put(store, &key(), b"1").await;
    let second = put(store, &key(), b"2").await;
    assert_ne!(first, second);
}

/// A write where nothing may be there yet happens once.
pub async fn a_first_write_happens_once(store: &impl ObjectStore) {
    store.write(&key(), b"first".to_vec(), WriteIf::Absent).await.unwrap();
    assert_eq!(store.write(&key(), b"second".to_vec(), WriteIf::Absent).await, Err(PortError::Conflict));
    assert_eq!(content(store, &key()).await.unwrap(), b"first");
}

/// A write on a version that passed is refused and changes nothing; one on the current version happens.
pub async fn a_write_on_a_version_that_passed_is_refused_and_changes_nothing(store: &impl ObjectStore) {
    let old = put(store, &key(), b"1").await;
    let current = store.write(&key(), b"2".to_vec(), WriteIf::Unchanged(old.clone())).await.unwrap();
    assert_eq!(store.write(&key(), b"3".to_vec(), WriteIf::Unchanged(old)).await, Err(PortError::Conflict));
    assert_eq!(content(store, &key()).await.unwrap(), b"2");
    store.write(&key(), b"4".to_vec(), WriteIf::Unchanged(current)).await.unwrap();
    assert_eq!(content(store, &key()).await.unwrap(), b"4");
}

/// A write on a version of what is gone says so and creates nothing.
pub async fn a_write_on_a_version_of_what_is_gone_says_so_and_creates_nothing(store: &impl ObjectStore) {
    let etag = put(store, &key(), b"1").await;
    store.delete(&key()).await.unwrap();
    assert_eq!(store.write(&key(), b"2".to_vec(), WriteIf::Unchanged(etag)).await, Err(PortError::Gone));
    assert_eq!(store.read(&key()).await, Ok(None));
}

/// An unconditional write replaces what is there.
pub async fn an_unconditional_write_replaces_what_is_there(store: &impl ObjectStore) {
    put(store, &key(), b"long before").await;
    put(store, &key(), b"after").await;
    assert_eq!(content(store, &key()).await.unwrap(), b"after");
}

/// A deleted object is gone, its key is free again, and other keys are untouched.
pub async fn a_deleted_object_is_gone_and_its_key_is_free_again(store: &impl ObjectStore) {
    let other = stack("shop").history(1);
    put(store, &key(), b"1").await;
    put(store, &other, b"stays").await;
    store.delete(&key()).await.unwrap();
    assert_eq!(store.read(&key()).await, Ok(None));
    assert_eq!(content(store, &other).await.unwrap(), b"stays");
    store.write(&key(), b"again".to_vec(), WriteIf::Absent).await.unwrap();
    assert_eq!(content(store, &key()).await.unwrap(), b"again");
}

/// A delete of a version that passed is refused and changes nothing; one of the current version happens.
pub async fn a_delete_of_a_version_that_passed_is_refused_and_changes_nothing(store: &impl ObjectStore) {
    let old = put(store, &key(), b"1").await;
    let current = put(store, &key(), b"2").await;
    assert_eq!(store.delete_unchanged(&key(), &old).await, Err(PortError::Conflict));
    assert_eq!(content(store, &key()).await.unwrap(), b"2");
    assert_eq!(store.delete_unchanged(&key(), &current).await, Ok(()));
    assert_eq!(store.read(&key()).await, Ok(None));
    assert_eq!(store.delete_unchanged(&key(), &current).await, Err(PortError::Gone));
}

/// A reread tells what is unchanged from what changed from what is gone.
pub async fn a_reread_tells_unchanged_from_changed_from_gone(store: &impl ObjectStore) {
    let first = put(store, &key(), b"1").await;
    assert_eq!(store.reread(&key(), &first).await, Ok(Reread::Unchanged));
    let second = put(store, &key(), b"2").await;
    match store.reread(&key(), &first).await {
        Ok(Reread::Changed(object)) => assert_eq!((object.bytes, object.etag), (b"2".to_vec(), second.clone())),
        other => panic!("a reread of a changed object answered {other:?}"),
    }
    store.delete(&key()).await.unwrap();
    assert_eq!(store.reread(&key(), &second).await, Ok(Reread::Gone));
}

/// Of many who write where nothing may be there yet, exactly one wins, and what it wrote is there.
pub async fn of_many_first_writers_exactly_one_wins(store: &impl ObjectStore) {
    exactly_one_wins(store, &key(), &WriteIf::Absent).await;
}

/// Of many who write on one version, exactly one wins, and what it wrote is there.
pub async fn of_many_writers_on_one_version_exactly_one_wins(store: &impl ObjectStore) {
    let key = key();
    let etag = put(store, &key, b"before").await;
    exactly_one_wins(store, &key, &WriteIf::Unchanged(etag)).await;
}

async fn exactly_one_wins(store: &impl ObjectStore, key: &ObjectKey, condition: &WriteIf) {
    let answers = join_all(
        (0..CONTENDERS).map(|number| store.write(key, format!("writer {number}").into_bytes(), condition.clone())),
    )
    .await;
    let winners: Vec<usize> = (0..CONTENDERS).filter(|number| answers[*number].is_ok()).collect();
    assert_eq!(winners.len(), 1, "the winners were {winners:?}");
    let losers = answers.iter().filter(|answer| **answer == Err(PortError::Conflict)).count();
    assert_eq!(losers, CONTENDERS - 1, "{answers:?}");
    assert_eq!(content(store, key).await.unwrap(), format!("writer {}", winners[0]).into_bytes());
}

/// Many who read, change and write at once, and read again on a conflict, lose nothing of each other.
pub async fn many_writers_that_read_again_on_conflict_lose_nothing(store: &impl ObjectStore) {
    const WRITERS: usize = 6;
    const ROUNDS: usize = 3;
    let key = key();
    put(store, &key, b"").await;
    let append = async |mark: u8| {
        for _ in 0..ROUNDS {
            loop {
                let mut object = store.read(&key).await.unwrap().unwrap();
                object.bytes.push(mark);
                match store.write(&key, object.bytes, WriteIf::Unchanged(object.etag)).await {
                    Ok(_) => break,
                    Err(PortError::Conflict) => {}
                    Err(other) => panic!("a write under contention answered {other:?}"),
                }
            }
        }
    };
    join_all((0..WRITERS).map(|writer| append(b'a' + u8::try_from(writer).unwrap()))).await;
    let mut marks = content(store, &key).await.unwrap();
    marks.sort_unstable();
    let expected: Vec<u8> = (0..WRITERS).flat_map(|writer| [b'a' + u8::try_from(writer).unwrap(); ROUNDS]).collect();
    assert_eq!(marks, expected);
}

/// A listing is complete, sorted by key, knows the sizes and stays within its prefix.
pub async fn a_listing_is_complete_sorted_and_stays_within_its_prefix(store: &impl ObjectStore) {
    let (one, other) = (stack("shop"), stack("shop-two"));
    for number in [10, 9, 1, 1000, 2] {
        put(store, &one.history(number), &vec![b'x'; usize::try_from(number).unwrap()]).await;
    }
    put(store, &one.state(), b"state").await;
    put(store, &other.history(3), b"not mine").await;
    let names = listed(store, &one.histories()).await;
    let expected: Vec<String> = [1, 2, 9, 10, 1000].map(|number| one.history(number).to_string()).to_vec();
    let mut sorted = expected.clone();
    sorted.sort();
    assert_eq!(names, sorted);
    let sizes: Vec<u64> = store.list(&one.histories()).await.unwrap().iter().map(|row| row.size).collect();
    assert_eq!(sizes.iter().sum::<u64>(), 1022);
    assert_eq!(listed(store, &space().stacks()).await.len(), 7);
}

/// Folders are the names directly below a prefix that have something below them.
pub async fn folders_are_what_has_something_below(store: &impl ObjectStore) {
    put(store, &space().stacks_folder(), b"").await;
    put(store, &space().config(), b"").await;
    for name in ["web", "api", "api-2"] {
        put(store, &stack(name).state(), b"{}").await;
        put(store, &stack(name).history(1), b"{}").await;
    }
    assert_eq!(store.folders(&space().stacks()).await.unwrap(), ["api", "api-2", "web"]);
    assert_eq!(listed(store, &space().stacks()).await.len(), 6, "the folder's own marker is no row");
}

/// A document of some megabytes is kept.
pub async fn a_document_of_some_megabytes_is_kept(store: &impl ObjectStore) {
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    put(store, &key(), &bytes).await;
    assert!(content(store, &key()).await.unwrap() == bytes);
}

/// A copy has every byte, says what it holds, replaces what was there, and leaves the original as it was.
pub async fn a_copy_has_every_byte_and_says_its_checksum(store: &impl ObjectStore) {
    let copy = PlatformSpace.archive(space().id(), Timestamp::UNIX_EPOCH).copy_of(&key()).unwrap();
    let all_bytes: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    for bytes in [all_bytes, Vec::new(), b"shorter".to_vec()] {
        let etag = put(store, &key(), &bytes).await;
        assert_eq!(store.copy(&key(), &copy).await, Ok(Some(Archived::of(&bytes))));
        assert_eq!(content(store, &copy).await.as_ref(), Some(&bytes));
        let original = store.read(&key()).await.unwrap().unwrap();
        assert_eq!((original.bytes, original.etag), (bytes, etag));
    }
    // A name that an older tool made need not be plain.
    let odd = PlatformSpace.tenant_folder(space().id()).listed("tenants/acme-team/v1/a b+c%20\u{fc}?d=e&f").unwrap();
    put(store, &odd, b"odd").await;
    assert_eq!(store.copy(&odd, &copy).await, Ok(Some(Archived::of(b"odd"))));
}

/// Of what is not there nothing is copied, and what was there stays.
pub async fn of_what_is_not_there_nothing_is_copied(store: &impl ObjectStore) {
    let other = stack("shop").history(1);
    put(store, &other, b"stays").await;
    assert_eq!(store.copy(&key(), &other).await, Ok(None));
    assert_eq!(content(store, &other).await.unwrap(), b"stays");
}
