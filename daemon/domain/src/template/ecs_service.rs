//! `ecs-service`: a service on Fargate with its roles, logs, security group, load balancing and scaling.

use serde::Deserialize;
use serde_json::{Value, json};

use super::intrinsic::{attribute, reference, sub};
use super::load_balancer::LoadBalancing;
use super::place::{from_block, from_group};
use super::task::{CONTAINER, Task};
use super::{Builder, Problems, problem};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EcsService {
    #[serde(flatten)]
    task: Task,
    count: Option<Count>,
    #[serde(flatten)]
    balancing: LoadBalancing,
    #[serde(default)]
    spot: bool,
}

/// How many tasks run: always as many, or as many as are needed.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Count {
    Fixed(u32),
    #[serde(rename_all = "camelCase")]
    Scaled {
        min: u32,
        max: u32,
        target_cpu: Option<u32>,
        target_memory: Option<u32>,
    },
}

pub(super) fn compile(builder: &mut Builder<'_>, service: &EcsService) -> Result<(), Problems> {
    let balancing = &service.balancing;
    let port = match (service.task.port, balancing.is_wanted()) {
        (None, true) => return problem("`loadBalancer` has nowhere to go", "say which `port` the service listens on"),
        (port, _) => port,
    };
    balancing.check()?;
    if let Some(Count::Scaled { min, max, .. }) = service.count
        && min > max
    {
        return problem(
            format!("`count` has a `min` of {min} and a `max` of {max}"),
            "`min` cannot be more than `max`",
        );
    }
    let place = service.task.place(builder)?;
    let ingress = match port {
        Some(port) if balancing.is_wanted() => vec![from_group("LoadBalancerSecurityGroup", port)],
        Some(port) => balancing.allow_cidrs.iter().map(|block| from_block(block, port)).collect(),
        None => Vec::new(),
    };
    service.task.add(builder, &place, ingress)?;
    if let Some(port) = port.filter(|_| balancing.is_wanted()) {
        balancing.add(builder, &place, port)?;
    }
    let configuration = service.task.configuration(&place)?;
    add_service(builder, service, configuration);
    if let Some(Count::Scaled { min, max, target_cpu, target_memory }) = service.count {
        scale(builder, (min, max), target_cpu, target_memory);
    }
    builder.output("serviceName", attribute("Service", "Name"));
    Ok(())
}

fn add_service(builder: &mut Builder<'_>, service: &EcsService, configuration: Value) {
    let balanced = service.balancing.is_wanted();
    let capacity = |provider: &str| json!([{ "CapacityProvider": provider, "Weight": 1 }]);
    // What scales keeps the count that it has: a count here would set it back with every deployment.
    let count = match service.count {
        None => Some(1),
        Some(Count::Fixed(count)) => Some(count),
        Some(Count::Scaled { .. }) => None,
    };
    let target = || {
        json!([{
            "ContainerName": CONTAINER,
            "ContainerPort": service.task.port,
            "TargetGroupArn": reference("TargetGroup"),
        }])
    };
    let resource = builder.add_tagged(
        "Service",
        "AWS::ECS::Service",
        json!({
            "Cluster": reference("Cluster"),
            "TaskDefinition": reference("TaskDefinition"),
            "DesiredCount": count,
            "CapacityProviderStrategy": capacity(if service.spot { "FARGATE_SPOT" } else { "FARGATE" }),
            "NetworkConfiguration": configuration,
            "LoadBalancers": balanced.then(target),
            "HealthCheckGracePeriodSeconds": balanced.then(|| service.balancing.grace()),
            // New tasks must be well before old ones go, and a deployment that does not come up goes back by itself.
            "DeploymentConfiguration": {
                "MinimumHealthyPercent": 100,
                "MaximumPercent": 200,
                "DeploymentCircuitBreaker": { "Enable": true, "Rollback": true },
            },
            "EnableExecuteCommand": service.task.exec,
            "EnableECSManagedTags": true,
            "PropagateTags": "SERVICE",
        }),
    );
    if balanced {
        resource["DependsOn"] = json!("Listener");
    }
}

fn scale(builder: &mut Builder<'_>, (min, max): (u32, u32), cpu: Option<u32>, memory: Option<u32>) {
    builder.add(
        "ScalableTarget",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        json!({
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": sub("service/${Cluster}/${Service.Name}"),
            "MinCapacity": min,
            "MaxCapacity": max,
        }),
    );
    let cpu = cpu.or_else(|| memory.is_none().then_some(70));
    for (name, metric, target) in [
        ("CpuScaling", "ECSServiceAverageCPUUtilization", cpu),
        ("MemoryScaling", "ECSServiceAverageMemoryUtilization", memory),
    ] {
        let Some(target) = target else { continue };
        builder.add(
            name,
            "AWS::ApplicationAutoScaling::ScalingPolicy",
            json!({
                "PolicyName": name,
                "PolicyType": "TargetTrackingScaling",
                "ScalingTargetId": reference("ScalableTarget"),
                "TargetTrackingScalingPolicyConfiguration": {
                    "TargetValue": target,
                    "PredefinedMetricSpecification": { "PredefinedMetricType": metric },
                    "ScaleInCooldown": 300,
                    "ScaleOutCooldown": 60,
                },
            }),
        );
    }
}
