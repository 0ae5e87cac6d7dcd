//! Locks that are taken away: by force, or because their item was deleted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use deployer_proto::v1::lock_service_client::LockServiceClient;
use deployer_proto::v1::{CallContext, StackTarget, UnlockRequest};
use harness::client;
use harness::proxy::{Fault, Rule};
use harness::stored::Item;
use tokio::task::JoinSet;
use tonic_types::StatusExt;

use crate::answers::unlock;
use crate::ground::{ACQUIRE, Ground, STACK, TEAM, UPDATE, User, ended, lease_states};

const TRANSACTION: &str = "DynamoDB.TransactWriteItems";

fn audit_items(ground: &Ground) -> Vec<Item> {
    ground.stored.items(&format!("tenant:{TEAM}:audit:{STACK}:development:"))
}

/// Tries to unlock once; answers the reason of the refusal.
async fn refusal(mut locks: LockServiceClient<tonic::transport::Channel>, context: CallContext) -> Option<String> {
    let target =
        StackTarget { stack: STACK.to_owned(), environment: "development".to_owned(), ..StackTarget::default() };
    let request = UnlockRequest {
        context: Some(context),
        target: Some(target),
        reason: "impatience".to_owned(),
        even_if_alive: false,
    };
    let mut events = locks.unlock(request).await.ok()?.into_inner();
    loop {
        match events.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(status) => return status.get_details_error_info().map(|info| info.reason),
        }
    }
}

async fn refusals(user: &User, tries: usize, at_once: usize) -> BTreeMap<Option<String>, usize> {
    let locks = LockServiceClient::new(client::connect(&user.world).await);
    let environment = user.world.variables().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let context = CallContext { environment: environment.collect(), ..client::context(&user.world).unwrap() };
    let (mut counts, mut trying) = (BTreeMap::new(), JoinSet::new());
    for number in 0..tries + at_once {
        if number < tries {
            trying.spawn(refusal(locks.clone(), context.clone()));
        }
        if number >= at_once {
            *counts.entry(trying.join_next().await.unwrap().unwrap()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn a_living_holder_is_refused_in_1000_of_1000_tries() {
    let ground = Ground::new(100);
    let (alice, bob) = (ground.user("alice"), ground.user("bob"));
    alice.writes(&[&ground.gated("a", "")]);
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    let counts = client::block_on(refusals(&bob, 1000, 60));
    assert_eq!(counts, BTreeMap::from([(Some("LOCK_HELD".to_owned()), 1000)]));
    assert_eq!(bob.asked(TRANSACTION, "").len(), 0, "nothing was tried");
    assert_eq!((ground.token(), audit_items(&ground).len()), (1, 0));
    ground.mark("a.go");
    ended(apply).succeeds();
}

#[test]
fn a_holder_that_is_put_out_by_force_is_lost_within_16_seconds_and_the_next_waits_45() {
    let ground = Ground::new(200);
    let (alice, bob) = (ground.user("alice"), ground.user("bob"));
    for user in [&alice, &bob] {
        user.writes(&[&ground.gated("a", "")]);
    }
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    let begun = Instant::now();
    unlock(&bob, &["--even-if-alive"]).succeeds();
    let unlocked = bob.asked(TRANSACTION, "").pop().unwrap().answered.unwrap();
    let waiting = bob.apply().deadline(Duration::from_secs(600)).spawn();
    alice.wait_for_log("state=Lost");
    ground.took("the loss", unlocked.elapsed(), 0, 16);
    let events = ended(apply).exits(6).json_lines();
    assert_eq!(lease_states(&events), ["LOST"]);
    ground.mark("a.go");
    ended(waiting).succeeds();
    let taken = bob.taken();
    assert!(taken - begun >= ground.time(45), "{:?}", taken - begun);
    ground.took("the delay", (taken - unlocked).max(ground.time(45)), 45, 48);
    assert_eq!(ground.log(), ["a 1", "a 3", "a-done 3"]);
    assert_eq!((ground.token(), ground.state()["fence"].as_u64()), (3, Some(3)));
    let audit = audit_items(&ground);
    assert_eq!(audit.len(), 1, "{audit:?}");
    assert_eq!(ground.orphans().len(), 0, "what it knew was taken up");
}

#[test]
fn of_two_forced_unlocks_at_once_one_wins() {
    let ground = Ground::new(100);
    let users = ["alice", "bob", "carol"].map(|name| ground.user(name));
    let [alice, bob, carol] = &users;
    alice.writes(&[&ground.gated("a", "")]);
    let _apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    alice.kill();
    for user in [bob, carol] {
        user.proxy.add(Rule::on(TRANSACTION, Fault::Hold).times(1));
    }
    std::thread::scope(|scope| {
        let unlocking = [bob, carol].map(|user| scope.spawn(|| unlock(user, &[])));
        for user in [bob, carol] {
            user.wait_for("the transaction", |seen| seen.fault == Some(Fault::Hold));
        }
        [bob, carol].iter().for_each(|user| user.proxy.release());
        for unlocked in unlocking {
            unlocked.join().unwrap().succeeds();
        }
    });
    let statuses: Vec<_> =
        [bob, carol].iter().flat_map(|user| user.asked(TRANSACTION, "")).map(|seen| seen.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == Some(200)).count(), 1, "{statuses:?}");
    assert_eq!(ground.token(), 2);
    assert_eq!(audit_items(&ground).len(), 1);
}

#[test]
fn an_item_that_is_deleted_under_its_holder_is_lost_and_not_made_anew() {
    let ground = Ground::new(100);
    let (alice, bob) = (ground.user("alice"), ground.user("bob"));
    for user in [&alice, &bob] {
        user.writes(&[&ground.quick("q", "")]);
    }
    alice.apply().run().succeeds();
    for user in [&alice, &bob] {
        user.writes(&[&ground.quick("q", ""), &ground.gated("a", "")]);
    }
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    assert_eq!((ground.token(), ground.state()["fence"].as_u64()), (2, Some(2)));
    ground.stored.delete_item(&ground.lock(STACK));
    let events = ended(apply).exits(6).json_lines();
    assert_eq!(lease_states(&events), ["LOST"]);
    assert_eq!(ground.stored.item(&ground.lock(STACK)), None, "it is not made anew");
    assert_eq!(ground.orphans().len(), 1);
    ground.mark("a.go");
    bob.apply().run().succeeds();
    assert_eq!((ground.token(), ground.state()["fence"].as_u64()), (3, Some(3)), "above the state's fence");
    assert_eq!(bob.asked(UPDATE, ACQUIRE).len(), 1);
    assert_eq!(ground.orphans().len(), 0);
    ground.history();
}
