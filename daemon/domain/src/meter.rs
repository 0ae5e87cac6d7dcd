//! What runs at the provider for a tenant, and the port that measures it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::object::PortResult;
use crate::state::StateDocument;

/// What of one region counts towards a tenant's usage, as its states have it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Running {
    /// The ARNs of ECS services.
    pub services: Vec<String>,
    /// The identifiers of database instances.
    pub databases: Vec<String>,
    /// The names of buckets.
    pub buckets: Vec<String>,
    /// Cache clusters.
    pub caches: u32,
    /// What load balancers send requests to.
    pub balanced: Vec<Balanced>,
}

/// A target group behind its load balancer, by their ARNs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balanced {
    /// The load balancer.
    pub balancer: String,
    /// The target group.
    pub targets: String,
}

impl Running {
    /// What these states have, by region; `region` is that of states that say none.
    pub fn of<'a>(states: impl IntoIterator<Item = &'a StateDocument>, region: &str) -> BTreeMap<String, Self> {
        let mut regions: BTreeMap<String, Self> = BTreeMap::new();
        for state in states {
            let running = regions.entry(state.region.clone().unwrap_or_else(|| region.to_owned())).or_default();
            for component in state.components.values() {
                let of = |kind: &str| {
                    let found = component.resources.iter().filter(move |resource| resource.resource_type == kind);
                    found.map(|resource| resource.id.clone()).collect::<Vec<_>>()
                };
                running.services.extend(of("AWS::ECS::Service"));
                running.databases.extend(of("AWS::RDS::DBInstance"));
                running.buckets.extend(of("AWS::S3::Bucket"));
                let caches = [
                    "AWS::ElastiCache::ReplicationGroup",
                    "AWS::ElastiCache::CacheCluster",
                    "AWS::ElastiCache::ServerlessCache",
                ];
                running.caches +=
                    caches.iter().map(|kind| u32::try_from(of(kind).len()).unwrap_or(u32::MAX)).sum::<u32>();
                let groups = of("AWS::ElasticLoadBalancingV2::TargetGroup");
                if let Some(balancer) = of("AWS::ElasticLoadBalancingV2::LoadBalancer").into_iter().next() {
                    running
                        .balanced
                        .extend(groups.into_iter().map(|targets| Balanced { balancer: balancer.clone(), targets }));
                }
            }
        }
        regions.retain(|_, running| *running != Self::default());
        regions
    }
}

/// What tasks take.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Compute {
    /// Tasks that run.
    pub tasks: u32,
    /// Their virtual processors together.
    pub vcpu: f64,
    /// Their memory together, in GB.
    pub memory_gb: f64,
}

impl std::ops::AddAssign for Compute {
    fn add_assign(&mut self, other: Self) {
        self.tasks += other.tasks;
        self.vcpu += other.vcpu;
        self.memory_gb += other.memory_gb;
    }
}

/// How often a load balancer had a healthy target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Health {
    /// Spans of time with a healthy target.
    pub healthy: u32,
    /// All spans that were measured.
    pub measured: u32,
}

impl std::ops::AddAssign for Health {
    fn add_assign(&mut self, other: Self) {
        self.healthy += other.healthy;
        self.measured += other.measured;
    }
}

impl Health {
    /// Percent of the time; none where nothing was measured.
    pub fn percent(self) -> Option<f64> {
        (self.measured > 0).then(|| f64::from(self.healthy) * 100.0 / f64::from(self.measured))
    }
}

/// Measures what runs, with one caller's credentials in one region.
#[async_trait]
pub trait Meters: Send + Sync {
    /// What the tasks of ECS services take now.
    async fn compute(&self, services: &[String]) -> PortResult<Compute>;

    /// How many GB databases have together.
    async fn database_gb(&self, databases: &[String]) -> PortResult<u64>;

    /// How many bytes buckets hold together, as it was measured within the last days; none where it was not.
    async fn bucket_bytes(&self, buckets: &[String], now: Timestamp) -> PortResult<Option<u64>>;

    /// How often target groups had a healthy target since a moment.
    async fn health(&self, balanced: &[Balanced], since: Timestamp, now: Timestamp) -> PortResult<Health>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_found_in_the_states_by_region() {
        let component = |resources: &[(&str, &str)]| {
            let resources: Vec<_> =
                resources.iter().map(|(kind, id)| serde_json::json!({"type": kind, "id": id})).collect();
            serde_json::json!({"type": "ecs-service", "engine": "cloudformation", "status": "deployed", "resources": resources})
        };
        let state = |region: Option<&str>, resources: &[(&str, &str)]| -> StateDocument {
            let mut state = serde_json::json!({
                "tenant": "acme", "stack": "shop", "environment": "dev", "components": {"a.b": component(resources)},
            });
            if let Some(region) = region {
                state["region"] = region.into();
            }
            serde_json::from_value(state).unwrap()
        };
        let states = [
            state(
                Some("eu-west-1"),
                &[
                    ("AWS::ECS::Service", "arn:1"),
                    ("AWS::ElasticLoadBalancingV2::TargetGroup", "arn:tg"),
                    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "arn:lb"),
                ],
            ),
            state(
                None,
                &[
                    ("AWS::RDS::DBInstance", "db"),
                    ("AWS::ElastiCache::ReplicationGroup", "c"),
                    ("AWS::S3::Bucket", "b"),
                ],
            ),
            state(Some("us-east-1"), &[("AWS::SQS::Queue", "q")]),
        ];
        let running = Running::of(&states, "us-west-2");
        assert_eq!(running.keys().collect::<Vec<_>>(), ["eu-west-1", "us-west-2"]);
        assert_eq!(
            running["eu-west-1"].balanced,
            [Balanced { balancer: "arn:lb".to_owned(), targets: "arn:tg".to_owned() }]
        );
        let other = &running["us-west-2"];
        assert_eq!((other.databases.len(), other.caches, other.buckets.len(), other.services.len()), (1, 1, 1, 0));
    }

    #[test]
    fn nothing_measured_is_no_percentage() {
        assert_eq!(Health::default().percent(), None);
        assert_eq!(Health { healthy: 499, measured: 500 }.percent(), Some(99.8));
    }
}
