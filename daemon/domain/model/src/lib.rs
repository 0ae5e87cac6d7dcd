//! The lock protocol as a model that is explored state by state.
//!
//! Some contenders want one lock, and may be paused at any point, crash, lose answers and have their requests delayed
//! or repeated. What they decide is decided by `deployer-domain`: the acquisition's steps, the conditions and changes
//! of the item, the meaning of a refusal, a holder's standing, the seal. Only what the daemon does *around* those
//! decisions is written here again: which follows which, what is repeated, what a crash forgets.
//!
//! Rooms, in reading order: [`scene`] says how much may happen and [`mutant`] what is broken on purpose; [`law`] is the
//! list of what must always hold; [`world`] is one state; [`rules`] asks the domain; [`roles`] are the actors;
//! [`check`] is the model as the checker sees it.
//!
//! **Invariant:** a state holds ages, never moments, and names for values, never the values: equal situations are
//! equal states.
//! **Invariant:** without a mutant no decision is made here that the domain makes.

pub mod law;
pub mod mutant;
pub mod scene;
pub mod world;

pub mod roles;
pub mod rules;

pub mod check;
