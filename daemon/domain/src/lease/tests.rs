//! The lock protocol's decisions, as tables.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use ulid::Ulid;

use super::*;
use crate::clock::LeaseInstant;
use crate::error::Reason;
use crate::key::LockKey;
use crate::lock::{Attribute, Holder, LockChange, LockCondition, LockItem, LockState, LockWrite};

const T: LeaseTiming = LeaseTiming::DEFAULT;

fn key() -> LockKey {
    let parsed = "tenant:acme-team:stack:shop:env:production".parse();
    parsed.unwrap()
}

fn at(seconds: u64) -> LeaseInstant {
    LeaseInstant { boot: Duration::from_secs(seconds), monotonic: Duration::from_secs(seconds), wall: server(seconds) }
}

fn server(seconds: u64) -> Timestamp {
    Timestamp::from_second(1_705_329_000 + i64::try_from(seconds).unwrap()).unwrap()
}

fn moment(seconds: u64) -> Moment {
    Moment { now: at(seconds), server: server(seconds) }
}

fn call(who: u128) -> Acquisition {
    Acquisition {
        key: key(),
        holder: Holder {
            session: Ulid::from_parts(1, who),
            actor: "alice@company.com".to_owned(),
            host: "build-7".to_owned(),
            pid: 42,
            run: Some(crate::name::RunId::new(Ulid::from_parts(3, who))),
            operation: "apply".to_owned(),
            version: "v0.1.0".to_owned(),
        },
        attempt: Ulid::from_parts(2, who),
        patience: Patience::Refuse,
        no_delay: false,
        crashed: None,
        fence: None,
    }
}

fn patient(who: u128, seconds: u64) -> Acquisition {
    Acquisition { patience: Patience::Wait { since: at(0), at_most: Duration::from_secs(seconds) }, ..call(who) }
}

fn tried(step: Step) -> LockWrite {
    match step {
        Step::Try { write, .. } => *write,
        other => panic!("expected a try, not {other:?}"),
    }
}

/// The item as `who` holds it since `seconds`, after a free one with the token below.
fn held(who: u128, token: u64, seconds: u64) -> LockItem {
    let free = LockItem::new(
        key(),
        [
            ("LockState".to_owned(), Attribute::text("RELEASED")),
            ("FencingToken".to_owned(), Attribute::number(token - 1)),
        ]
        .into(),
    );
    tried(call(who).step(Some(&free), None, moment(seconds), &T)).apply(Some(&free))
}

fn beaten(item: &LockItem, seq: u64, lease_ms: u64, seconds: u64) -> LockItem {
    LockWrite {
        key: key(),
        condition: LockCondition::Beat { session: Ulid::from_parts(1, 1), token: 0, seq },
        change: LockChange::Beat { seq, lease_ms, at: server(seconds) },
    }
    .apply(Some(item))
}

fn released(item: &LockItem, seconds: u64) -> LockItem {
    let session = Ulid::from_parts(1, 1);
    LockWrite {
        key: key(),
        condition: LockCondition::Release { session, token: 0 },
        change: LockChange::Release { session, at: server(seconds) },
    }
    .apply(Some(item))
}

fn legacy(heartbeat: u64) -> LockItem {
    let beat = server(heartbeat).as_second();
    let attributes = [
        ("LockedBy", Attribute::text("carol@company.com")),
        ("Heartbeat", Attribute::number(beat)),
        ("LockExpiry", Attribute::number(beat + 3600)),
    ];
    LockItem::new(key(), attributes.map(|(name, value)| (name.to_owned(), value)).into())
}

fn seen(item: &LockItem, seconds: u64) -> Observation {
    Observation::note(None, item, at(seconds), &T)
}

#[test]
fn the_new_token_lies_above_the_items_and_the_states() {
    let free = released(&held(1, 7, 0), 0);
    for (fence, expected) in [(None, 8), (Some(3), 8), (Some(7), 8), (Some(20), 21)] {
        let write = tried(Acquisition { fence, ..call(2) }.step(Some(&free), None, moment(1), &T));
        let LockChange::Acquire(hold) = &write.change else { panic!("{write:?}") };
        assert_eq!((hold.token, hold.hb_seq, hold.lease_ms), (expected, 0, 60_000));
        assert!(write.condition.holds(Some(&free)));
    }
}

