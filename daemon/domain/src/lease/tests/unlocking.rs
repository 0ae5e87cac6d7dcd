use super::*;

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
