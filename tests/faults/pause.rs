//! The daemon is paused, as a laptop's lid or a moving virtual machine does it.

use std::time::Instant;

use harness::proxy::{Fault, Rule};
use harness::wait;
use rustix::process::Signal;

use crate::ground::{ACQUIRE, BEAT, Ground, PUT, UPDATE, all_gone, ended, lasts, lease_states, noted};

#[test]
fn the_commands_of_a_paused_daemon_are_gone_60_seconds_after_its_last_beat() {
    let ground = Ground::new(100);
    let alice = ground.user("alice");
    alice.writes(&[&ground.gated("a", "")]);
    let _apply = alice.apply().spawn();
    let pid = vec![noted(&ground.witness().join("a.pid"))];
    alice.wait_for_beat();
    alice.signal(Signal::STOP);
    // It may have been paused before it read the answer to its last beat, and then counts from the one before.
    let last = alice.last_beat().asked;
    wait::until_within(ground.within(60), "the command is stopped", || harness::pids::state(&pid[0]) == 'T');
    ground.took("its pause", last.elapsed(), 28, 42);
    wait::until_within(ground.within(60), "the command is ended", || all_gone(&pid));
    ground.took("its end", last.elapsed(), 43, 60);
    alice.signal(Signal::KILL);
}

#[test]
fn a_holder_that_was_paused_for_90_seconds_meets_its_successor() {
    let ground = Ground::new(100);
    let (alice, bob) = (ground.user("alice"), ground.user("bob"));
    let stack = [ground.gated("a", ""), ground.quick("b", ", dependsOn: [s.a]")];
    for user in [&alice, &bob] {
        user.writes(&stack.each_ref().map(String::as_str));
    }
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    let waiting = bob.apply_waiting().spawn();
    bob.wait_for_look();
    // What the command did is on its way to the state when the daemon is paused.
    alice.proxy.add(Rule::on(PUT, Fault::Hold).containing("state.json"));
    alice.wait_for_beat();
    ground.mark("a.go");
    alice.wait_for("the write of the result", |seen| seen.fault == Some(Fault::Hold));
    alice.signal(Signal::STOP);
    let paused = Instant::now();
    ended(waiting).succeeds();
    ground.took("the takeover", bob.watched(), 65, 75);
    assert_eq!(ground.log(), ["a 1", "a-done 1", "a 2", "a-done 2", "b 2"]);
    let (sealed, item) = (ground.state(), ground.item());
    assert_eq!((&sealed["fence"], item["FencingToken"].as_str()), (&2.into(), "2"));

    lasts(paused, ground.time(90));
    alice.proxy.heal();
    alice.proxy.release();
    alice.signal(Signal::CONT);
    let events = ended(apply).exits(6).json_lines();
    assert_eq!(lease_states(&events).last(), Some(&"LOST"), "{events:?}");
    alice.wait_for("the answer to the late write", |seen| seen.fault.is_some() && seen.status.is_some());
    let written: Vec<_> = alice.asked(PUT, "state.json").into_iter().filter(|seen| seen.asked > paused).collect();
    let late: Vec<_> = alice.asked(PUT, "state.json").into_iter().filter(|seen| seen.fault.is_some()).collect();
    assert_eq!(late.iter().map(|seen| seen.status).collect::<Vec<_>>(), [Some(412)], "its write is refused");
    assert!(written.iter().all(|seen| seen.status == Some(412)), "{written:?}");
    assert_eq!(ground.log().len(), 5, "no step was begun after the pause: {:?}", ground.log());
    assert_eq!((ground.state(), ground.item()), (sealed, item), "nothing of its successor's was touched");
    let orphans = ground.orphans();
    assert_eq!(orphans.len(), 1, "{orphans:?}");
    assert!(orphans[0].contains("/state.orphan/1-"), "{orphans:?}");
    let orphan = ground.stored.json(&orphans[0]).unwrap();
    assert_eq!(orphan["components"]["s.a"]["status"], "deployed", "{orphan}");

    // What the orphan knows later than the state is done again by the next run, and then it is gone.
    bob.writes(&[&stack[0], &stack[1], &ground.quick("c", "")]);
    bob.apply().run().succeeds();
    assert_eq!(ground.orphans(), Vec::<String>::new());
    assert_eq!(ground.state()["fence"], 3);
    ground.history();
}

#[test]
fn a_holder_that_was_paused_for_90_seconds_alone_goes_on_under_the_same_token() {
    let ground = Ground::new(100);
    let alice = ground.user("alice");
    alice.writes(&[&ground.gated("a", ""), &ground.quick("b", ", dependsOn: [s.a]")]);
    let apply = alice.apply().spawn();
    ground.wait_for_mark("a.began");
    alice.wait_for_beat();
    alice.signal(Signal::STOP);
    let paused = Instant::now();
    lasts(paused, ground.time(90));
    let resumed = Instant::now();
    alice.signal(Signal::CONT);
    alice.wait_for("a beat after the pause", |seen| {
        seen.is(UPDATE, BEAT) && seen.asked > resumed && seen.status == Some(200)
    });
    ground.mark("a.go");
    let events = ended(apply).succeeds().json_lines();
    let states = lease_states(&events);
    assert!(states.is_empty() || states == ["FENCED", "HELD"], "{states:?}");
    assert_eq!(ground.log(), ["a 1", "a 1", "a-done 1", "b 1"], "what the guard had ended was begun again");
    assert_eq!(alice.asked(UPDATE, ACQUIRE).len(), 1);
    assert_eq!((ground.token(), ground.state()["fence"].as_u64()), (1, Some(1)));
    assert_eq!(ground.history().len(), 1);
    assert_eq!(ground.orphans(), Vec::<String>::new());
}
