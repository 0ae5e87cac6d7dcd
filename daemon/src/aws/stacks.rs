//! CloudFormation with one caller's credentials in one region.

use std::collections::BTreeMap;

use async_trait::async_trait;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::types::{
    Capability, ChangeAction, ChangeSetStatus, ChangeSetType, ExecutionStatus, Parameter, Replacement, Stack, Tag,
    TemplateStage,
};
use deployer_domain::cloudformation::{
    ChangeSet, ChangeSetRequest, DriftDetection, StackDescription, StackEvent, Stacks, TemplateBody,
};
use deployer_domain::object::{PortError, PortResult};
use deployer_domain::plan::{ResourceAction, ResourceChange};
use deployer_domain::state::Resource;
use jiff::Timestamp;

use super::Clients;
use super::error::port_error;
use super::{empty_bucket, stack_drift};

const PLACE: &str = "CloudFormation";
/// How the provider says that a change set would change nothing.
const NOTHING: [&str; 2] = ["didn't contain changes", "No updates are to be performed"];

/// CloudFormation with one caller's credentials in one region.
#[derive(Debug, Clone)]
pub struct CloudformationStacks {
    clients: Clients,
    client: Client,
}

impl CloudformationStacks {
    /// Asks with a caller's clients.
    pub fn new(clients: Clients) -> Self {
        let client = clients.cloudformation();
        Self { clients, client }
    }

    async fn send_change_set(&self, request: &ChangeSetRequest, capabilities: &[String]) -> PortResult<Attempt> {
        let kind = if request.create { ChangeSetType::Create } else { ChangeSetType::Update };
        let parameters = request.parameters.iter().map(|(name, value)| {
            let value = value.expose().unwrap_or_default();
            Parameter::builder().parameter_key(name).parameter_value(value).build()
        });
        let kept = request.kept_parameters.iter();
        let kept = kept.map(|name| Parameter::builder().parameter_key(name).use_previous_value(true).build());
        let tags = request.tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build());
        let call = self.client.create_change_set();
        let call = match &request.template {
            TemplateBody::Text(text) => call.template_body(&**text),
            TemplateBody::Link(url) => call.template_url(url),
        };
        let capabilities: Vec<Capability> = capabilities.iter().map(|name| Capability::from(name.as_str())).collect();
        let sent = call
            .stack_name(&request.stack)
            .change_set_name(&request.name)
            .client_token(&request.name)
            .change_set_type(kind)
            .set_parameters(Some(parameters.chain(kept).collect()))
            .set_tags(Some(tags.collect()))
            .set_capabilities((!capabilities.is_empty()).then_some(capabilities))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Attempt::Made),
            Err(error) => match error.code() {
                Some("AlreadyExistsException") => Ok(Attempt::Made),
                Some("InsufficientCapabilitiesException") => {
                    Ok(Attempt::Needs(named_capabilities(error.message().unwrap_or_default())))
                }
                _ => Err(port_error(error, PLACE)),
            },
        }
    }
}

enum Attempt {
    Made,
    /// These have to be acknowledged as well.
    Needs(Vec<String>),
}

/// The capabilities that a refusal names: `Requires capabilities : [CAPABILITY_NAMED_IAM]`.
fn named_capabilities(message: &str) -> Vec<String> {
    let words = message.split(|c: char| !c.is_ascii_uppercase() && c != '_');
    words.filter(|word| word.starts_with("CAPABILITY_")).map(str::to_owned).collect()
}

#[async_trait]
impl Stacks for CloudformationStacks {
    async fn account(&self) -> PortResult<String> {
        self.clients.account().await
    }

    async fn describe(&self, stack: &str) -> PortResult<Option<StackDescription>> {
        match self.client.describe_stacks().stack_name(stack).send().await {
            Ok(answer) => Ok(answer.stacks.unwrap_or_default().into_iter().next().map(description)),
            Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => Ok(None),
            Err(error) => Err(port_error(error, PLACE)),
        }
    }

    async fn create_change_set(&self, request: &ChangeSetRequest) -> PortResult<()> {
        let mut capabilities: Vec<String> = request.capabilities.iter().map(|name| (*name).to_owned()).collect();
        for _ in 0..3 {
            match self.send_change_set(request, &capabilities).await? {
                Attempt::Made => return Ok(()),
                Attempt::Needs(more) => capabilities.extend(more),
            }
        }
        Err(PortError::Invalid(format!("{PLACE} asks for capabilities that cannot be given: {capabilities:?}")))
    }

