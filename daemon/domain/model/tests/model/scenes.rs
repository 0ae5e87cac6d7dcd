//! The protocol as it is.

use deployer_model::law::Event;
use deployer_model::scene::{Engine, Scene};

use crate::explore::holds;

#[test]
fn a_holder_may_be_paused_and_an_answer_lost_at_any_point() {
    let sometimes =
        &[Event::Takeover, Event::FencedToHeld, Event::OwnRetry, Event::SealedAfterRefusal, Event::LostByState];
    holds("pauses", Scene { faults: 1, tokens: 2, sometimes, ..Scene::SMALL });
}

#[test]
fn two_requests_may_go_astray() {
    let sometimes = &[Event::Takeover, Event::OwnRetry, Event::SealedAfterRefusal, Event::LostByState];
    holds("astray", Scene { faults: 2, beats: 0, tokens: 2, sometimes, ..Scene::SMALL });
}

#[test]
fn beats_may_overtake_each_other() {
    let sometimes = &[Event::FencedToHeld, Event::OwnRetry];
    holds("beats", Scene { contenders: 1, faults: 2, beats: 3, sometimes, ..Scene::SMALL });
}

#[test]
fn the_answers_to_a_waiter_may_take_any_time() {
    let sometimes = &[Event::Takeover, Event::FencedToHeld];
    holds("slow reads", Scene { slow_reads: true, tokens: 2, sometimes, ..Scene::SMALL });
}

#[test]
fn three_may_want_the_lock() {
    let sometimes = &[Event::Takeover, Event::SealedAfterRefusal];
    holds("three", Scene { contenders: 3, beats: 0, sometimes, ..Scene::SMALL });
}

#[test]
fn a_daemon_may_be_killed_and_restarted_at_any_point() {
    let sometimes = &[Event::Reacquired, Event::Takeover];
    holds("restarts", Scene { crashes: 1, beats: 0, sometimes, ..Scene::SMALL });
}

#[test]
fn somebody_may_unlock_a_dead_holder_by_force() {
    let sometimes = &[Event::ForcedUnlock, Event::Takeover];
    holds("unlock", Scene { unlockers: &[false], sometimes, ..Scene::SMALL });
}

#[test]
fn somebody_may_unlock_a_living_holder_by_force() {
    let sometimes = &[Event::ForcedUnlock, Event::LostByState];
    holds("unlock alive", Scene { unlockers: &[true], sometimes, ..Scene::SMALL });
}

#[test]
fn two_may_unlock_at_once_and_lose_an_answer() {
    let sometimes = &[Event::ForcedUnlock];
    let unlockers = &[false, true];
    holds("two unlocks", Scene { contenders: 1, unlockers, faults: 1, tokens: 4, sometimes, ..Scene::SMALL });
}

#[test]
fn an_expired_item_may_be_deleted() {
    let sometimes = &[Event::Raised];
    holds("expiry", Scene { deletions: 1, crashes: 1, beats: 0, sometimes, ..Scene::SMALL });
}

#[test]
fn a_daemon_may_want_a_deleted_lock_again() {
    holds("again", Scene { deletions: 1, rounds: 2, tokens: 2, ..Scene::SMALL });
}

#[test]
fn a_request_may_go_astray_and_the_item_be_deleted() {
    let scene = Scene { contenders: 1, deletions: 1, faults: 1, rounds: 2, tokens: 2, ..Scene::SMALL };
    holds("deletion astray", scene);
}

#[test]
fn an_older_holders_operation_is_adopted_or_refused() {
    let sometimes = &[Event::Adoption, Event::OlderSetRefused, Event::Reacquired];
    let engine = Engine::CloudFormation;
    holds("cloud", Scene { engine, crashes: 1, beats: 0, sometimes, ..Scene::SMALL });
}

#[test]
fn an_item_may_be_deleted_by_hand_under_a_living_holder() {
    let sometimes = &[Event::Raised, Event::LostByState];
    let engine = Engine::Nothing;
    holds("deletion", Scene { engine, deletions: 1, beats: 0, sometimes, ..Scene::SMALL });
}
