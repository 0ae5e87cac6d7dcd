//! A task on Fargate: what services and scheduled tasks have in common.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::intrinsic::{attribute, join, reference, sub};
use super::place::{NetworkIds, Place, security_group};
use super::role::{Grant, Permission, role, statements};
use super::statement::{allow, taken_here_by};
use super::{Builder, Problems, problem};

/// The name of the only container.
pub(super) const CONTAINER: &str = "main";

/// What runs, and with what.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Task {
    image: Value,
    cpu: Option<String>,
    memory: Option<u32>,
    architecture: Option<String>,
    command: Value,
    pub port: Option<u32>,
    environment: BTreeMap<String, Value>,
    secrets: BTreeMap<String, Value>,
    network: Option<NetworkIds>,
    subnets: Option<String>,
    security_group_ids: Vec<Value>,
    connections: Vec<Value>,
    grants: Vec<Grant>,
    permissions: Vec<Permission>,
    pub exec: bool,
    log_retention_days: Option<String>,
}

impl Task {
    /// Where it runs.
    pub fn place(&self, builder: &Builder<'_>) -> Result<Place, Problems> {
        Place::of(builder, self.network.as_ref())
    }

    /// Adds the cluster, the logs, the roles, the security group and the task definition.
    pub fn add(&self, builder: &mut Builder<'_>, place: &Place, ingress: Vec<Value>) -> Result<(), Problems> {
        let (cpu, memory) = self.size()?;
        builder.add_tagged("Cluster", "AWS::ECS::Cluster", json!({ "CapacityProviders": ["FARGATE", "FARGATE_SPOT"] }));
        let days: Option<u32> = self.log_retention_days.as_ref().and_then(|days| days.parse().ok());
        builder.add_tagged("LogGroup", "AWS::Logs::LogGroup", json!({ "RetentionInDays": days.unwrap_or(30) }));
        let trust = taken_here_by("ecs-tasks.amazonaws.com");
        builder.add_tagged("TaskRole", "AWS::IAM::Role", role(trust.clone(), self.allowed()));
        builder.add_tagged("ExecutionRole", "AWS::IAM::Role", role(trust, self.start_up(builder)));
        let about = format!("Tasks of {}", builder.request.component);
        builder.add_tagged("SecurityGroup", "AWS::EC2::SecurityGroup", security_group(&place.vpc, &about, ingress));
        builder.add_tagged(
            "TaskDefinition",
            "AWS::ECS::TaskDefinition",
            json!({
                "RequiresCompatibilities": ["FARGATE"],
                "NetworkMode": "awsvpc",
                "Cpu": cpu.to_string(),
                "Memory": memory.to_string(),
                "RuntimePlatform": {
                    "OperatingSystemFamily": "LINUX",
                    "CpuArchitecture": self.architecture.as_deref().unwrap_or("x86_64").to_uppercase(),
                },
                "ExecutionRoleArn": attribute("ExecutionRole", "Arn"),
                "TaskRoleArn": attribute("TaskRole", "Arn"),
                "ContainerDefinitions": [self.container()],
            }),
        );
        builder.output("clusterName", reference("Cluster"));
        builder.output("logGroup", reference("LogGroup"));
        builder.output("roleArn", attribute("TaskRole", "Arn"));
        builder.output("securityGroupId", attribute("SecurityGroup", "GroupId"));
        Ok(())
    }

    /// The network configuration of its tasks.
    pub fn configuration(&self, place: &Place) -> Result<Value, Problems> {
        let (subnets, public) = place.chosen(self.subnets.as_deref())?;
        let others = self.security_group_ids.iter().chain(&self.connections).cloned();
        let groups: Value = std::iter::once(attribute("SecurityGroup", "GroupId")).chain(others).collect();
        Ok(json!({
            "AwsvpcConfiguration": {
                "Subnets": subnets,
                "SecurityGroups": groups,
                "AssignPublicIp": if public { "ENABLED" } else { "DISABLED" },
            },
        }))
    }

    fn container(&self) -> Value {
        let pair = |value: &'static str| move |(name, text): (&String, &Value)| json!({ "Name": name, value: text });
        let list = |items: Vec<Value>| (!items.is_empty()).then_some(items);
        json!({
            "Name": CONTAINER,
            "Image": self.image,
            "Essential": true,
            "Command": self.command,
            "PortMappings": self.port.map(|port| json!([{ "ContainerPort": port, "Protocol": "tcp" }])),
            "Environment": list(self.environment.iter().map(pair("Value")).collect()),
            "Secrets": list(self.secrets.iter().map(pair("ValueFrom")).collect()),
            // A first process that passes signals on and collects what other processes leave.
            "LinuxParameters": { "InitProcessEnabled": true },
            "LogConfiguration": {
                "LogDriver": "awslogs",
                "Options": {
                    "awslogs-group": reference("LogGroup"),
                    "awslogs-region": reference("AWS::Region"),
                    "awslogs-stream-prefix": CONTAINER,
                },
            },
        })
    }

    /// What its code may do.
    fn allowed(&self) -> Vec<Value> {
        let mut allowed = statements(&self.grants, &self.permissions);
        if self.exec {
            let channels = ["CreateControlChannel", "CreateDataChannel", "OpenControlChannel", "OpenDataChannel"];
            let actions = channels.map(|channel| format!("ssmmessages:{channel}"));
            allowed.push(allow(&actions.each_ref().map(String::as_str), json!("*")));
        }
        allowed
    }