    async fn change_set(&self, stack: &str, name: &str) -> PortResult<Option<ChangeSet>> {
        let mut changes = Vec::new();
        let mut page = None;
        loop {
            let call = self.client.describe_change_set().stack_name(stack).change_set_name(name);
            let answer = match call.set_next_token(page).send().await {
                Ok(answer) => answer,
                Err(error) if error.code() == Some("ChangeSetNotFound") => return Ok(None),
                Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => {
                    return Ok(None);
                }
                Err(error) => return Err(port_error(error, PLACE)),
            };
            let reason = answer.status_reason.unwrap_or_default();
            match answer.status {
                Some(ChangeSetStatus::CreateComplete) => {}
                Some(ChangeSetStatus::Failed) if NOTHING.iter().any(|words| reason.contains(words)) => {
                    return Ok(Some(ChangeSet::Empty));
                }
                Some(ChangeSetStatus::Failed) => return Ok(Some(ChangeSet::Failed(reason))),
                _ => return Ok(Some(ChangeSet::Pending)),
            }
            let resources = answer.changes.unwrap_or_default().into_iter();
            changes.extend(resources.filter_map(|change| change.resource_change).map(resource_change));
            page = answer.next_token;
            if page.is_none() {
                return Ok(Some(ChangeSet::Ready(changes)));
            }
        }
    }

    async fn change_sets(&self, stack: &str) -> PortResult<Vec<String>> {
        let mut names = Vec::new();
        let mut pages = self.client.list_change_sets().stack_name(stack).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => break,
                Err(error) => return Err(port_error(error, PLACE)),
            };
            let open = page.summaries.unwrap_or_default().into_iter();
            let open = open.filter(|set| set.execution_status != Some(ExecutionStatus::ExecuteComplete));
            names.extend(open.filter_map(|set| set.change_set_name));
        }
        Ok(names)
    }

    async fn delete_change_set(&self, stack: &str, name: &str) -> PortResult<()> {
        match self.client.delete_change_set().stack_name(stack).change_set_name(name).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.message().is_some_and(|message| message.contains("does not exist")) => Ok(()),
            Err(error) => Err(port_error(error, PLACE)),
        }
    }

    async fn execute(&self, stack: &str, name: &str, token: &str) -> PortResult<()> {
        let call = self.client.execute_change_set().stack_name(stack).change_set_name(name);
        call.client_request_token(token).send().await.map(drop).map_err(|error| port_error(error, PLACE))
    }

    async fn protect(&self, stack: &str, on: bool) -> PortResult<()> {
        let call = self.client.update_termination_protection().stack_name(stack);
        call.enable_termination_protection(on).send().await.map(drop).map_err(|error| port_error(error, PLACE))
    }

    async fn delete(&self, stack: &str, token: &str) -> PortResult<()> {
        let call = self.client.delete_stack().stack_name(stack).client_request_token(token);
        call.send().await.map(drop).map_err(|error| port_error(error, PLACE))
    }

    async fn cancel_update(&self, stack: &str) -> PortResult<()> {
        let call = self.client.cancel_update_stack().stack_name(stack);
        call.send().await.map(drop).map_err(|error| port_error(error, PLACE))
    }

    async fn continue_rollback(&self, stack: &str, token: &str) -> PortResult<()> {
        let call = self.client.continue_update_rollback().stack_name(stack).client_request_token(token);
        call.send().await.map(drop).map_err(|error| port_error(error, PLACE))
    }

    async fn newest_event(&self, stack: &str) -> PortResult<Option<String>> {
        let page = self.client.describe_stack_events().stack_name(stack).send().await;
        let page = page.map_err(|error| port_error(error, PLACE))?;
        Ok(page.stack_events.unwrap_or_default().into_iter().next().and_then(|event| event.event_id))
    }

    async fn events(&self, stack: &str, after: Option<&str>) -> PortResult<Vec<StackEvent>> {
        let mut found = Vec::new();
        let mut pages = self.client.describe_stack_events().stack_name(stack).into_paginator().send();
        'pages: while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error(error, PLACE))?;
            for event in page.stack_events.unwrap_or_default() {
                if after.is_some() && event.event_id.as_deref() == after {
                    break 'pages;
                }
                found.push(stack_event(event));
            }
        }
        found.reverse();
        Ok(found)
    }

    async fn template(&self, stack: &str) -> PortResult<String> {
        let call = self.client.get_template().stack_name(stack).template_stage(TemplateStage::Original);
        let answer = call.send().await.map_err(|error| port_error(error, PLACE))?;
        answer.template_body.ok_or_else(|| PortError::Invalid(format!("{PLACE} answered no template of {stack}")))
    }

    async fn empty_bucket(&self, bucket: &str) -> PortResult<usize> {
        empty_bucket::some_of(&self.clients, bucket).await
    }

    async fn resources(&self, stack: &str) -> PortResult<Vec<Resource>> {
        let mut found = Vec::new();
        let mut pages = self.client.list_stack_resources().stack_name(stack).into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error(error, PLACE))?;
            found.extend(page.stack_resource_summaries.unwrap_or_default().into_iter().filter_map(|resource| {
                Some(Resource { resource_type: resource.resource_type?, id: resource.physical_resource_id? })
            }));
        }
        Ok(found)
    }

    async fn detect_drift(&self, stack: &str) -> PortResult<String> {
        stack_drift::detect(&self.client, stack).await
    }

    async fn drift_detection(&self, id: &str) -> PortResult<DriftDetection> {
        stack_drift::detection(&self.client, id).await
    }

    async fn drifted(&self, stack: &str) -> PortResult<Vec<String>> {
        stack_drift::drifted(&self.client, stack).await
    }
}

