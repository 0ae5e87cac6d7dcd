//! What the tests run against: real parts, each in a process of its own, that end with the test.

pub mod aws;
pub mod canned;
pub mod proxy;
