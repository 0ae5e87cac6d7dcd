//! What the tests run against: real parts, each in a process of its own, that end with the test.

pub mod aws;
pub mod bills;
pub mod boto;
pub mod canned;
pub mod client;
pub mod command;
pub mod documents;
pub mod files;
pub mod guide;
pub mod keyring;
pub mod packages;
pub mod pids;
pub mod programs;
pub mod proxy;
pub mod scenes;
pub mod stored;
pub mod terminal;
pub mod terraform;
pub mod wait;
pub mod walled;
pub mod world;

pub use command::{Command, Output, Process};
pub use world::World;
