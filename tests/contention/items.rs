//! The items of the lock table, read past the product: by boto3 from DynamoDB, by Python's SQLite from the file.

use std::collections::BTreeMap;

use harness::aws::{REGION, python_environment};
use harness::scenes::Platform;

const SCRIPT: &str = include_str!("items.py");

/// All items of a platform's table, by their lock.
#[track_caller]
pub fn read(platform: &Platform) -> BTreeMap<String, serde_json::Value> {
    let python = python_environment().join("bin/python");
    let program = platform.world.program(python).env("AWS_DEFAULT_REGION", REGION);
    let read = program.args(["-c", SCRIPT, &platform.address]).run().succeeds();
    serde_json::from_str(&read.stdout).unwrap()
}
