//! Measures what runs: ECS tasks, databases, buckets, targets of load balancers.

use std::collections::BTreeMap;

use async_trait::async_trait;
use deployer_domain::engine_rights::Tried;
use deployer_domain::meter::{Balanced, Compute, Health, Meters};
use deployer_domain::object::{PortError, PortResult};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Clients;
use super::ask::{Asking, Service, tag};

const ECS: Service = Service { name: "ECS", id: "ecs", variable: "ECS", region: None, host: None };
const RDS: Service = Service { name: "RDS", id: "rds", variable: "RDS", region: None, host: None };
const CLOUDWATCH: Service =
    Service { name: "CloudWatch", id: "monitoring", variable: "CLOUDWATCH", region: None, host: None };

/// How many services one question may name.
const SERVICES: usize = 10;
/// How many metrics one question may name.
const METRICS: usize = 500;
/// The seconds of one span of time: what is older than 15 days is not kept any finer.
const SPAN: u32 = 300;
/// Buckets are measured once a day, and late.
const DAYS: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Meters with one caller's credentials in one region.
pub struct AwsMeters {
    asking: Asking,
}

impl AwsMeters {
    /// Measures with a caller's own credentials, as engines work with them.
    pub fn new(clients: &Clients) -> PortResult<Self> {
        Ok(Self { asking: clients.asking()? })
    }

    async fn ecs(&self, operation: &str, question: &Value) -> PortResult<Value> {
        self.asking.json(ECS, "1.1", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), question).await
    }

    async fn sizes(&self, task: &str) -> PortResult<(f64, f64)> {
        let answer = self.ecs("DescribeTaskDefinition", &json!({"taskDefinition": task})).await?;
        let number = |name: &str| match &answer["taskDefinition"][name] {
            Value::String(text) => text.parse::<f64>().ok(),
            other => other.as_f64(),
        };
        Ok((number("cpu").unwrap_or_default() / 1024.0, number("memory").unwrap_or_default() / 1024.0))
    }

    /// Asks each question once, about what is not there.
    pub(super) async fn of_nothing(&self, nobodys: &str) -> Vec<Tried> {
        let question = json!({"cluster": nobodys, "services": [nobodys]});
        let buckets = [nobodys.to_owned()];
        let (services, task, databases, metrics) = tokio::join!(
            self.ecs("DescribeServices", &question),
            self.sizes(nobodys),
            self.database_gb(&buckets),
            self.bucket_bytes(&buckets, self.asking.now()),
        );
        vec![
            Tried::of_nothing("ecs:DescribeServices", services),
            Tried::of_nothing("ecs:DescribeTaskDefinition", task),
            Tried::of_nothing("rds:DescribeDBInstances", databases),
            Tried::of_nothing("cloudwatch:GetMetricData", metrics),
        ]
    }

    /// The values of metrics, by their position.
    async fn metrics(&self, metrics: &[Metric], from: Timestamp, to: Timestamp) -> PortResult<Vec<Vec<f64>>> {
        let mut values = vec![Vec::new(); metrics.len()];
        for (part, metrics) in metrics.chunks(METRICS).enumerate() {
            let queries = metrics.iter().enumerate().map(|(at, metric)| metric.query(part * METRICS + at));
            let mut question = json!({
                "StartTime": from.as_second(), "EndTime": to.as_second(), "MetricDataQueries": queries.collect::<Vec<_>>(),
            });
            loop {
                let target = "GraniteServiceVersion20100801.GetMetricData";
                let answer = self.asking.json(CLOUDWATCH, "1.0", target, &question).await?;
                for result in answer["MetricDataResults"].as_array().into_iter().flatten() {
                    let at = result["Id"].as_str().and_then(|id| id.strip_prefix('m')?.parse::<usize>().ok());
                    let found = result["Values"].as_array().into_iter().flatten().filter_map(Value::as_f64);
                    if let Some(values) = at.and_then(|at| values.get_mut(at)) {
                        values.extend(found);
                    }
                }
                match answer["NextToken"].as_str().filter(|token| !token.is_empty()) {
                    Some(next) => question["NextToken"] = next.into(),
                    None => break,
                }
            }
        }
        Ok(values)
    }
}

