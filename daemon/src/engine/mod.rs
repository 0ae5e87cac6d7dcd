//! The engines, and the processes that they need.

pub mod alive;
pub mod cloudformation;
pub mod command;
pub mod guard;
pub mod process;
pub mod terraform;