#[test]
fn where_the_counter_is_gone_the_states_fence_is_read_first() {
    assert_eq!(call(1).step(None, None, moment(0), &T), Step::ReadFence);
    let write = tried(Acquisition { fence: Some(41), ..call(1) }.step(None, None, moment(0), &T));
    assert_eq!(write.apply(None).token(), Some(42));
    assert!(write.condition.holds(None));
}

#[test]
fn a_caller_that_does_not_wait_is_refused_with_the_holder() {
    let item = held(1, 7, 0);
    assert_eq!(call(2).step(Some(&item), Some(&seen(&item, 0)), moment(64), &T), Step::Refuse(item));
}

#[test]
fn a_dead_holder_is_replaced_after_its_lease_and_five_seconds_of_silence() {
    let item = held(1, 7, 0);
    let observation = seen(&item, 100);
    for (now, takes) in [(100, false), (164, false), (165, true), (1000, true)] {
        let step = patient(2, 100_000).step(Some(&item), Some(&observation), moment(now), &T);
        assert_eq!(matches!(step, Step::Try { .. }), takes, "at {now}: {step:?}");
    }
    let write = tried(call(2).step(Some(&item), Some(&observation), moment(165), &T));
    assert!(write.condition.holds(Some(&item)));
    assert!(!write.condition.holds(Some(&beaten(&item, 1, 60_000, 0))), "it beat at the last moment");
    assert_eq!(write.apply(Some(&item)).token(), Some(8));
}

#[test]
fn any_change_starts_the_waiting_anew_and_the_waiters_clock_alone_counts() {
    let item = held(1, 7, 0);
    let first = seen(&item, 0);
    let same = Observation::note(Some(&first), &item, at(60), &T);
    assert_eq!(same.left(at(60)), Duration::from_secs(5));
    let moved = Observation::note(Some(&same), &beaten(&item, 1, 60_000, 60), at(60), &T);
    assert_eq!(moved.left(at(60)), Duration::from_secs(65));
    // Suspended for an hour: boot time went on, but the waiter could not look.
    let woken = LeaseInstant { boot: Duration::from_secs(3660), ..at(60) };
    assert_eq!(first.left(woken), Duration::from_secs(5));
    let wall = LeaseInstant { wall: server(7200), ..at(60) };
    assert_eq!(first.left(wall), Duration::from_secs(5), "a wall clock that jumps frees nothing");
}

#[test]
fn a_raised_lease_is_respected_and_an_absurd_one_bounded() {
    let item = held(1, 7, 0);
    for (lease_ms, needed) in [(900_000, 905), (u64::MAX / 2, 905), (60_000, 65)] {
        assert_eq!(seen(&beaten(&item, 1, lease_ms, 0), 0).left(at(0)), Duration::from_secs(needed));
    }
}

#[test]
fn expiry_frees_a_lock_only_for_callers_that_do_not_wait_and_only_late() {
    let item = held(1, 7, 0);
    for (now, takes) in [(3600, false), (3900, false), (3901, true)] {
        let step = |call: Acquisition| call.step(Some(&item), Some(&seen(&item, now)), moment(now), &T);
        assert_eq!(matches!(step(call(2)), Step::Try { .. }), takes, "at {now}");
        assert!(matches!(step(patient(2, 100_000)), Step::Wait { .. }), "a waiter watches for itself");
    }
}

#[test]
fn an_older_tools_lock_is_watched_for_an_hour_and_replaced_unchanged() {
    let item = legacy(0);
    let observation = seen(&item, 0);
    let waiting = patient(2, 100_000);
    assert!(matches!(waiting.step(Some(&item), Some(&observation), moment(3599), &T), Step::Wait { .. }));
    assert_eq!(waiting.step(Some(&item), Some(&observation), moment(3600), &T), Step::ReadFence);
    let waiting = Acquisition { fence: Some(0), ..waiting };
    let write = tried(waiting.step(Some(&item), Some(&observation), moment(3600), &T));
    assert!(write.condition.holds(Some(&item)) && !write.condition.holds(Some(&legacy(10))));
    assert!(!write.condition.holds(None), "what was deleted meanwhile is absent, not older");
    assert_eq!(write.apply(Some(&item)).token(), Some(1));
}

