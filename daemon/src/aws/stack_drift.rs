//! Looking for drift of CloudFormation stacks.

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{StackDriftDetectionStatus, StackResourceDrift, StackResourceDriftStatus};
use deployer_domain::cloudformation::DriftDetection;
use deployer_domain::object::{PortError, PortResult};

use super::error::port_error;

const PLACE: &str = "CloudFormation";

/// Begins to look; answers the id of the look.
pub(super) async fn detect(client: &Client, stack: &str) -> PortResult<String> {
    let answer = client.detect_stack_drift().stack_name(stack).send().await;
    let answer = answer.map_err(|error| port_error(error, PLACE))?;
    let id = answer.stack_drift_detection_id;
    id.ok_or_else(|| PortError::Invalid(format!("{PLACE} did not say under which id it looks for drift")))
}

/// What a look came to.
pub(super) async fn detection(client: &Client, id: &str) -> PortResult<DriftDetection> {
    let answer = client.describe_stack_drift_detection_status().stack_drift_detection_id(id).send().await;
    let answer = answer.map_err(|error| port_error(error, PLACE))?;
    if answer.detection_status == Some(StackDriftDetectionStatus::DetectionInProgress) {
        return Ok(DriftDetection::Pending);
    }
    let status = answer.stack_drift_status.map(|status| status.as_str().to_owned()).unwrap_or_default();
    Ok(DriftDetection::Done(status, answer.detection_status_reason.unwrap_or_default()))
}

/// What is not as the template says, each in one line.
pub(super) async fn drifted(client: &Client, stack: &str) -> PortResult<Vec<String>> {
    let (mut lines, mut page) = (Vec::new(), None);
    loop {
        let call = client
            .describe_stack_resource_drifts()
            .stack_name(stack)
            .stack_resource_drift_status_filters(StackResourceDriftStatus::Modified)
            .stack_resource_drift_status_filters(StackResourceDriftStatus::Deleted);
        let answer = call.set_next_token(page).send().await.map_err(|error| port_error(error, PLACE))?;
        lines.extend(answer.stack_resource_drifts.unwrap_or_default().iter().map(line));
        page = answer.next_token;
        if page.is_none() {
            return Ok(lines);
        }
    }
}

fn line(drift: &StackResourceDrift) -> String {
    let name = drift.logical_resource_id.as_deref().unwrap_or("a resource");
    let kind = drift.resource_type.as_deref().unwrap_or_default();
    if drift.stack_resource_drift_status == Some(StackResourceDriftStatus::Deleted) {
        return format!("{name} ({kind}) was deleted");
    }
    let differences = drift.property_differences.iter().flatten().map(|difference| {
        let path = difference.property_path.as_deref().unwrap_or_default().trim_start_matches('/').replace('/', ".");
        let expected = difference.expected_value.as_deref().unwrap_or_default();
        let actual = difference.actual_value.as_deref().unwrap_or_default();
        format!("{path}: {expected} -> {actual}")
    });
    format!("{name} ({kind}) {}", differences.collect::<Vec<_>>().join("; "))
}
