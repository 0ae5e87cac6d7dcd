//! The daemon: what joins the thinking to the world.

pub mod aws;
pub mod clock;
pub mod embedded;
pub mod engine;
pub mod lease;
pub mod operation;
