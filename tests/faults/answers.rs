//! Answers that are lost after the write applied, and duplicates of old requests that arrive late.

use harness::proxy::{Fault, Rule, Seen};

use crate::ground::{ACQUIRE, BEAT, Ground, PUT, RELEASE, STACK, UPDATE, User, ended};

fn lost(operation: &str, word: &str) -> Rule {
    Rule::on(operation, Fault::LoseAnswer).containing(word).times(1)
}

fn statuses(seen: &[Seen]) -> Vec<u16> {
    seen.iter().filter_map(|seen| seen.status).collect()
}

/// How often a request with this word was applied.
fn applied(user: &User, operation: &str, word: &str) -> usize {
    statuses(&user.asked(operation, word)).into_iter().filter(|status| *status == 200).count()
}

#[test]
fn an_apply_whose_answers_are_lost_has_one_token_and_each_write_once() {
    let ground = Ground::new(100);
    let alice = ground.user("alice");
    alice.writes(&[&ground.gated("a", ""), &ground.quick("b", ", dependsOn: [s.a]")]);
    for rule in [lost(UPDATE, ACQUIRE), lost(UPDATE, BEAT), lost(UPDATE, BEAT).after(1), lost(UPDATE, RELEASE)] {
        alice.proxy.add(rule);
    }
    // Every second write of the state, the seal first; every write of the history and of the audit.
    for number in 0..6 {
        alice.proxy.add(lost(PUT, "state.json").after(number));
    }
    alice.proxy.add(lost(PUT, "/history/"));
    alice.proxy.add(lost(PUT, "/audit/"));
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    let two_lost =
        |seen: &[Seen]| seen.iter().filter(|seen| seen.is(UPDATE, BEAT) && seen.fault.is_some()).count() == 2;
    assert!(alice.proxy.wait_until(ground.within(60), two_lost), "two beats were lost");
    alice.wait_for_beat();
    ground.mark("a.go");
    let events = ended(apply).succeeds().json_lines();
    assert_eq!(crate::ground::lease_states(&events), Vec::<&str>::new(), "it was held all the time");

    assert_eq!(ground.log(), ["a 1", "a-done 1", "b 1"]);
    let acquisitions = alice.asked(UPDATE, ACQUIRE);
    let asked = |seen: &Seen| serde_json::from_slice::<serde_json::Value>(&seen.body).unwrap();
    assert!(
        acquisitions.len() > 1 && acquisitions.iter().all(|seen| asked(seen) == asked(&acquisitions[0])),
        "one token"
    );
    assert_eq!(applied(&alice, UPDATE, RELEASE), 1);
    let (item, state) = (ground.item(), ground.state());
    assert_eq!((item["FencingToken"].as_str(), item["LockState"].as_str()), ("1", "RELEASED"));
    assert_eq!(state["fence"], 1);
    let writes = alice.asked(PUT, "state.json");
    let landed: Vec<_> = writes.iter().filter(|seen| seen.status == Some(200)).collect();
    let unanswered = writes.iter().filter(|seen| seen.fault.is_some()).count();
    // Of the seal, the intents and the records; how many records share a write is up to the storage's speed.
    assert!(unanswered >= 3, "{unanswered} of {} writes", writes.len());
    let id = state["writeId"].as_str().unwrap();
    assert_eq!(writes.iter().filter(|seen| seen.is(PUT, id)).count(), 1, "one write has this id");
    assert!(landed.last().unwrap().is(PUT, id), "what landed last is what is stored");
    assert_eq!(ground.history().len(), 1);
    assert_eq!(applied(&alice, PUT, "/history/"), 1);
    assert_eq!(ground.orphans(), Vec::<String>::new());
    let audit = ground.stored.keys(&format!("tenants/{}/audit/", crate::ground::TEAM));
    let of_runs = audit.iter().filter(|key| ground.stored.json(key).unwrap()["action"] == "run.apply");
    assert_eq!(of_runs.count(), 2, "an intent and a result");
}

