//! The load balancer of a service: who reaches it, over HTTPS where there is a certificate, and what counts as well.

use serde::Deserialize;
use serde_json::{Value, json};

use super::intrinsic::{attribute, join, reference};
use super::place::{Place, from_block, security_group};
use super::{Builder, Problems, problem};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LoadBalancing {
    load_balancer: Option<String>,
    certificate_arn: Value,
    host_name: Value,
    hosted_zone_id: Value,
    health_check: Option<HealthCheck>,
    pub allow_cidrs: Vec<String>,
}

/// What counts as well: a path alone, or more.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum HealthCheck {
    Path(String),
    Full(Health),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Health {
    path: Option<String>,
    interval: Option<u32>,
    timeout: Option<u32>,
    grace: Option<u32>,
    healthy_after: Option<u32>,
    unhealthy_after: Option<u32>,
}

/// What has no addresses on the internet.
const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

impl LoadBalancing {
    pub fn is_wanted(&self) -> bool {
        self.load_balancer.is_some()
    }

    /// How many seconds after a start failures do not count.
    pub fn grace(&self) -> u32 {
        self.health().grace.unwrap_or(60)
    }

    /// Whether its fields fit together.
    pub fn check(&self) -> Result<(), Problems> {
        let alone = [
            ("certificateArn", !self.certificate_arn.is_null()),
            ("hostName", !self.host_name.is_null()),
            ("hostedZoneId", !self.hosted_zone_id.is_null()),
            ("healthCheck", self.health_check.is_some()),
        ];
        if let Some((field, _)) = alone.iter().find(|(_, given)| *given && !self.is_wanted()) {
            return problem(
                format!("`{field}` belongs to a load balancer"),
                "write `loadBalancer: public` or internal as well",
            );
        }
        if !self.hosted_zone_id.is_null() && self.host_name.is_null() {
            return problem("`hostedZoneId` says no name", "write the `hostName` that is to be made in the zone");
        }
        let health = self.health();
        match (health.timeout.unwrap_or(5), health.interval.unwrap_or(15)) {
            (timeout, interval) if timeout >= interval => problem(
                format!("a check of {timeout} seconds does not fit between checks every {interval} seconds"),
                "let the `timeout` of `healthCheck` be less than its `interval`",
            ),
            _ => Ok(()),
        }
    }

    /// Adds the load balancer, its listeners, and the target group `TargetGroup` that the service is in.
    pub fn add(&self, builder: &mut Builder<'_>, place: &Place, port: u32) -> Result<(), Problems> {
        let public = self.load_balancer.as_deref() == Some("public");
        let ports = if self.is_secure() { &[80, 443][..] } else { &[80][..] };
        let blocks: Vec<&str> = match self.allow_cidrs.as_slice() {
            [] if public => vec!["0.0.0.0/0"],
            [] => PRIVATE.to_vec(),
            own => own.iter().map(String::as_str).collect(),
        };
        let ingress = ports.iter().flat_map(|port| blocks.iter().map(|block| from_block(block, *port))).collect();
        let about = format!("Load balancer of {}", builder.request.component);
        builder.add_tagged(
            "LoadBalancerSecurityGroup",
            "AWS::EC2::SecurityGroup",
            security_group(&place.vpc, &about, ingress),
        );
        builder.add_tagged(
            "LoadBalancer",
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            json!({
                "Type": "application",
                "Scheme": if public { "internet-facing" } else { "internal" },
                "Subnets": if public { place.public()? } else { place.inner()? },
                "SecurityGroups": [attribute("LoadBalancerSecurityGroup", "GroupId")],
                "LoadBalancerAttributes": [
                    { "Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true" },
                ],
            }),
        );
        self.target_group(builder, place, port);
        self.listeners(builder);
        self.name(builder);
        self.outputs(builder);
        Ok(())
    }

    fn is_secure(&self) -> bool {
        !self.certificate_arn.is_null()
    }

    fn health(&self) -> Health {
        match &self.health_check {
            None => Health::default(),
            Some(HealthCheck::Path(path)) => Health { path: Some(path.clone()), ..Health::default() },
            Some(HealthCheck::Full(health)) => health.clone(),
        }
    }

    fn target_group(&self, builder: &mut Builder<'_>, place: &Place, port: u32) {
        let health = self.health();
        builder.add_tagged(
            "TargetGroup",
            "AWS::ElasticLoadBalancingV2::TargetGroup",
            json!({
                "TargetType": "ip",
                "Protocol": "HTTP",
                "Port": port,
                "VpcId": place.vpc,
                "HealthCheckPath": health.path.as_deref().unwrap_or("/"),
                "HealthCheckIntervalSeconds": health.interval.unwrap_or(15),
                "HealthCheckTimeoutSeconds": health.timeout.unwrap_or(5),
                "HealthyThresholdCount": health.healthy_after.unwrap_or(2),
                "UnhealthyThresholdCount": health.unhealthy_after.unwrap_or(3),
                // Long enough for requests under way; the default of five minutes makes every deployment slow.
                "TargetGroupAttributes": [{ "Key": "deregistration_delay.timeout_seconds", "Value": "30" }],
            }),
        );
    }

    fn listeners(&self, builder: &mut Builder<'_>) {
        let forward = json!([{ "Type": "forward", "TargetGroupArn": reference("TargetGroup") }]);
        let listener = |port: u32, protocol: &str, actions: Value| {
            json!({
                "LoadBalancerArn": reference("LoadBalancer"),
                "Port": port,
                "Protocol": protocol,
                "DefaultActions": actions,
            })
        };
        let kind = "AWS::ElasticLoadBalancingV2::Listener";
        if !self.is_secure() {
            builder.add("Listener", kind, listener(80, "HTTP", forward));
            return;
        }
        let mut secure = listener(443, "HTTPS", forward);
        secure["Certificates"] = json!([{ "CertificateArn": self.certificate_arn }]);
        secure["SslPolicy"] = json!("ELBSecurityPolicy-TLS13-1-2-2021-06");
        builder.add("Listener", kind, secure);
        let redirect = json!({ "Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301" });
        let redirect = json!([{ "Type": "redirect", "RedirectConfig": redirect }]);
        builder.add("PlainListener", kind, listener(80, "HTTP", redirect));
    }

    fn name(&self, builder: &mut Builder<'_>) {
        if self.hosted_zone_id.is_null() {
            return;
        }
        builder.add(
            "Name",
            "AWS::Route53::RecordSet",
            json!({
                "HostedZoneId": self.hosted_zone_id,
                "Name": self.host_name,
                "Type": "A",
                "AliasTarget": {
                    "DNSName": attribute("LoadBalancer", "DNSName"),
                    "HostedZoneId": attribute("LoadBalancer", "CanonicalHostedZoneID"),
                },
            }),
        );
    }

    fn outputs(&self, builder: &mut Builder<'_>) {
        let scheme = if self.is_secure() { "https://" } else { "http://" };
        let host = match &self.host_name {
            Value::Null => attribute("LoadBalancer", "DNSName"),
            name => name.clone(),
        };
        builder.output("url", join("", json!([scheme, host])));
        builder.output("loadBalancerName", attribute("LoadBalancer", "DNSName"));
        builder.output("loadBalancerZoneId", attribute("LoadBalancer", "CanonicalHostedZoneID"));
        builder.output("loadBalancerArn", reference("LoadBalancer"));
        builder.output("targetGroupArn", reference("TargetGroup"));
    }
}
