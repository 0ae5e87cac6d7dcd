//! The faults that locks and state must survive, each with its exact outcome: the real programs, each user behind a proxy
//! of their own, against a local AWS. Times are the protocol's, shortened by one factor that keeps their ratios.
//!
//! | fault | tests |
//! |---|---|
//! | kill -9, another daemon waiting | [`kill`]: `a_killed_holder_is_followed_…` |
//! | kill -9, restarted after 5 s | [`kill`]: `a_restarted_daemon_goes_on_…` |
//! | kill -9 or SIGSTOP while a command runs 5 minutes | [`kill`]: `the_commands_of_a_killed_daemon_…`, [`pause`]: `the_commands_of_a_paused_daemon_…` |
//! | the journal copied to another machine or home | [`journal`] |
//! | SIGSTOP 90 s, waiter present | [`pause`]: `a_holder_that_was_paused_…_meets_its_successor` |
//! | SIGSTOP 90 s, nobody waiting | [`pause`]: `a_holder_that_was_paused_…_alone` |
//! | DynamoDB unreachable 30 s / 50 s | [`network`]: `half_a_minute_…`, `fifty_seconds_…` |
//! | all unreachable 120 s, waiter on another network | [`network`]: `a_holder_cut_off_…` |
//! | answer lost after the write applied | [`answers`]: `…_whose_answers_are_lost_…` |
//! | old duplicate delivered late | [`answers`]: `…_duplicates_…` |
//! | throttled 30 s / 45 s | [`network`]: `throttling_…` |
//! | wall clock ± 2 h on either side | [`clocks`] |
//! | item deleted under a holder | [`unlock`]: `an_item_that_is_deleted_…` |
//! | forced unlock: alive / forced / two at once | [`unlock`]: `a_living_holder_…`, `a_holder_that_is_put_out_…`, `of_two_forced_unlocks_…` |
//! | credentials expire and return in 10 min / never | [`credentials`] |
//! | kill -9 before and after every write of an apply | [`matrix`], and [`embedded`] on the embedded backend |
//!
//! Many contenders have a target of their own. `make test-faults` runs the first six rows with the real times.
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail as loudly as the tests")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "where a run was killed explains what failed then")]

mod answers;
mod clocks;
mod credentials;
mod embedded;
mod ground;
mod journal;
mod kill;
mod matrix;
mod network;
mod pause;
mod unlock;
