use super::*;

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

/// Found by the model: a token that never sealed the state is given again once its item was deleted.
#[test]
fn a_lock_that_the_same_session_took_anew_is_watched_anew() {
    let tenure = |attempt| {
        let call = Acquisition { attempt: Ulid::from_parts(2, attempt), fence: Some(0), ..call(1) };
        tried(call.step(None, None, moment(0), &T)).apply(None)
    };
    let (first, again) = (tenure(1), tenure(2));
    assert_eq!((first.session(), first.token(), first.hb_seq()), (again.session(), again.token(), again.hb_seq()));
    let watched = seen(&first, 0);
    assert_eq!(Observation::note(Some(&watched), &again, at(64), &T).left(at(64)), Duration::from_secs(65));
    let takeover = tried(patient(2, 1000).step(Some(&first), Some(&watched), moment(65), &T));
    assert!(takeover.condition.holds(Some(&first)) && !takeover.condition.holds(Some(&again)));
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
        let step = |call: Acquisition| call.step(Some(&item), Some(&seen(&item, now - 25)), moment(now), &T);
        assert_eq!(matches!(step(call(2)), Step::Try { .. }), takes, "at {now}");
        assert!(matches!(step(patient(2, 100_000)), Step::Wait { .. }), "a waiter watches for itself");
    }
}

#[test]
fn a_lock_that_expired_by_the_wall_clock_alone_is_watched_until_a_living_holder_would_have_beaten() {
    let item = held(1, 7, 0);
    let jumped = |passed| Moment { now: at(passed), server: server(7200) };
    let first = seen(&item, 0);
    let Step::Wait { at_most, .. } = call(2).step(Some(&item), Some(&first), jumped(0), &T) else { panic!() };
    assert_eq!(at_most, T.unlock_look);
    assert!(matches!(call(2).step(Some(&item), Some(&first), jumped(24), &T), Step::Wait { .. }));
    assert!(matches!(call(2).step(Some(&item), Some(&first), jumped(25), &T), Step::Try { .. }));
    // The holder's clock is right, so its beats look expired too.
    let beat = beaten(&item, 1, 60_000, 10);
    let moved = Observation::note(Some(&first), &beat, at(10), &T);
    for passed in [10, 60] {
        assert!(matches!(call(2).step(Some(&beat), Some(&moved), jumped(passed), &T), Step::Refuse(_)), "it lives");
    }
    assert!(matches!(call(2).step(Some(&beat), Some(&moved), jumped(75), &T), Step::Try { .. }), "it lived");
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
