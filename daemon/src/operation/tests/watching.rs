//! Who is told of changes, and for how long.

use deployer_domain::change::{Change, LockPlace, LockStanding, Owner, What};
use deployer_domain::session::Mode;

use super::*;
use crate::operation::authorise;
use crate::operation::logout::logout;
use crate::operation::watch::{Told, Watch, Watching, watch};

fn lock(token: u64) -> What {
    let owner = Owner { backend: place().address, tenant: "acme".parse().unwrap() };
    let at = LockPlace { stack: "shop".parse().unwrap(), environment: "dev".parse().unwrap() };
    What::Lock(owner, at, LockStanding::Theirs { token, alive: true })
}

/// A tenant that alone is signed in, watched from now on.
async fn scene() -> (World, Watching) {
    let (world, _) = World::with_tenant("acme").await;
    logout(&world.ports, &caller(), Mode::Admin).await.unwrap();
    let mut watching = watch(&world.ports, caller(), Watch::default()).await;
    assert!(matches!(watching.next().await, Some(Told::Began { resync: true, .. })));
    (world, watching)
}

async fn next(watching: &mut Watching) -> What {
    match watching.next().await {
        Some(Told::Change(Change { what, .. })) => what,
        told => panic!("{told:?}"),
    }
}

#[tokio::test]
async fn a_session_that_time_has_ended_is_told_of_nothing_more() {
    let (world, mut watching) = scene().await;
    world.ports.changes.tell(lock(1));
    assert_eq!(next(&mut watching).await, lock(1));
    world.clock.pass(SignedDuration::from_hours(24 * 8));
    world.ports.changes.tell(lock(2));
    logout(&world.ports, &caller(), Mode::Tenant).await.unwrap();
    assert!(matches!(next(&mut watching).await, What::Context(..)));
}

#[tokio::test]
async fn a_session_that_was_used_is_told_of_further_changes() {
    let (world, mut watching) = scene().await;
    for day in 1..4 {
        world.clock.pass(SignedDuration::from_hours(24 * 5));
        authorise::tenant(&world.ports, &caller()).await.unwrap();
        world.ports.changes.tell(lock(day));
        assert_eq!(next(&mut watching).await, lock(day));
    }
}

#[tokio::test]
async fn what_nobody_asks_for_at_this_moment_renews_no_session() {
    let (world, _watching) = scene().await;
    let before = authorise::tenant_in_passing(&world.ports, &caller()).await.unwrap().session.expires;
    world.clock.pass(SignedDuration::from_hours(24));
    let later = authorise::tenant_in_passing(&world.ports, &caller()).await.unwrap().session.expires;
    assert_eq!(later, before);
    assert!(authorise::tenant(&world.ports, &caller()).await.unwrap().session.expires > before);
}
