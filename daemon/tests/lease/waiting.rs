//! Many callers of one daemon, and those of others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deployer_domain::error::Reason;
use deployer_domain::lease::LeaseTiming;

use super::world::{Daemon, World, timing, until};

const HOUR: Duration = Duration::from_secs(3600);

/// A daemon whose waiters look by themselves once an hour.
fn incurious(world: &World) -> Arc<Daemon> {
    Arc::new(world.daemon_with(LeaseTiming { poll_min: HOUR, poll_max: HOUR, ..timing() }, Duration::ZERO))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_wakes_the_waiters_of_the_same_daemon_one_after_another() {
    let daemon = incurious(&World::new());
    let first = daemon.acquire().await.unwrap();
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let daemon = daemon.clone();
            tokio::spawn(async move { daemon.acquire_within(30).await.unwrap().release().await.unwrap() })
        })
        .collect();
    first.release().await.unwrap();
    for waiter in waiters {
        tokio::time::timeout(Duration::from_secs(20), waiter).await.expect("it was told").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_up_waiting_keeps_nobody_behind_it_from_the_lock() {
    let daemon = incurious(&World::new());
    let first = daemon.acquire().await.unwrap();
    let impatient = tokio::spawn({
        let daemon = daemon.clone();
        async move { daemon.acquire_within(1).await }
    });
    assert_eq!(impatient.await.unwrap().unwrap_err().reason, Reason::LockHeld);
    let gone = tokio::spawn({
        let daemon = daemon.clone();
        async move { daemon.acquire_within(3000).await }
    });
    let behind = tokio::spawn({
        let daemon = daemon.clone();
        async move { daemon.acquire_within(3000).await.unwrap().release().await.unwrap() }
    });
    gone.abort();
    first.release().await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), behind).await.expect("it was told").unwrap();
}

/// A daemon that always has callers of its own in line would keep the lock to itself for ever if it handed it on
/// without end: nobody tells the waiters of other daemons.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_daemon_leaves_the_lock_to_others_in_the_end() {
    let world = World::new();
    let (busy, other) = (Arc::new(world.daemon()), world.daemon());
    let over = Arc::new(AtomicBool::new(false));
    let crowd: Vec<_> = (0..4)
        .map(|_| {
            let (busy, over) = (busy.clone(), over.clone());
            tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    busy.acquire_within(60).await.unwrap().release().await.unwrap();
                }
            })
        })
        .collect();
    until("the crowd is at work", async || world.item().await.is_some()).await;
    other.acquire_within(60).await.unwrap().release().await.unwrap();
    over.store(true, Ordering::SeqCst);
    for caller in crowd {
        caller.await.unwrap();
    }
}
