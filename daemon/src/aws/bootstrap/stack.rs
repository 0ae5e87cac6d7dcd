use std::time::Duration;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::config::http::HttpResponse;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::types::{OnFailure, Parameter, ResourceStatus, Stack, StackStatus};
use deployer_domain::object::{PortError, PortResult};

use crate::aws::Clients;
use crate::aws::error::port_error;

/// What people may deploy themselves as well.
const TEMPLATE: &str = include_str!("../../../../infrastructure/cloudformation/backend.yaml");
const PLACE: &str = "CloudFormation";
/// A bucket and a table are made within a minute or two.
const PATIENCE: Duration = Duration::from_secs(600);
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The stack that owns a bucket and its lock table: a stack's name has no dots.
pub(super) fn name(bucket: &str) -> String {
    format!("deployer-backend-{}", bucket.replace('.', "-"))
}

/// Deploys the template and waits until it is there. Answers whether it did: who may not use CloudFormation, or works
/// where there is none, gets the same by single calls.
pub(super) async fn deploy(clients: &Clients, bucket: &str, table: &str) -> PortResult<bool> {
    let client = clients.cloudformation();
    let stack = name(bucket);
    match forget_failure(&client, &stack).await {
        Ok(()) => {}
        Err(error) => return without(clients, error),
    }
    let parameter = |key: &str, value: &str| Parameter::builder().parameter_key(key).parameter_value(value).build();
    let sent = client
        .create_stack()
        .stack_name(&stack)
        .template_body(TEMPLATE)
        .parameters(parameter("BucketName", bucket))
        .parameters(parameter("TableName", table))
        // The secret gets its value where it is made.
        .parameters(parameter("AdminSecretName", ""))
        .parameters(parameter("RequireTls", if clients.is_plain() { "false" } else { "true" }))
        .on_failure(OnFailure::Rollback)
        .send()
        .await;
    match sent {
        Ok(_) => {}
        // Somebody else bootstraps at the same moment.
        Err(error) if error.code() == Some("AlreadyExistsException") => {}
        Err(error) => return without(clients, failure(error)),
    }
    wait(&client, &stack).await.map(|()| true)
}

/// An attempt that was rolled back left nothing but its name.
async fn forget_failure(client: &Client, stack: &str) -> PortResult<()> {
    let rolled_back = |found: &Stack| found.stack_status == Some(StackStatus::RollbackComplete);
    if !describe(client, stack).await?.as_ref().is_some_and(rolled_back) {
        return Ok(());
    }
    client.delete_stack().stack_name(stack).send().await.map_err(failure)?;
    until(client, stack, |found| found.is_none()).await.map(drop)
}

fn without(clients: &Clients, error: PortError) -> PortResult<bool> {
    if matches!(error, PortError::Denied(_)) || clients.is_elsewhere() {
        tracing::info!(%error, "the backend is made without CloudFormation");
        return Ok(false);
    }
    Err(error)
}

async fn wait(client: &Client, stack: &str) -> PortResult<()> {
    let ended = |found: Option<&Stack>| {
        let status = found.and_then(|found| found.stack_status.as_ref());
        status.is_none_or(|status| !status.as_str().ends_with("_IN_PROGRESS"))
    };
    let found = until(client, stack, ended).await?;
    let status = found.and_then(|found| found.stack_status);
    if matches!(status, Some(StackStatus::CreateComplete | StackStatus::UpdateComplete)) {
        return Ok(());
    }
    let status = status.map_or_else(|| "gone".to_owned(), |status| status.as_str().to_owned());
    let why = first_failure(client, stack).await?.unwrap_or_else(|| "it did not say why".to_owned());
    Err(PortError::Invalid(format!("the {PLACE} stack {stack} could not be made ({status}): {why}")))
}

async fn until(client: &Client, stack: &str, good: impl Fn(Option<&Stack>) -> bool) -> PortResult<Option<Stack>> {
    let begun = tokio::time::Instant::now();
    loop {
        let found = describe(client, stack).await?;
        if good(found.as_ref()) {
            return Ok(found);
        }
        if begun.elapsed() > PATIENCE {
            let minutes = PATIENCE.as_secs() / 60;
            return Err(PortError::Unavailable(format!(
                "the {PLACE} stack {stack} was not ready in {minutes} minutes"
            )));
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

async fn describe(client: &Client, stack: &str) -> PortResult<Option<Stack>> {
    match client.describe_stacks().stack_name(stack).send().await {
        Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next()),
        Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

/// What went wrong first: the rest only follows from it.
async fn first_failure(client: &Client, stack: &str) -> PortResult<Option<String>> {
    let answer = client.describe_stack_events().stack_name(stack).send().await.map_err(failure)?;
    let events = answer.stack_events.unwrap_or_default().into_iter().rev();
    let mut failed = events.filter(|event| event.resource_status == Some(ResourceStatus::CreateFailed));
    Ok(failed.find_map(|event| Some(format!("{}: {}", event.logical_resource_id?, event.resource_status_reason?))))
}

fn failure<E>(error: SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    port_error(error, PLACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_named_after_its_bucket() {
        assert_eq!(name("acme.deployer-state"), "deployer-backend-acme-deployer-state");
    }
}