    /// What starting a task takes: its image, its secrets, its logs.
    fn start_up(&self, builder: &Builder<'_>) -> Vec<Value> {
        let mut allowed = vec![allow(&["logs:CreateLogStream", "logs:PutLogEvents"], attribute("LogGroup", "Arn"))];
        if let Some(repository) = repository(&self.image) {
            allowed.push(allow(&["ecr:GetAuthorizationToken"], json!("*")));
            let pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
            allowed.push(allow(&pull, repository));
        }
        for (name, value) in &self.secrets {
            let written = builder.request.written.get(&format!("secrets.{name}"));
            let arn = secret_arn(value, written.is_some_and(|written| !written.source().ends_with('}')));
            let action = match value.as_str() {
                Some(text) if text.contains(":ssm:") => &["ssm:GetParameters"][..],
                Some(_) => &["secretsmanager:GetSecretValue"][..],
                None => &["secretsmanager:GetSecretValue", "ssm:GetParameters"][..],
            };
            allowed.push(allow(action, arn));
        }
        allowed
    }

    /// Fargate has few combinations of processors and memory.
    fn size(&self) -> Result<(u32, u32), Problems> {
        let cpu: u32 = self.cpu.as_ref().and_then(|cpu| cpu.parse().ok()).unwrap_or(256);
        let (least, most, step) = match cpu {
            256 => (512, 2048, 512),
            512 => (1024, 4096, 1024),
            1024 => (2048, 8192, 1024),
            2048 => (4096, 16_384, 1024),
            4096 => (8192, 30_720, 1024),
            8192 => (16_384, 61_440, 4096),
            _ => (32_768, 122_880, 8192),
        };
        let memory = self.memory.unwrap_or(least);
        let possible = (least..=most).contains(&memory) && memory.is_multiple_of(step) && (cpu, memory) != (256, 1536);
        if possible {
            return Ok((cpu, memory));
        }
        let range = match cpu {
            256 => "512, 1024 or 2048".to_owned(),
            _ => format!("{least} to {most} in steps of {step}"),
        };
        problem(format!("`cpu: {cpu}` cannot have `memory: {memory}`"), format!("with this `cpu`, `memory` is {range}"))
    }
}

/// The repository of an image in ECR; all repositories where the image is a parameter, none for another registry.
fn repository(image: &Value) -> Option<Value> {
    let Some(image) = image.as_str() else { return Some(sub("arn:${AWS::Partition}:ecr:*:*:repository/*")) };
    let (host, rest) = image.split_once('/')?;
    let mut parts = host.split('.');
    let (account, dkr, ecr, region) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if (dkr, ecr) != ("dkr", "ecr") || !host.contains(".amazonaws.com") {
        return None;
    }
    let name = rest.split(['@', ':']).next().unwrap_or(rest);
    Some(sub(&format!("arn:${{AWS::Partition}}:ecr:{region}:{account}:repository/{name}")))
}

/// The ARN of a secret, without the key within it that may follow.
fn secret_arn(value: &Value, has_key: bool) -> Value {
    match value.as_str() {
        Some(text) if text.contains(":secretsmanager:") => json!(text.split(':').take(7).collect::<Vec<_>>().join(":")),
        None if has_key => {
            let part = |at: u32| json!({ "Fn::Select": [at, { "Fn::Split": [":", value] }] });
            join(":", (0..7).map(part).collect())
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_image_s_own_repository_may_be_pulled() {
        let image = |text: &str| repository(&json!(text));
        assert_eq!(
            image("123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/api:1.2@sha256:00"),
            Some(sub("arn:${AWS::Partition}:ecr:eu-central-1:123456789012:repository/team/api"))
        );
        assert!(image("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/api").is_some());
        assert_eq!(
            (image("nginx:1"), image("docker.io/library/nginx"), image("public.ecr.aws/nginx/nginx")),
            (None, None, None)
        );
        assert!(repository(&reference("ImageInput")).is_some());
    }

    #[test]
    fn a_key_within_a_secret_is_no_part_of_its_arn() {
        let arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:db-AbCdEf";
        assert_eq!(secret_arn(&json!(format!("{arn}:password::")), true), json!(arn));
        assert_eq!(secret_arn(&json!(arn), false), json!(arn));
        assert_eq!(secret_arn(&reference("X"), false), reference("X"));
        assert_eq!(secret_arn(&reference("X"), true)["Fn::Join"][1].as_array().unwrap().len(), 7);
    }

    #[test]
    fn sizes_that_fargate_does_not_have_are_refused() {
        let size = |cpu: &str, memory| Task { cpu: Some(cpu.to_owned()), memory, ..Task::default() }.size();
        assert_eq!(size("256", None).unwrap(), (256, 512));
        assert_eq!(size("1024", Some(3072)).unwrap(), (1024, 3072));
        for (cpu, memory) in [("256", 4096), ("256", 1536), ("1024", 2500), ("16384", 16_384)] {
            assert!(size(cpu, Some(memory)).is_err(), "{cpu} {memory}");
        }
    }
}
