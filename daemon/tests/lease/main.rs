//! Leases and sealed states with real threads and shortened times: contenders, partitions, lost answers, take-over.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod backends;
mod clocks;
mod faults;
mod holders;
mod states;
mod waiting;
mod world;
