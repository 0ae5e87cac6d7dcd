//! A schedule that starts something, with the role that it needs for that.

use serde_json::{Value, json};

use super::Builder;
use super::intrinsic::attribute;
use super::role::role;
use super::statement::taken_here_by;

/// When something runs.
#[derive(Debug)]
pub(super) struct Schedule<'a> {
    pub expression: &'a str,
    pub time_zone: Option<&'a str>,
    pub enabled: bool,
    pub retries: u32,
}

impl Schedule<'_> {
    /// Adds it; the role may do what these statements say, and `target` is told which role it is.
    pub fn add(&self, builder: &mut Builder<'_>, statements: Vec<Value>, target: Value) {
        let trust = taken_here_by("scheduler.amazonaws.com");
        builder.add_tagged("ScheduleRole", "AWS::IAM::Role", role(trust, statements));
        let mut target = target;
        target["RoleArn"] = attribute("ScheduleRole", "Arn");
        // A start that is an hour late does more harm than one that is left out.
        target["RetryPolicy"] = json!({ "MaximumRetryAttempts": self.retries, "MaximumEventAgeInSeconds": 3600 });
        builder.add(
            "Schedule",
            "AWS::Scheduler::Schedule",
            json!({
                "ScheduleExpression": self.expression,
                "ScheduleExpressionTimezone": self.time_zone,
                "FlexibleTimeWindow": { "Mode": "OFF" },
                "State": if self.enabled { "ENABLED" } else { "DISABLED" },
                "Target": target,
            }),
        );
    }
}
