//! What a caller's own credentials may do with stacks, logs and what runs.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use deployer_domain::cloudformation::{ChangeSetRequest, Stacks, TemplateBody};
use deployer_domain::engine_rights::{EngineRights, Need, Tried};
use deployer_domain::logs::LogGroups;
use deployer_domain::object::PortResult;
use jiff::Timestamp;

use super::{AwsMeters, Clients, CloudformationStacks, CloudwatchLogs};

/// A look for drift that nobody has asked for.
const NOBODYS_LOOK: &str = "00000000-0000-0000-0000-000000000000";
const TEMPLATE: &str = "Resources: { Nothing: { Type: 'AWS::CloudFormation::WaitConditionHandle' } }";

/// A caller's own rights in one region.
pub struct AwsEngineRights {
    stacks: CloudformationStacks,
    logs: CloudwatchLogs,
    meters: AwsMeters,
}

impl AwsEngineRights {
    /// Those of a caller's own credentials.
    pub fn new(clients: &Clients) -> PortResult<Self> {
        let (stacks, logs) = (CloudformationStacks::new(clients.clone()), CloudwatchLogs::new(clients));
        Ok(Self { stacks, logs, meters: AwsMeters::new(clients)? })
    }

    async fn look(&self, stack: &str) -> Vec<Tried> {
        let stacks = &self.stacks;
        let (described, events, change_set, change_sets, resources, template, detection, drifted) = tokio::join!(
            stacks.describe(stack),
            stacks.newest_event(stack),
            stacks.change_set(stack, stack),
            stacks.change_sets(stack),
            stacks.resources(stack),
            stacks.template(stack),
            stacks.drift_detection(NOBODYS_LOOK),
            stacks.drifted(stack),
        );
        vec![
            // The first is taken by its word: a question that cannot be put is no question about what is not there.
            Tried { action: "cloudformation:DescribeStacks", answer: described.map(drop) },
            Tried::of_nothing("cloudformation:DescribeStackEvents", events),
            Tried::of_nothing("cloudformation:DescribeChangeSet", change_set),
            Tried::of_nothing("cloudformation:ListChangeSets", change_sets),
            Tried::of_nothing("cloudformation:ListStackResources", resources),
            Tried::of_nothing("cloudformation:GetTemplate", template),
            Tried::of_nothing("cloudformation:DescribeStackDriftDetectionStatus", detection),
            Tried::of_nothing("cloudformation:DescribeStackResourceDrifts", drifted),
        ]
    }

    /// What is not there cannot be changed, executed, cancelled or deleted.
    async fn change(&self, stack: &str) -> Vec<Tried> {
        let stacks = &self.stacks;
        let request = ChangeSetRequest {
            stack: stack.to_owned(),
            name: stack.to_owned(),
            create: false,
            template: TemplateBody::Text(TEMPLATE.into()),
            parameters: BTreeMap::new(),
            kept_parameters: BTreeSet::new(),
            capabilities: BTreeSet::new(),
            tags: BTreeMap::new(),
        };
        let (made, executed, removed, protected, deleted, cancelled, continued, looked) = tokio::join!(
            stacks.create_change_set(&request),
            stacks.execute(stack, stack, stack),
            stacks.delete_change_set(stack, stack),
            stacks.protect(stack, false),
            stacks.delete(stack, stack),
            stacks.cancel_update(stack),
            stacks.continue_rollback(stack, stack),
            stacks.detect_drift(stack),
        );
        vec![
            Tried::of_nothing("cloudformation:CreateChangeSet", made),
            Tried::of_nothing("cloudformation:ExecuteChangeSet", executed),
            Tried::of_nothing("cloudformation:DeleteChangeSet", removed),
            Tried::of_nothing("cloudformation:UpdateTerminationProtection", protected),
            Tried::of_nothing("cloudformation:DeleteStack", deleted),
            Tried::of_nothing("cloudformation:CancelUpdateStack", cancelled),
            Tried::of_nothing("cloudformation:ContinueUpdateRollback", continued),
            Tried::of_nothing("cloudformation:DetectStackDrift", looked),
        ]
    }
}

#[async_trait]
impl EngineRights for AwsEngineRights {
    async fn attempt(&self, need: Need, nobodys: &str) -> Vec<Tried> {
        match need {
            Need::LookAtStacks => self.look(nobodys).await,
            Need::ChangeStacks => self.change(nobodys).await,
            Need::Measure => self.meters.of_nothing(nobodys).await,
            Need::ReadLogs => {
                let read = self.logs.read(&format!("/deployer/{nobodys}"), Timestamp::UNIX_EPOCH).await;
                vec![Tried::of_nothing("logs:FilterLogEvents", read)]
            }
        }
    }
}