#[test]
fn a_forced_unlock_whose_answers_are_lost_is_done_once() {
    let ground = Ground::new(100);
    let (alice, bob) = (ground.user("alice"), ground.user("bob"));
    alice.writes(&[&ground.gated("a", "")]);
    let _apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    alice.kill();
    bob.proxy.add(Rule::on("DynamoDB.TransactWriteItems", Fault::LoseAnswer).times(2));
    unlock(&bob, &[]).succeeds();
    assert_eq!(bob.asked("DynamoDB.TransactWriteItems", "").iter().filter(|seen| seen.fault.is_some()).count(), 2);
    assert_eq!(applied(&bob, "DynamoDB.TransactWriteItems", ""), 1);
    assert_eq!(ground.token(), 2);
    assert_eq!(ground.stored.items("tenant:web-team:audit:shop:development:").len(), 1, "one audit item");
}

#[track_caller]
pub fn unlock(user: &User, more: &[&str]) -> harness::Output {
    let arguments = ["lock", "unlock", "--stack", STACK, "--reason", "a test", "--no-input"];
    let command = user.world.command(arguments.iter().chain(more).copied());
    command.deadline(std::time::Duration::from_secs(300)).run()
}

#[test]
fn late_duplicates_of_all_writes_are_refused_and_change_nothing() {
    let ground = Ground::new(100);
    let (alice, bob) = (ground.user("alice"), ground.user("bob"));
    for user in [&alice, &bob] {
        user.writes(&[&ground.gated("a", ""), &ground.quick("b", ", dependsOn: [s.a]")]);
    }
    for (operation, word) in [(UPDATE, "LockID"), (PUT, "state.json"), (PUT, "/history/")] {
        alice.proxy.add(Rule::on(operation, Fault::RepeatLater).containing(word));
    }
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    alice.wait_for_beat();
    ground.mark("a.go");
    ended(apply).succeeds();
    let (item, state, history) = (ground.item(), ground.state(), ground.history());
    deliver(&alice, "after the release");
    assert_eq!((ground.item(), ground.state(), ground.history()), (item, state, history));

    // Now to somebody else who holds the lock, and after that to a lock that was unlocked by force.
    alice.proxy.forget();
    alice.writes(&[&ground.quick("b", ", dependsOn: [s.c]"), &ground.quick("c", "")]);
    alice.apply().run().succeeds();
    bob.writes(&[&ground.quick("b", ", dependsOn: [s.c]"), &ground.quick("c", ""), &ground.gated("d", "")]);
    let holding = bob.apply().spawn();
    ground.wait_for_mark("d.began");
    let held = |item: &harness::stored::Item| {
        (item["FencingToken"].clone(), item["SessionID"].clone(), item["LockState"].clone())
    };
    let (before, state) = (held(&ground.item()), ground.state());
    deliver(&alice, "to another holder");
    assert_eq!((held(&ground.item()), ground.state()), (before, state));
    alice.proxy.heal();

    bob.proxy.add(Rule::on("DynamoDB.TransactWriteItems", Fault::RepeatLater));
    unlock(&bob, &["--even-if-alive"]).succeeds();
    ended(holding).exits(6);
    let item = ground.item();
    bob.proxy.release();
    let came = |seen: &[Seen]| seen.iter().any(|seen| seen.repeated.is_some());
    assert!(bob.proxy.wait_until(ground.within(60), came));
    assert_eq!(ground.item(), item);
    assert_eq!(ground.stored.items("tenant:web-team:audit:shop:development:").len(), 1);
}

/// Sends all duplicates that wait; each must be refused.
#[track_caller]
fn deliver(user: &User, when: &str) {
    let waiting = |seen: &&Seen| seen.fault == Some(Fault::RepeatLater) && seen.status == Some(200);
    let count = user.proxy.seen().iter().filter(waiting).count();
    assert!(count >= 5, "{count} duplicates {when}");
    user.proxy.release();
    let all = |seen: &[Seen]| seen.iter().filter(|seen| waiting(seen)).all(|seen| seen.repeated.is_some());
    assert!(user.proxy.wait_until(harness::wait::DEADLINE, all), "the duplicates never came {when}");
    let landed: Vec<Seen> = user.proxy.seen().into_iter().filter(|seen| seen.repeated == Some(200)).collect();
    assert!(landed.is_empty(), "a duplicate landed {when}: {landed:?}");
}
