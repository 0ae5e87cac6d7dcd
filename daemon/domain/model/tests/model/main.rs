//! The lock protocol explored within small bounds: as it is, and broken in one way at a time.
//!
//! `DEPLOYER_MODEL_BOUND=large` explores one more fault in each scene without a deletion.

mod explore;
mod mutants;
mod scenes;
