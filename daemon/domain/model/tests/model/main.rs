//! The lock protocol explored within small bounds: as it is, and broken in one way at a time.
//!
//! `DEPLOYER_MODEL_BOUND=large` explores one more fault in each scene without a deletion by hand.
#![allow(clippy::print_stdout, reason = "what was explored is shown to whoever asks for it")]

mod explore;
mod mutants;
mod scenes;
