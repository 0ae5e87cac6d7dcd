use std::sync::atomic::Ordering;
use std::time::Duration;

use deployer_domain::error::Reason;
use deployer_domain::laws::locks::OlderTool;
use deployer_domain::lock::{Attribute, LockItem};
use deployer_domain::object::WriteIf;
use deployer_domain::state::{HistoryDocument, StateDocument};

use super::world::{World, entry, until};

async fn history(world: &World, number: u64) -> Option<HistoryDocument> {
    let object = world.objects.read(&world.space.history(number)).await.unwrap();
    object.map(|object| serde_json::from_slice(&object.bytes).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_seals_writes_and_leaves_its_history() {
    let world = World::new();
    let daemon = world.daemon();
    for number in 1..=2 {
        let lease = daemon.acquire().await.unwrap();
        let sealed = daemon.seal(&lease).await.unwrap();
        let state = world.state().await;
        assert_eq!((state.fence, state.session), (number, Some(lease.session())), "sealed before anything starts");
        sealed.update(|state| state.serial += 1).landed().await.unwrap();
        assert_eq!(sealed.finish(entry()).await.unwrap(), number);
        lease.release().await.unwrap();
        let written = history(&world, number).await.unwrap();
        assert_eq!((written.entry.number, written.state.serial), (number, number));
        assert!(written.state.last_run.is_none());
    }
    let bytes = world.objects.read(&world.space.state()).await.unwrap().unwrap().bytes;
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.starts_with("{\n  \"formatVersion\": 1,\n") && text.ends_with("}\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_rises_above_the_states_fence_when_the_item_was_lost() {
    let world = World::new();
    world.put(&StateDocument { fence: 41, serial: 3, ..world.empty_state() }).await;
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    assert_eq!(lease.token(), 42);
    assert_eq!(daemon.seal(&lease).await.unwrap().document().serial, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_above_the_fence_is_raised_before_the_seal() {
    let world = World::new();
    let attributes = [("LockState", Attribute::text("RELEASED")), ("FencingToken", Attribute::number(1))];
    let item =
        LockItem::new(world.space.lock().clone(), attributes.map(|(name, value)| (name.to_owned(), value)).into());
    world.memory.put(&item).await;
    world.put(&StateDocument { fence: 41, ..world.empty_state() }).await;
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    assert_eq!(lease.token(), 2);
    world.memory.next_write(deployer_domain::memory::Fault::LoseAnswer);
    let sealed = daemon.seal(&lease).await.unwrap();
    assert_eq!((lease.token(), world.token().await, world.state().await.fence), (42, 42, 42));
    sealed.finish(entry()).await.unwrap();
    lease.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_gone_while_its_history_is_there_is_not_made_anew() {
    let world = World::new();
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    daemon.seal(&lease).await.unwrap().finish(entry()).await.unwrap();
    world.objects.delete(&world.space.state()).await.unwrap();
    let error = daemon.seal(&lease).await.err().unwrap();
    assert_eq!(error.reason, Reason::StateConflict);
    assert!(error.message.ends_with("state.json is gone"), "{error}");
    assert!(world.objects.read(&world.space.state()).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_moved_or_is_newer_is_refused_and_left_alone() {
    let world = World::new();
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    let moved = StateDocument { moved_to: Some("tenants/acme-team/v2".to_owned()), ..world.empty_state() };
    let newer = StateDocument { format_version: 9, ..world.empty_state() };
    for state in [moved, newer] {
        world.put(&state).await;
        let before = world.objects.read(&world.space.state()).await.unwrap();
        assert_eq!(daemon.seal(&lease).await.err().unwrap().reason, Reason::StateConflict);
        assert_eq!(world.objects.read(&world.space.state()).await.unwrap(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_by_somebody_without_the_lock_is_noticed_and_what_we_knew_is_kept() {
    let world = World::new();
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    let sealed = daemon.seal(&lease).await.unwrap();
    world.put(&StateDocument { serial: 99, ..world.empty_state() }).await;
    let error = sealed.finish(entry()).await.unwrap_err();
    assert_eq!(error.reason, Reason::StateConflict);
    assert!(error.message.contains("does not hold the lock"), "{error}");
    assert_eq!(world.state().await.serial, 99);
    let orphans = world.objects.list(&world.space.orphans()).await.unwrap();
    assert_eq!(orphans.len(), 1);
    lease.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_deleted_under_its_holder_is_a_conflict() {
    let world = World::new();
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    let sealed = daemon.seal(&lease).await.unwrap();
    world.objects.delete(&world.space.state()).await.unwrap();
    let error = sealed.update(|state| state.serial = 1).landed().await.unwrap_err();
    assert_eq!(error.reason, Reason::StateConflict);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_that_wait_for_one_another_are_written_together() {
    let world = World::new();
    let daemon = world.slow_daemon(Duration::from_millis(50));
    let lease = daemon.acquire().await.unwrap();
    let sealed = daemon.seal(&lease).await.unwrap();
    daemon.objects.writes.store(0, Ordering::SeqCst);
    let landings: Vec<_> = (0..500).map(|_| sealed.update(|state| state.serial += 1)).collect();
    for landing in landings {
        landing.landed().await.unwrap();
    }
    assert_eq!(world.state().await.serial, 500);
    let writes = daemon.objects.writes.load(Ordering::SeqCst);
    assert!(writes <= 5, "{writes} writes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_nobody_waits_for_is_written_all_the_same() {
    let world = World::new();
    let daemon = world.slow_daemon(Duration::from_millis(50));
    let lease = daemon.acquire().await.unwrap();
    let sealed = daemon.seal(&lease).await.unwrap();
    for serial in 1..=3 {
        drop(sealed.update(|state| state.serial = serial));
        until("the change is written", async || world.state().await.serial == serial).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_history_document_is_written_by_the_next_holder() {
    let world = World::new();
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    let sealed = daemon.seal(&lease).await.unwrap();
    sealed.update(|state| state.serial = 5).landed().await.unwrap();
    sealed.finish(entry()).await.unwrap();
    lease.release().await.unwrap();
    let written = history(&world, 1).await.unwrap();
    world.objects.delete(&world.space.history(1)).await.unwrap();
    let lease = daemon.acquire().await.unwrap();
    let sealed = daemon.seal(&lease).await.unwrap();
    let again = history(&world, 1).await.unwrap();
    assert_eq!((&again.entry, again.state.serial), (&written.entry, 5));
    assert_eq!(sealed.finish(entry()).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_goes_on_after_an_older_tools_and_counts_past_999() {
    let world = World::new();
    let older = |bytes: &'static [u8]| (bytes.to_vec(), WriteIf::Always);
    let (state, condition) = older(br#"{"serial": 3, "resources": {"a": 1}}"#);
    world.objects.write(&world.space.state(), state, condition).await.unwrap();
    for number in [1, 999] {
        let (bytes, condition) = older(br#"{"number": 1}"#);
        world.objects.write(&world.space.history(number), bytes, condition).await.unwrap();
    }
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    let sealed = daemon.seal(&lease).await.unwrap();
    assert_eq!(sealed.document().unknown["resources"]["a"], 1);
    assert_eq!(sealed.finish(entry()).await.unwrap(), 1000);
    assert_eq!(world.state().await.format_version, 1);
    // A number that somebody took by hand is passed over.
    let (bytes, condition) = older(br#"{"number": 1001}"#);
    world.objects.write(&world.space.history(1001), bytes, condition).await.unwrap();
    assert_eq!(sealed.finish(entry()).await.unwrap(), 1002);
}