#[test]
fn an_item_that_makes_no_sense_counts_as_held() {
    let odd = [("FencingToken".to_owned(), Attribute::text("many")), ("LockState".to_owned(), Attribute::text("?"))];
    let item = LockItem::new(key(), odd.into());
    assert!(matches!(call(2).step(Some(&item), Some(&seen(&item, 0)), moment(10), &T), Step::Refuse(_)));
    let write =
        tried(Acquisition { fence: Some(3), ..call(2) }.step(Some(&item), Some(&seen(&item, 0)), moment(65), &T));
    assert!(write.condition.holds(Some(&item)));
}

#[test]
fn a_restarted_daemon_takes_its_own_lock_back_at_once_and_nobody_elses() {
    let item = held(1, 7, 0);
    let crashed = Some(PreviousHold { session: Ulid::from_parts(1, 1), token: 7 });
    let again = Acquisition { crashed, ..call(9) };
    let write = tried(again.step(Some(&item), Some(&seen(&item, 5)), moment(5), &T));
    let after = write.apply(Some(&item));
    assert_eq!((after.token(), after.hb_seq()), (Some(8), Some(0)));
    assert!(write.condition.holds(Some(&beaten(&item, 3, 60_000, 4))), "its last beats do not matter");
    let other = held(2, 8, 0);
    assert!(!write.condition.holds(Some(&other)));
    assert!(matches!(again.step(Some(&other), Some(&seen(&other, 5)), moment(5), &T), Step::Refuse(_)));
}

#[test]
fn our_own_attempt_is_recognised_until_a_beat_follows() {
    let free = released(&held(1, 7, 0), 0);
    let Step::Try { write, own } = call(2).step(Some(&free), None, moment(1), &T) else { panic!() };
    let ours = write.apply(Some(&free));
    assert!(own.is(&ours) && write.condition.holds(Some(&ours)));
    assert!(!own.is(&beaten(&ours, 1, 60_000, 2)) && !write.condition.holds(Some(&beaten(&ours, 1, 60_000, 2))));
    let Step::Try { own: higher, .. } =
        (Acquisition { fence: Some(30), ..call(2) }).step(Some(&free), None, moment(1), &T)
    else {
        panic!()
    };
    assert!(!higher.is(&ours), "one call may try two tokens");
}

#[test]
fn after_a_forced_unlock_the_next_one_waits_even_if_it_does_not_wait_for_holders() {
    let unlocked = force(&held(1, 7, 0), true, 100);
    assert!(unlocked.is_free() && unlocked.token() == Some(8));
    for (now, no_delay, left) in [(100, false, 45), (144, false, 1), (145, false, 0), (50, false, 45), (100, true, 0)] {
        match (Acquisition { no_delay, ..call(2) }).step(Some(&unlocked), None, moment(now), &T) {
            Step::Wait { at_most, why: Waiting::Unlocked(_) } => assert_eq!(at_most, Duration::from_secs(left)),
            step => assert!(left == 0 && matches!(step, Step::Try { .. }), "at {now}: {step:?}"),
        }
    }
}

fn force(item: &LockItem, even_if_alive: bool, seconds: u64) -> LockItem {
    match unlock(even_if_alive).second_look(item, Some(item), server(seconds)) {
        UnlockStep::Release { write, .. } => write.apply(Some(item)),
        other => panic!("expected a release, not {other:?}"),
    }
}

fn unlock(even_if_alive: bool) -> Unlock {
    Unlock {
        key: key(),
        by: "bob@company.com".to_owned(),
        reason: "gone home".to_owned(),
        even_if_alive,
        audit: Ulid::from_parts(8, 8),
    }
}

