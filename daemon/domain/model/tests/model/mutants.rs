//! The protocol broken in one way: the checker finds what goes wrong, and by which law.

use deployer_model::law::Law;
use deployer_model::mutant::Mutant;
use deployer_model::scene::{Engine, Scene};

use crate::explore::is_caught;

#[test]
fn without_a_seal_an_engine_starts_too_early() {
    is_caught(Mutant::NoSeal, Scene::SMALL, &[Law::EngineAfterSeal]);
}

#[test]
fn without_comparing_the_fence_it_falls() {
    let scene = Scene { deletions: 1, crashes: 1, beats: 0, ..Scene::SMALL };
    is_caught(Mutant::NoFenceCompare, scene, &[Law::FenceNeverFalls]);
}

#[test]
fn a_token_that_is_added_to_rises_twice_for_one_attempt() {
    is_caught(Mutant::AddOne, Scene { faults: 1, ..Scene::SMALL }, &[Law::OneHolderPerToken]);
}

#[test]
fn an_own_attempt_without_the_heartbeat_number_turns_it_back() {
    is_caught(Mutant::OwnWithoutSeq, Scene { faults: 1, ..Scene::SMALL }, &[Law::PairsNeverRepeat]);
}

#[test]
fn an_own_attempt_without_the_token_lowers_it() {
    let scene = Scene { faults: 1, beats: 0, tokens: 2, ..Scene::SMALL };
    is_caught(Mutant::OwnWithoutToken, scene, &[Law::TokensRise]);
}

#[test]
fn an_own_attempt_that_is_not_recognised_is_a_conflict() {
    let scene = Scene { faults: 1, ..Scene::SMALL };
    is_caught(Mutant::OwnUnrecognised, scene, &[Law::OwnIsNoConflict]);
}

#[test]
fn a_beat_without_its_number_turns_a_later_one_back() {
    let scene = Scene { contenders: 1, faults: 1, beats: 2, ..Scene::SMALL };
    is_caught(Mutant::BeatWithoutSeq, scene, &[Law::PairsNeverRepeat]);
}

#[test]
fn a_beat_on_the_one_before_it_gives_up_a_lock_that_is_held() {
    let scene = Scene { contenders: 1, faults: 1, beats: 2, ..Scene::SMALL };
    is_caught(Mutant::BeatOnVersion, scene, &[Law::LostIsLost]);
}

#[test]
fn a_beat_for_anybody_touches_a_foreign_lock() {
    is_caught(Mutant::BeatForAnybody, Scene { tokens: 2, ..Scene::SMALL }, &[Law::HoldersTouchOnlyTheirOwn]);
}

#[test]
fn a_beat_of_any_attempt_lands_on_the_next_tenure_of_its_session() {
    let scene = Scene { contenders: 1, faults: 1, deletions: 1, rounds: 2, tokens: 2, ..Scene::SMALL };
    is_caught(Mutant::BeatOfAnyAttempt, scene, &[Law::HoldersTouchOnlyTheirOwn]);
}

#[test]
fn a_call_that_writes_the_same_again_after_its_item_was_deleted_is_taken_over_alive() {
    let scene = Scene { deletions: 1, crashes: 1, faults: 1, beats: 0, tokens: 2, ..Scene::SMALL };
    is_caught(Mutant::SameAttempt, scene, &[Law::NothingAfterTheSuccessor]);
}

#[test]
fn a_released_lock_that_is_taken_at_any_token_is_held_twice_with_one() {
    let scene = Scene { rounds: 2, beats: 0, tokens: 2, ..Scene::SMALL };
    is_caught(Mutant::FreeWithoutToken, scene, &[Law::ReleasedStaysReleased, Law::TokensRise]);
}

#[test]
fn an_unconditional_unlock_lowers_the_token() {
    let scene = Scene { unlockers: &[true], beats: 0, ..Scene::SMALL };
    is_caught(Mutant::UnconditionalUnlock, scene, &[Law::TokensRise]);
}

#[test]
fn an_audit_apart_from_its_unlock_tells_of_one_that_never_was() {
    let scene = Scene { contenders: 1, unlockers: &[false], ..Scene::SMALL };
    is_caught(Mutant::AuditApart, scene, &[Law::OneAuditPerUnlock]);
}

#[test]
fn a_waiter_that_counts_from_its_question_takes_over_a_living_holder() {
    let scene = Scene { slow_reads: true, tokens: 2, ..Scene::SMALL };
    is_caught(Mutant::TimerAtSend, scene, &[Law::NothingAfterTheSuccessor]);
}

#[test]
fn a_state_that_is_written_whatever_is_there_loses_writes() {
    let laws = &[Law::FenceNeverFalls, Law::NothingAfterTheSuccessor];
    is_caught(Mutant::WriteAlways, Scene { beats: 0, tokens: 2, ..Scene::SMALL }, laws);
}

#[test]
fn a_change_set_that_is_left_alone_runs_beside_its_successor() {
    let scene = Scene { engine: Engine::CloudFormation, crashes: 1, beats: 0, ..Scene::SMALL };
    is_caught(Mutant::NoCleanup, scene, &[Law::NothingAfterTheSuccessor]);
}
