use super::*;

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
fn a_refused_beat_landed_before_or_means_a_loss() {
    let (term, item) = (call(1).term(7), held(1, 7, 0));
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
        assert_eq!(judge_beat(&term, 5, item.as_ref()), expected, "{item:?}");
    }
}

#[test]
fn a_refused_release_had_landed_or_there_was_nothing_to_release() {
    let (term, item) = (call(1).term(7), held(1, 7, 0));
    let cases = [
        (Some(released(&item, 1)), ReleaseAnswer::Released),
        (Some(held(2, 8, 1)), ReleaseAnswer::WasLost),
        (Some(force(&item, true, 1)), ReleaseAnswer::WasLost),
        (None, ReleaseAnswer::WasLost),
    ];
    for (item, expected) in cases {
        assert_eq!(judge_release(&term, item.as_ref()), expected, "{item:?}");
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
    let error = crate::lease::held(&item, server(724), Duration::ZERO, &T);
    let run = item.run().unwrap();
    assert_eq!(error.reason, Reason::LockHeld);
    assert_eq!(error.message, "shop/production is locked");
    let who = format!("alice@company.com on build-7, run {run} (apply), for 12m 4s");
    let facts = [("Held by".to_owned(), who), ("Last heartbeat".to_owned(), "3s ago (alive)".to_owned())];
    assert_eq!(error.facts, facts);
    assert_eq!(error.hints, [format!("wait with --wait 30m, watch with `deployer run attach {run}`")]);
    let dead = crate::lease::held(&item, server(1000), Duration::from_secs(90), &T);
    assert_eq!(dead.message, "shop/production is still locked after waiting 1m 30s");
    assert!(dead.facts[1].1.contains("no sign of life") && dead.hints.len() == 2, "{dead:?}");
    let old = crate::lease::held(&legacy(0), server(9), Duration::ZERO, &T);
    assert_eq!(old.facts[0].1, "carol@company.com");
}

#[test]
fn durations_are_spelled_in_their_two_largest_units() {
    for (seconds, text) in [(0, "0s"), (59, "59s"), (60, "1m"), (724, "12m 4s"), (7500, "2h 5m"), (180_000, "2d 2h")] {
        assert_eq!(spell(Duration::from_secs(seconds)), text);
    }
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