#[test]
fn a_forced_unlock_looks_twice_and_refuses_a_living_holder() {
    let item = held(1, 7, 0);
    let look = unlock(false).first_look(Some(&item), server(0), &T);
    assert_eq!(look, UnlockStep::LookAgain(Duration::from_secs(25)));
    let beat = beaten(&item, 2, 60_000, 20);
    assert_eq!(unlock(false).second_look(&item, Some(&beat), server(25)), UnlockStep::Alive(beat.clone()));
    assert_eq!(unlock(false).second_look(&item, None, server(25)), UnlockStep::NotLocked);
    let UnlockStep::Release { write, audit } = unlock(false).second_look(&item, Some(&item), server(25)) else {
        panic!()
    };
    assert!(write.condition.holds(Some(&item)) && !write.condition.holds(Some(&beat)));
    assert_eq!(audit.attributes["UnlockedBy"], Attribute::text("bob@company.com"));
    assert_eq!(audit.attributes["LockedBy"], Attribute::text("alice@company.com"));
    assert_eq!(audit.attributes["EvenIfAlive"], Attribute::text("false"));
    assert!(!audit.attributes.contains_key("TenantID"), "it stays out of the index");
    assert!(audit.lock_id().starts_with("tenant:acme-team:audit:shop:production:"));
}

#[test]
fn even_if_alive_skips_the_waiting_and_the_heartbeat_but_not_the_session_and_the_token() {
    let item = held(1, 7, 0);
    let UnlockStep::Release { write, audit } = unlock(true).first_look(Some(&item), server(0), &T) else { panic!() };
    assert!(write.condition.holds(Some(&beaten(&item, 9, 60_000, 1))));
    assert!(!write.condition.holds(Some(&held(2, 8, 1))) && !write.condition.holds(None));
    assert_eq!(audit.attributes["EvenIfAlive"], Attribute::text("true"));
}

#[test]
fn only_what_is_held_can_be_unlocked() {
    let free = released(&held(1, 7, 0), 1);
    for even_if_alive in [true, false] {
        assert_eq!(unlock(even_if_alive).first_look(Some(&free), server(2), &T), UnlockStep::NotLocked);
        assert_eq!(unlock(even_if_alive).first_look(None, server(2), &T), UnlockStep::NotLocked);
    }
    assert_eq!(unlock(false).refused(Some(&free)), UnlockStep::NotLocked, "of two at once one wins");
    assert!(matches!(unlock(true).first_look(Some(&legacy(0)), server(2), &T), UnlockStep::Release { .. }));
}

#[test]
fn a_refused_beat_landed_before_or_means_a_loss() {
    let (session, item) = (Ulid::from_parts(1, 1), held(1, 7, 0));
    let cases = [
        (Some(beaten(&item, 5, 60_000, 1)), BeatAnswer::Landed(5)),
        (Some(beaten(&item, 6, 60_000, 1)), BeatAnswer::Landed(6)),
        (Some(held(2, 8, 1)), BeatAnswer::Lost),
        (Some(released(&item, 1)), BeatAnswer::Lost),
        (Some(force(&item, true, 1)), BeatAnswer::Lost),
        (Some(legacy(1)), BeatAnswer::Lost),
        (None, BeatAnswer::Lost),
    ];
    for (item, expected) in cases {
        assert_eq!(judge_beat(session, 7, 5, item.as_ref()), expected, "{item:?}");
    }
}

#[test]
fn a_refused_release_had_landed_or_there_was_nothing_to_release() {
    let (session, item) = (Ulid::from_parts(1, 1), held(1, 7, 0));
    let cases = [
        (Some(released(&item, 1)), ReleaseAnswer::Released),
        (Some(held(2, 8, 1)), ReleaseAnswer::WasLost),
        (Some(force(&item, true, 1)), ReleaseAnswer::WasLost),
        (None, ReleaseAnswer::WasLost),
    ];
    for (item, expected) in cases {
        assert_eq!(judge_release(session, 7, item.as_ref()), expected, "{item:?}");
    }
}

