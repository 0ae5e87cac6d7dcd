//! The servers cannot be reached, or ask to slow down.

use std::time::Instant;

use harness::proxy::{Fault, Refusal, Rule};
use harness::wait;

use crate::ground::{ACQUIRE, Ground, PUT, UPDATE, User, all_gone, ended, lasts, lease_states, noted};

/// Applies while a fault lasts from one beat on, and answers the states of the lease that the run told.
///
/// A fault that is to be noticed lasts until it is.
#[track_caller]
fn apply_during(ground: &Ground, rule: Rule, seconds: u64, noticed: &str) -> Vec<String> {
    let alice = ground.user("alice");
    alice.writes(&[&ground.gated("a", ""), &ground.quick("b", ", dependsOn: [s.a]")]);
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    alice.wait_for_beat();
    let begun = Instant::now();
    alice.proxy.add(rule);
    lasts(begun, ground.time(seconds));
    alice.wait_for_log(&format!("state={noticed}"));
    alice.proxy.heal();
    alice.wait_for_beat();
    ground.mark("a.go");
    let events = ended(apply).succeeds().json_lines();
    assert_eq!(ground.log(), ["a 1", "a-done 1", "b 1"]);
    assert_eq!((ground.token(), alice.asked(UPDATE, ACQUIRE).len()), (1, 1));
    last_write_is_what_is_stored(ground, &alice);
    assert_eq!(ground.item()["LockState"], "RELEASED");
    assert_eq!(ground.history().len(), 1);
    lease_states(&events).into_iter().map(str::to_owned).collect()
}

/// The last write of the state was applied, and is what lies there.
#[track_caller]
fn last_write_is_what_is_stored(ground: &Ground, user: &User) {
    let last = user.asked(PUT, "state.json").pop().unwrap();
    assert_eq!(last.status, Some(200));
    let id = ground.state()["writeId"].as_str().unwrap().to_owned();
    assert!(last.is(PUT, &id), "another write is stored");
}

#[test]
fn half_a_minute_without_dynamodb_is_suspect_and_then_held_again() {
    let states = apply_during(&Ground::new(200), Rule::on("DynamoDB", Fault::Drop), 30, "Suspect");
    assert_eq!(states, ["SUSPECT", "HELD"]);
}

#[test]
fn fifty_seconds_without_dynamodb_are_fenced_and_then_held_again() {
    let states = apply_during(&Ground::new(200), Rule::on("DynamoDB", Fault::Drop), 50, "Fenced");
    assert_eq!(states, ["SUSPECT", "FENCED", "HELD"]);
}

#[test]
fn throttling_for_30_seconds_is_no_loss() {
    let throttled = Rule::on("DynamoDB", Fault::Refuse(Refusal::Throttled));
    let states = apply_during(&Ground::new(200), throttled, 30, "Suspect");
    assert_eq!(states, ["SUSPECT", "HELD"]);
}

#[test]
fn throttling_for_45_seconds_is_fenced_and_then_held_again_and_never_lost() {
    let throttled = Rule::on("DynamoDB", Fault::Refuse(Refusal::Throttled));
    let states = apply_during(&Ground::new(200), throttled, 45, "Fenced");
    assert_eq!(states, ["SUSPECT", "FENCED", "HELD"]);
}

#[test]
fn a_holder_cut_off_for_120_seconds_is_fenced_at_40_and_lost_when_it_comes_back() {
    let ground = Ground::new(100);
    let (alice, bob) = (ground.user("alice"), ground.user("bob"));
    let stack = [ground.gated("a", ""), ground.quick("b", ", dependsOn: [s.a]")];
    for user in [&alice, &bob] {
        user.writes(&stack.each_ref().map(String::as_str));
    }
    let apply = alice.apply().spawn();
    let command = vec![noted(&ground.witness().join("a.pid"))];
    let waiting = bob.apply_waiting().spawn();
    bob.wait_for_look();
    alice.wait_for_beat();
    let cut = Instant::now();
    alice.proxy.add(Rule::everything(Fault::Hold));
    let last = alice.last_beat();
    alice.wait_for_log("state=Fenced");
    ground.took("FENCED", last.asked.elapsed(), 40, 43);
    wait::until_within(ground.within(60), "the command is ended", || all_gone(&command));
    ground.took("the command's end", last.asked.elapsed(), 54, 60);
    ground.mark("a.go");
    ended(waiting).succeeds();
    ground.took("the takeover", bob.watched(), 65, 75);
    let (state, item) = (ground.state(), ground.item());
    assert_eq!((&state["fence"], item["FencingToken"].as_str()), (&2.into(), "2"));
    assert_eq!(ground.log(), ["a 1", "a 2", "a-done 2", "b 2"]);

    lasts(cut, ground.time(120));
    assert!(!alice.world.log().contains("state=Lost"), "it cannot know yet");
    alice.proxy.heal();
    let events = ended(apply).exits(6).json_lines();
    assert_eq!(lease_states(&events), ["SUSPECT", "FENCED", "LOST"]);
    assert_eq!((ground.state(), ground.item()), (state, item), "nothing of its successor's was touched");
    assert_eq!(ground.orphans().len(), 1, "what it still knew is kept");
    assert_eq!(ground.log().len(), 4);
}
