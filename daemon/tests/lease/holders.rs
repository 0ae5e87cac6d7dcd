use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deployer_daemon::lease::AcquireRequest;
use deployer_domain::error::Reason;
use deployer_domain::lease::{HolderState, PreviousHold, Unlock, UnlockStep, Waiting};
use tokio::sync::mpsc;
use ulid::Ulid;

use super::world::{World, timing, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_holder_is_refused_with_the_first_ones_name() {
    let world = World::new();
    let (first, second) = (world.daemon(), world.daemon());
    let lease = first.acquire().await.unwrap();
    assert_eq!((lease.token(), lease.standing()), (1, HolderState::Held));
    assert_eq!(first.keeper.held(), [lease.key().clone()]);
    let refusal = second.acquire().await.unwrap_err();
    assert_eq!(refusal.reason, Reason::LockHeld);
    assert_eq!(refusal.message, "shop/dev is locked");
    assert!(refusal.facts[0].1.starts_with("alice@company.com on build-7, run "), "{refusal:?}");
    let again = first.acquire().await.unwrap_err();
    assert_eq!(again.reason, Reason::LockHeld, "the same daemon is no exception");
    lease.release().await.unwrap();
    lease.release().await.unwrap();
    until("nothing is held", async || first.keeper.held().is_empty()).await;
    assert_eq!(second.acquire().await.unwrap().token(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_beats_until_it_is_released_and_never_after() {
    let world = World::new();
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    let guard = lease.guard().borrow().stop_at;
    until("it has beaten three times", async || world.item().await.unwrap().hb_seq() >= Some(3)).await;
    assert_eq!(lease.standing(), HolderState::Held);
    assert!(lease.guard().borrow().stop_at > guard, "good beats push the guard's deadline forward");
    lease.release().await.unwrap();
    let released = world.item().await.unwrap();
    assert!(released.is_free());
    tokio::time::sleep(timing().beat_every * 2).await;
    assert_eq!(world.item().await.unwrap(), released);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_is_told_why_it_waits_and_gets_the_lock_when_it_is_released() {
    let world = World::new();
    let (first, second) = (world.daemon(), world.daemon());
    let lease = first.acquire().await.unwrap();
    let (waiting, mut told) = mpsc::unbounded_channel();
    let request = AcquireRequest { wait: Some(Duration::from_secs(30)), waiting: Some(waiting), ..second.request() };
    let waiter = tokio::spawn(async move { second.keeper.acquire(request).await });
    assert!(matches!(told.recv().await, Some(Waiting::Held(_))));
    until("it has beaten", async || world.item().await.unwrap().hb_seq() >= Some(2)).await;
    lease.release().await.unwrap();
    assert_eq!(waiter.await.unwrap().unwrap().token(), 2);
    assert!(told.try_recv().is_err(), "beats are no news");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiter_whose_patience_ends_is_refused_with_the_time_it_waited() {
    let world = World::new();
    let (first, second) = (world.daemon(), world.daemon());
    let _lease = first.acquire().await.unwrap();
    let refusal = second.acquire_within(1).await.unwrap_err();
    assert_eq!(refusal.reason, Reason::LockHeld);
    assert_eq!(refusal.message, "shop/dev is still locked after waiting 1s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_away_leaves_no_lock_behind() {
    let world = World::new();
    let (first, second) = (world.daemon(), world.daemon());
    let lease = first.acquire().await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(300), second.acquire_within(60)).await;
    assert!(waiting.is_err());
    lease.release().await.unwrap();
    drop(second.acquire().await.unwrap());
    until("the dropped lease is released", async || world.item().await.unwrap().is_free()).await;
    assert_eq!(world.token().await, 2, "the one that went away took nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_holder_is_replaced_after_its_lease_and_a_later_beat_of_its_is_lost() {
    let world = World::new();
    let (first, second) = (world.daemon(), world.daemon());
    let lease = first.acquire().await.unwrap();
    first.way.cut();
    let begun = tokio::time::Instant::now();
    let taken = second.acquire_within(30).await.unwrap();
    let waited = begun.elapsed();
    assert_eq!(taken.token(), 2);
    assert!(waited >= timing().lease + timing().guard, "it waited only {waited:?}");
    assert_eq!(lease.standing(), HolderState::Fenced, "fenced long before its successor began");
    first.way.heal();
    until("the first holder learns that it lost", async || lease.standing() == HolderState::Lost).await;
    assert_eq!(lease.gate().await.unwrap_err().reason, Reason::LockLost);
    assert_eq!(lease.release().await.unwrap_err().reason, Reason::LockLost);
    assert!(lease.guard().borrow().lost);
    assert_eq!(taken.standing(), HolderState::Held);
    assert_eq!(world.token().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_of_a_dead_holder_is_remembered_between_commands() {
    let world = World::new();
    let (first, second) = (world.daemon(), world.daemon());
    let _lease = first.acquire().await.unwrap();
    first.way.cut();
    assert_eq!(second.acquire().await.unwrap_err().reason, Reason::LockHeld);
    tokio::time::sleep(timing().lease + timing().guard).await;
    assert_eq!(second.acquire().await.unwrap().token(), 2, "a command that does not wait profits too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_partition_goes_through_suspect_and_fenced_back_to_held() {
    let world = World::new();
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    let mut states = lease.states();
    daemon.way.cut();
    states.wait_for(|state| *state == HolderState::Suspect).await.unwrap();
    states.wait_for(|state| *state == HolderState::Fenced).await.unwrap();
    let gate = tokio::spawn({
        let lease = lease.clone();
        async move { lease.gate().await }
    });
    daemon.way.heal();
    states.wait_for(|state| *state == HolderState::Held).await.unwrap();
    gate.await.unwrap().unwrap();
    assert_eq!(world.token().await, 1);
    lease.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_vanished_is_a_loss_and_is_not_made_anew() {
    let world = World::new();
    let daemon = world.daemon();
    let lease = daemon.acquire().await.unwrap();
    daemon.seal(&lease).await.unwrap();
    world.memory.remove(lease.key());
    until("it is lost", async || lease.standing() == HolderState::Lost).await;
    assert_eq!(world.item().await, None);
    let next = world.daemon().acquire().await.unwrap();
    assert_eq!(next.token(), 2, "above the state's fence");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_daemon_goes_on_with_its_lock_without_waiting() {
    let world = World::new();
    let (crashed, restarted, stranger) = (world.daemon(), world.daemon(), world.daemon());
    let lease = crashed.acquire().await.unwrap();
    crashed.way.cut();
    let hold = PreviousHold { session: lease.session(), token: lease.token() };
    let foreign = PreviousHold { session: Ulid::generate(), ..hold };
    let refused = AcquireRequest { crashed: Some(foreign), ..stranger.request() };
    assert_eq!(stranger.keeper.acquire(refused).await.unwrap_err().reason, Reason::LockHeld);
    let request = AcquireRequest { crashed: Some(hold), ..restarted.request() };
    let again = restarted.keeper.acquire(request).await.unwrap();
    assert_eq!((again.token(), again.standing()), (2, HolderState::Held));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_unlock_is_a_loss_for_a_living_holder_and_the_next_one_waits() {
    let world = World::new();
    let (first, second) = (world.daemon(), world.daemon());
    let lease = first.acquire().await.unwrap();
    let item = world.item().await.unwrap();
    let unlock = Unlock {
        key: lease.key().clone(),
        by: "bob@company.com".to_owned(),
        reason: "a test".to_owned(),
        even_if_alive: true,
        audit: Ulid::generate(),
    };
    let step = unlock.first_look(Some(&item), world.locks.server_now(), &timing());
    let UnlockStep::Release { write, audit } = step else { panic!("{step:?}") };
    world.locks.force_release(&write, &audit).await.unwrap();
    let begun = tokio::time::Instant::now();
    let next = second.acquire().await.unwrap();
    assert!(begun.elapsed() + Duration::from_millis(100) > timing().unlock_delay, "{:?}", begun.elapsed());
    assert_eq!((next.token(), lease.standing()), (3, HolderState::Lost));
    assert!(lease.gate().await.unwrap_err().facts.iter().any(|(_, by)| by == "bob@company.com"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_contenders_never_two_hold_at_once_and_everybody_gets_it() {
    let world = World::new();
    let daemons: Vec<_> = (0..4).map(|_| Arc::new(world.daemon())).collect();
    let inside = Arc::new(AtomicUsize::new(0));
    let contenders: Vec<_> = (0..12)
        .map(|number| {
            let (daemon, inside) = (daemons[number % 4].clone(), inside.clone());
            tokio::spawn(async move {
                let lease = daemon.acquire_within(60).await.unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at once");
                tokio::task::yield_now().await;
                assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                lease.release().await.unwrap();
            })
        })
        .collect();
    for contender in contenders {
        contender.await.unwrap();
    }
    assert_eq!(world.token().await, 12);
}
