//! `scheduled-task`: a task on Fargate on a schedule.

use serde::Deserialize;
use serde_json::json;

use super::intrinsic::{attribute, reference};
use super::schedule::Schedule;
use super::statement::allow;
use super::task::Task;
use super::{Builder, Problems};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScheduledTask {
    #[serde(flatten)]
    task: Task,
    schedule: String,
    time_zone: Option<String>,
    enabled: Option<bool>,
    retries: Option<u32>,
}

pub(super) fn compile(builder: &mut Builder<'_>, scheduled: &ScheduledTask) -> Result<(), Problems> {
    let place = scheduled.task.place(builder)?;
    scheduled.task.add(builder, &place, Vec::new())?;
    let mut start = allow(&["ecs:RunTask"], reference("TaskDefinition"));
    start["Condition"] = json!({ "ArnEquals": { "ecs:cluster": attribute("Cluster", "Arn") } });
    let roles = json!([attribute("TaskRole", "Arn"), attribute("ExecutionRole", "Arn")]);
    let mut pass = allow(&["iam:PassRole"], roles);
    pass["Condition"] = json!({ "StringEquals": { "iam:PassedToService": "ecs-tasks.amazonaws.com" } });
    // The tags of the definition go on to the task.
    let mut tag = allow(&["ecs:TagResource"], super::statement::local_arn("ecs", "task/*"));
    tag["Condition"] = json!({ "StringEquals": { "ecs:CreateAction": "RunTask" } });
    let target = json!({
        "Arn": attribute("Cluster", "Arn"),
        "EcsParameters": {
            "TaskDefinitionArn": reference("TaskDefinition"),
            "TaskCount": 1,
            "LaunchType": "FARGATE",
            "NetworkConfiguration": scheduled.task.configuration(&place)?,
            "PropagateTags": "TASK_DEFINITION",
        },
    });
    let schedule = Schedule {
        expression: &scheduled.schedule,
        time_zone: scheduled.time_zone.as_deref(),
        enabled: scheduled.enabled.unwrap_or(true),
        retries: scheduled.retries.unwrap_or(3),
    };
    schedule.add(builder, vec![start, pass, tag], target);
    builder.output("scheduleName", reference("Schedule"));
    builder.output("taskDefinitionArn", reference("TaskDefinition"));
    Ok(())
}