#[test]
fn a_holder_is_held_suspect_fenced_or_lost() {
    use HolderState::{Fenced, Held, Lost, Suspect};
    let proof = Proof { sent: at(100), lease: T.lease, lost: false };
    for (now, expected) in [(100, Held), (119, Held), (120, Suspect), (139, Suspect), (140, Fenced), (9999, Fenced)] {
        assert_eq!(proof.standing(at(now), &T), expected, "at {now}");
        assert_eq!(Proof { lost: true, ..proof }.standing(at(now), &T), Lost);
    }
    let wall = |seconds: i64| LeaseInstant { wall: server(105) + SignedDuration::from_secs(seconds), ..at(105) };
    assert_eq!(proof.standing(wall(7200), &T), Fenced, "two hours may have passed");
    assert_eq!(proof.standing(wall(-7200), &T), Held);
    let woken = LeaseInstant { boot: Duration::from_secs(108), ..at(103) };
    assert_eq!(proof.standing(woken, &T), Fenced, "after a suspend only a beat proves anything");
    let raised = Proof { lease: T.longest_lease, ..proof };
    assert_eq!(raised.standing(at(100 + 879), &T), Suspect);
    assert_eq!(raised.standing(at(100 + 880), &T), Fenced);
}

#[test]
fn children_are_stopped_at_forty_seconds_and_ended_at_fifty_five() {
    let guard = Proof { sent: at(100), lease: T.lease, lost: false }.guard(&T);
    assert_eq!(
        guard,
        GuardDeadline { stop_at: Duration::from_secs(140), end_at: Duration::from_secs(155), lost: false }
    );
}

#[test]
fn a_refusal_reads_as_the_product_says() {
    let item = beaten(&held(1, 7, 0), 3, 60_000, 721);
    let error = super::held(&item, server(724), Duration::ZERO, &T);
    let run = item.run().unwrap();
    assert_eq!(error.reason, Reason::LockHeld);
    assert_eq!(error.message, "shop/production is locked");
    let who = format!("alice@company.com on build-7, run {run} (apply), for 12m 4s");
    let facts = [("Held by".to_owned(), who), ("Last heartbeat".to_owned(), "3s ago (alive)".to_owned())];
    assert_eq!(error.facts, facts);
    assert_eq!(error.hints, [format!("wait with --wait 30m, watch with `deployer run attach {run}`")]);
    let dead = super::held(&item, server(1000), Duration::from_secs(90), &T);
    assert_eq!(dead.message, "shop/production is still locked after waiting 1m 30s");
    assert!(dead.facts[1].1.contains("no sign of life") && dead.hints.len() == 2, "{dead:?}");
    let old = super::held(&legacy(0), server(9), Duration::ZERO, &T);
    assert_eq!(old.facts[0].1, "carol@company.com");
}

#[test]
fn durations_are_spelled_in_their_two_largest_units() {
    for (seconds, text) in [(0, "0s"), (59, "59s"), (60, "1m"), (724, "12m 4s"), (7500, "2h 5m"), (180_000, "2d 2h")] {
        assert_eq!(spell(Duration::from_secs(seconds)), text);
    }
}

#[test]
fn polls_become_rarer_within_their_bounds() {
    for waited in [0, 1, 5, 60, 3600] {
        for random in [0.0, 0.5, 1.0, 7.0] {
            let after = poll_after(Duration::from_secs(waited), random, &T);
            assert!(after >= T.poll_min && after <= T.poll_max, "{waited} {random}: {after:?}");
        }
    }
    assert_eq!(poll_after(Duration::ZERO, 1.0, &T), T.poll_min);
    assert_eq!(poll_after(Duration::from_secs(60), 1.0, &T), T.poll_max);
}

#[test]
fn an_item_stays_under_a_kilobyte_whatever_people_are_called() {
    let mut call = Acquisition { fence: Some(u64::MAX / 2), ..call(1) };
    call.holder.actor = "ä".repeat(500);
    call.holder.host = "h".repeat(500);
    call.holder.operation = "o".repeat(500);
    call.holder.version = "v".repeat(500);
    let item = tried(call.step(None, None, moment(0), &T)).apply(None);
    let tombstone = force(&item, true, 1);
    for item in [item, tombstone] {
        let size: usize = item
            .attributes()
            .iter()
            .map(|(name, value)| {
                let (Attribute::Text(text) | Attribute::Number(text)) = value;
                name.len() + text.len()
            })
            .sum();
        assert!(size < 1024, "{size}");
    }
    assert_eq!(held(1, 1, 0).state(), Some(LockState::Held));
}