fn description(stack: Stack) -> StackDescription {
    let tags = stack.tags.unwrap_or_default().into_iter();
    let outputs = stack.outputs.unwrap_or_default().into_iter();
    let drift = stack.drift_information.and_then(|drift| {
        let at = Timestamp::from_second(drift.last_check_timestamp?.secs()).ok()?;
        Some((drift.stack_drift_status?.as_str().to_owned(), at))
    });
    StackDescription {
        id: stack.stack_id.or(stack.stack_name).unwrap_or_default(),
        status: stack.stack_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        reason: stack.stack_status_reason.unwrap_or_default(),
        tags: tags.filter_map(|tag| Some((tag.key?, tag.value?))).collect(),
        outputs: outputs
            .filter_map(|output| Some((output.output_key?, output.output_value?)))
            .collect::<BTreeMap<_, _>>(),
        protected: stack.enable_termination_protection.unwrap_or_default(),
        drift,
    }
}

fn resource_change(change: aws_sdk_cloudformation::types::ResourceChange) -> ResourceChange {
    let action = match (&change.action, &change.replacement) {
        (Some(ChangeAction::Add), _) => ResourceAction::Add,
        (Some(ChangeAction::Remove), _) => ResourceAction::Remove,
        (Some(ChangeAction::Import), _) => ResourceAction::Import,
        (Some(ChangeAction::Modify), Some(Replacement::True)) => ResourceAction::Replace,
        (Some(ChangeAction::Modify), Some(Replacement::Conditional)) => ResourceAction::MayReplace,
        (Some(ChangeAction::Modify), _) => ResourceAction::Modify,
        _ => ResourceAction::Dynamic,
    };
    let details = change.details.unwrap_or_default().into_iter();
    let mut details: Vec<String> = details
        .filter_map(|detail| {
            let target = detail.target?;
            let attribute = target.attribute.map(|attribute| attribute.as_str().to_owned());
            Some([attribute, target.name].into_iter().flatten().collect::<Vec<_>>().join("."))
        })
        .filter(|detail| !detail.is_empty())
        .collect();
    details.sort();
    details.dedup();
    let resource_type = change.resource_type.unwrap_or_default();
    ResourceChange {
        action,
        name: change.logical_resource_id.unwrap_or_default(),
        permissions: resource_type.starts_with("AWS::IAM::") || resource_type.ends_with("Policy"),
        resource_type,
        physical_id: change.physical_resource_id.unwrap_or_default(),
        details,
    }
}

fn stack_event(event: aws_sdk_cloudformation::types::StackEvent) -> StackEvent {
    let resource_type = event.resource_type.unwrap_or_default();
    let of_stack = resource_type == "AWS::CloudFormation::Stack" && event.physical_resource_id == event.stack_id;
    StackEvent {
        id: event.event_id.unwrap_or_default(),
        token: event.client_request_token.unwrap_or_default(),
        resource: event.logical_resource_id.unwrap_or_default(),
        resource_type,
        status: event.resource_status.map(|status| status.as_str().to_owned()).unwrap_or_default(),
        reason: event.resource_status_reason.unwrap_or_default(),
        of_stack,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_what_has_to_be_acknowledged() {
        assert_eq!(named_capabilities("Requires capabilities : [CAPABILITY_NAMED_IAM]"), ["CAPABILITY_NAMED_IAM"]);
        assert_eq!(named_capabilities("[CAPABILITY_IAM, CAPABILITY_AUTO_EXPAND]").len(), 2);
        assert!(named_capabilities("Access denied").is_empty());
    }
}