/// One metric and how it is summed up.
struct Metric {
    namespace: &'static str,
    name: &'static str,
    dimensions: Vec<(&'static str, String)>,
    period: u32,
    statistic: &'static str,
}

impl Metric {
    fn query(&self, at: usize) -> Value {
        let dimensions = self.dimensions.iter().map(|(name, value)| json!({"Name": name, "Value": value}));
        json!({"Id": format!("m{at}"), "ReturnData": true, "MetricStat": {
            "Metric": {
                "Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions.collect::<Vec<_>>(),
            },
            "Period": self.period, "Stat": self.statistic,
        }})
    }
}

#[async_trait]
impl Meters for AwsMeters {
    async fn compute(&self, services: &[String]) -> PortResult<Compute> {
        let mut clusters: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for arn in services {
            clusters.entry(cluster_of(arn)?).or_default().push(arn);
        }
        let (mut compute, mut known) = (Compute::default(), BTreeMap::new());
        for (cluster, arns) in clusters {
            for arns in arns.chunks(SERVICES) {
                let answer = self.ecs("DescribeServices", &json!({"cluster": cluster, "services": arns})).await?;
                for service in answer["services"].as_array().into_iter().flatten() {
                    let tasks = service["runningCount"].as_u64().unwrap_or_default();
                    let task = service["taskDefinition"].as_str().unwrap_or_default().to_owned();
                    if !known.contains_key(&task) {
                        let sizes = self.sizes(&task).await?;
                        known.insert(task.clone(), sizes);
                    }
                    let (vcpu, memory_gb) = known[&task];
                    let tasks = u32::try_from(tasks).unwrap_or(u32::MAX);
                    compute +=
                        Compute { tasks, vcpu: vcpu * f64::from(tasks), memory_gb: memory_gb * f64::from(tasks) };
                }
            }
        }
        Ok(compute)
    }

    async fn database_gb(&self, databases: &[String]) -> PortResult<u64> {
        let mut sum = 0;
        for id in databases {
            let fields =
                [("Action", "DescribeDBInstances"), ("Version", "2014-10-31"), ("DBInstanceIdentifier", id.as_str())];
            let answer = self.asking.query(RDS, &fields).await?;
            let sizes = tag(&answer, "AllocatedStorage").into_iter().filter_map(|text| text.trim().parse::<u64>().ok());
            // A change that waits is said in an element of the same name, after what is there now.
            sum += sizes.into_iter().next().unwrap_or_default();
        }
        Ok(sum)
    }

    async fn bucket_bytes(&self, buckets: &[String], now: Timestamp) -> PortResult<Option<u64>> {
        let metrics: Vec<Metric> = buckets
            .iter()
            .map(|bucket| Metric {
                namespace: "AWS/S3",
                name: "BucketSizeBytes",
                dimensions: vec![("BucketName", bucket.clone()), ("StorageType", "StandardStorage".to_owned())],
                period: 86_400,
                statistic: "Average",
            })
            .collect();
        // The newest value comes first.
        let values = self.metrics(&metrics, now.saturating_sub(DAYS).unwrap_or(now), now).await?;
        let newest: Vec<f64> = values.iter().filter_map(|values| values.first().copied()).collect();
        Ok((!newest.is_empty()).then(|| newest.iter().sum::<f64>() as u64))
    }

    async fn health(&self, balanced: &[Balanced], since: Timestamp, now: Timestamp) -> PortResult<Health> {
        let metrics: Vec<Metric> = balanced
            .iter()
            .filter_map(|balanced| {
                let balancer = balanced.balancer.split_once(":loadbalancer/")?.1;
                let targets = balanced.targets.rsplit_once(':')?.1;
                Some(Metric {
                    namespace: "AWS/ApplicationELB",
                    name: "HealthyHostCount",
                    dimensions: vec![("TargetGroup", targets.to_owned()), ("LoadBalancer", balancer.to_owned())],
                    period: SPAN,
                    statistic: "Maximum",
                })
            })
            .collect();
        let mut health = Health::default();
        for value in self.metrics(&metrics, since, now).await?.into_iter().flatten() {
            health += Health { healthy: u32::from(value >= 1.0), measured: 1 };
        }
        Ok(health)
    }
}

/// The cluster of a service: `arn:aws:ecs:region:account:service/cluster/name`.
fn cluster_of(arn: &str) -> PortResult<&str> {
    let parts: Vec<&str> = arn.split('/').collect();
    match parts[..] {
        [_, cluster, _] => Ok(cluster),
        _ => Err(PortError::Invalid(format!("{arn:?} names no ECS service with its cluster"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_asked_for_in_its_cluster() {
        assert_eq!(cluster_of("arn:aws:ecs:eu-west-1:000000000000:service/main/api").unwrap(), "main");
        assert!(cluster_of("api").is_err());
    }
}
