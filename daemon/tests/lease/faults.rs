use std::time::Duration;

use deployer_domain::error::Reason;
use deployer_domain::lease::HolderState;
use deployer_domain::lock::Written;
use deployer_domain::memory::Fault;

use super::world::{World, entry, until};

#[tokio::test(flavor = "multi_thread")]
async fn an_acquisition_whose_answer_got_lost_is_a_success_with_one_token() {
    let world = World::new();
    world.memory.next_write(Fault::LoseAnswer);
    let lease = world.daemon().acquire().await.unwrap();
    assert_eq!((lease.token(), world.token().await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_acquisition_all_of_whose_answers_get_lost_is_found_at_the_end() {
    let world = World::new();
    for _ in 0..3 {
        world.memory.next_write(Fault::LoseAnswer);
    }
    assert_eq!(world.daemon().acquire().await.unwrap().token(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn beats_whose_answers_get_lost_keep_the_lock() {
    let world = World::new();
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    daemon.way.mute();
    until("beats land unheard", async || world.item().await.unwrap().hb_seq() >= Some(2)).await;
    daemon.way.heal();
    let heard = world.item().await.unwrap().hb_seq();
    until("beats go on", async || world.item().await.unwrap().hb_seq() > heard).await;
    lease.gate().await.unwrap();
    assert_eq!((lease.standing(), world.token().await), (HolderState::Held, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_whose_answer_got_lost_is_a_success() {
    let world = World::new();
    let lease = world.daemon().acquire().await.unwrap();
    world.memory.next_write(Fault::LoseAnswer);
    lease.release().await.unwrap();
    assert!(world.item().await.unwrap().is_free());
}

#[tokio::test(flavor = "multi_thread")]
async fn throttling_is_no_loss() {
    let world = World::new();
    let lease = world.daemon().acquire().await.unwrap();
    for _ in 0..3 {
        world.memory.next_write(Fault::Refuse(deployer_domain::object::PortError::Throttled("slow down".to_owned())));
    }
    until("beats go on", async || world.item().await.unwrap().hb_seq() >= Some(2)).await;
    lease.gate().await.unwrap();
    assert_eq!(lease.standing(), HolderState::Held);
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_run_out_are_no_loss() {
    let world = World::new();
    let lease = world.daemon().acquire().await.unwrap();
    use deployer_domain::object::PortError::{CredentialsExpired, Denied};
    for error in [CredentialsExpired("expired".to_owned()), Denied("denied".to_owned())] {
        world.memory.next_write(Fault::Refuse(error));
    }
    until("beats go on", async || world.item().await.unwrap().hb_seq() >= Some(1)).await;
    lease.gate().await.unwrap();
}

/// Invariant 7 and the late duplicates of the fault table: each old write arrives once more at the end.
#[tokio::test(flavor = "multi_thread")]
async fn old_writes_that_arrive_late_change_nothing() {
    use deployer_domain::laws::locks::{acquisition, key, take};
    let world = World::new();
    let lock = key(&"acme-team".parse().unwrap(), "shop");
    let mut late = Vec::new();
    for who in 1..=3 {
        let call = acquisition(&lock, who);
        let write = take(&call, world.item().await.as_ref(), world.locks.server_now());
        assert_eq!(world.locks.write(&write).await.unwrap(), Written::Applied);
        let term = call.term(u64::try_from(who).unwrap());
        use deployer_domain::lock::{LockChange, LockCondition, LockWrite};
        let at = world.locks.server_now();
        let beat = LockWrite {
            key: lock.clone(),
            condition: LockCondition::Beat { term, seq: 1 },
            change: LockChange::Beat { seq: 1, lease_ms: 60_000, at },
        };
        let release = LockWrite {
            key: lock.clone(),
            condition: LockCondition::Release { term },
            change: LockChange::Release { session: term.session, at },
        };
        for write in [&beat, &release] {
            assert_eq!(world.locks.write(write).await.unwrap(), Written::Applied);
        }
        late.extend([write, beat, release]);
        let item = world.item().await;
        for write in &late {
            assert_ne!(world.locks.write(write).await.unwrap(), Written::Applied, "{write:?}");
        }
        assert_eq!(world.item().await, item);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_of_the_state_whose_answer_got_lost_is_a_success() {
    let world = World::new();
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    let sealed = daemon.seal(&lease).await.unwrap();
    daemon.way.mute();
    let landing = sealed.update(|state| state.serial = 7);
    until("it landed unheard", async || world.state().await.serial == 7).await;
    let id = world.state().await.write_id;
    daemon.way.heal();
    landing.landed().await.unwrap();
    assert_eq!(world.state().await.write_id, id, "it was recognised, not written again");
    sealed.update(|state| state.serial = 8).landed().await.unwrap();
    assert_eq!(sealed.finish(entry()).await.unwrap(), 1);
    lease.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_heals_loses_nothing_of_the_state() {
    let world = World::new();
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    let sealed = daemon.seal(&lease).await.unwrap();
    daemon.way.cut();
    let landing = sealed.update(|state| state.serial = 7);
    lease.states().wait_for(|state| *state == HolderState::Fenced).await.unwrap();
    daemon.way.heal();
    landing.landed().await.unwrap();
    sealed.finish(entry()).await.unwrap();
    lease.release().await.unwrap();
    assert_eq!((world.state().await.serial, world.token().await), (7, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_holder_still_knew_becomes_an_orphan_that_the_next_one_finds() {
    let world = World::new();
    let (first, second) = (world.daemon(), world.daemon());
    let spool = tempfile::tempdir().unwrap();
    let lease = first.acquire().await.unwrap();
    let sealed = first.seal_spooling(&lease, Some(spool.path().join("first.spool"))).await.unwrap();
    sealed.update(|state| state.serial = 1).landed().await.unwrap();
    first.way.cut();
    let landing = sealed.update(|state| state.serial = 2);
    let next = second.acquire_within(30).await.unwrap();
    let taken = second.seal(&next).await.unwrap();
    assert_eq!((taken.document().serial, taken.document().fence), (1, 2));
    assert!(taken.orphans().is_empty());
    first.way.heal();
    assert_eq!(landing.landed().await.unwrap_err().reason, Reason::LockLost);
    drop(sealed.update(|state| state.serial = 3));
    let error = sealed.finish(entry()).await.unwrap_err();
    assert_eq!(error.reason, Reason::LockLost);
    assert!(error.facts.iter().any(|(label, key)| label == "Kept in" && key.contains("state.orphan/1-")), "{error:?}");
    assert_eq!(lease.standing(), HolderState::Lost);
    assert!(!spool.path().join("first.spool").exists(), "what is stored needs no spool");
    let state = world.state().await;
    assert_eq!((state.serial, state.fence), (1, 2), "not a byte of the lost holder's");
    taken.finish(entry()).await.unwrap();
    next.release().await.unwrap();
    let third = world.daemon();
    let lease = third.acquire().await.unwrap();
    let sealed = third.seal(&lease).await.unwrap();
    let [orphan] = sealed.orphans() else { panic!("{:?}", sealed.orphans()) };
    assert_eq!((orphan.state.serial, orphan.state.fence), (3, 1));
    sealed.settle(orphan).await.unwrap();
    assert!(third.seal(&lease).await.unwrap().orphans().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_that_cannot_be_stored_stays_on_the_disk_until_the_next_run_stores_it() {
    let world = World::new();
    let daemon = world.daemon();
    let journals = tempfile::tempdir().unwrap();
    let spool = journals.path().join("first.spool");
    let lease = daemon.acquire().await.unwrap();
    let sealed = daemon.seal_spooling(&lease, Some(spool.clone())).await.unwrap();
    world.memory.remove(lease.key());
    until("it is lost", async || lease.standing() == HolderState::Lost).await;
    daemon.way.cut();
    drop(sealed.update(|state| state.serial = 5));
    let left = || std::fs::read_dir(&spool).into_iter().flatten().flatten().map(|entry| entry.path());
    let whole = |path: &std::path::PathBuf| path.extension().is_some_and(|extension| extension == "json");
    until("it lies in the spool", async || left().any(|path| whole(&path))).await;
    let path = left().find(whole).unwrap();

    let next = world.daemon();
    let lease = next.acquire().await.unwrap();
    let own = Some(journals.path().join("second.spool"));
    assert!(next.seal_spooling(&lease, own.clone()).await.unwrap().orphans().is_empty(), "its author may yet store it");
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(300);
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
    let sealed = next.seal_spooling(&lease, own).await.unwrap();
    assert_eq!(sealed.orphans().iter().map(|orphan| orphan.state.serial).collect::<Vec<_>>(), [5]);
    assert!(!path.exists());
}
