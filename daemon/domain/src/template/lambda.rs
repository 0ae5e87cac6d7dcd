//! `lambda`: a function with its role, log group, optional URL, schedule and queues.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::intrinsic::{attribute, reference};
use super::place::{NetworkIds, Place, security_group};
use super::role::{Grant, Permission, role, statements};
use super::schedule::Schedule;
use super::statement::{allow, taken_by};
use super::{Builder, Problems, problem};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Lambda {
    image: Value,
    code: Option<Code>,
    inline: Option<String>,
    runtime: Option<String>,
    handler: Value,
    command: Value,
    architecture: Option<String>,
    memory: Option<u32>,
    timeout: Option<u32>,
    temporary_storage_mb: Option<u32>,
    concurrency: Option<u32>,
    environment: BTreeMap<String, Value>,
    url: Option<String>,
    schedule: Option<String>,
    time_zone: Option<String>,
    queues: Vec<Value>,
    batch_size: Option<u32>,
    vpc: bool,
    network: Option<NetworkIds>,
    security_group_ids: Vec<Value>,
    connections: Vec<Value>,
    tracing: bool,
    grants: Vec<Grant>,
    permissions: Vec<Permission>,
    log_retention_days: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Code {
    bucket: Value,
    key: Value,
    #[serde(default)]
    version: Value,
}

pub(super) fn compile(builder: &mut Builder<'_>, lambda: &Lambda) -> Result<(), Problems> {
    let code = lambda.code()?;
    let network = lambda.network(builder)?;
    let days: Option<u32> = lambda.log_retention_days.as_ref().and_then(|days| days.parse().ok());
    builder.add_tagged("LogGroup", "AWS::Logs::LogGroup", json!({ "RetentionInDays": days.unwrap_or(30) }));
    builder.add_tagged("Role", "AWS::IAM::Role", role(taken_by("lambda.amazonaws.com"), lambda.allowed()));
    let image = !lambda.image.is_null();
    let handler = match (&lambda.handler, &lambda.inline) {
        (Value::Null, Some(_)) => json!("index.handler"),
        (handler, _) => handler.clone(),
    };
    let environment = (!lambda.environment.is_empty()).then(|| json!({ "Variables": lambda.environment }));
    builder.add_tagged(
        "Function",
        "AWS::Lambda::Function",
        json!({
            "PackageType": if image { "Image" } else { "Zip" },
            "Code": code,
            "Runtime": lambda.runtime,
            "Handler": handler,
            "ImageConfig": image.then(|| json!({ "Command": lambda.command })).filter(|_| !lambda.command.is_null()),
            "Architectures": [lambda.architecture.as_deref().unwrap_or("x86_64")],
            "MemorySize": lambda.memory.unwrap_or(256),
            "Timeout": lambda.timeout.unwrap_or(30),
            "EphemeralStorage": lambda.temporary_storage_mb.map(|size| json!({ "Size": size })),
            "ReservedConcurrentExecutions": lambda.concurrency,
            "Environment": environment,
            "TracingConfig": lambda.tracing.then(|| json!({ "Mode": "Active" })),
            "VpcConfig": network,
            "LoggingConfig": { "LogGroup": reference("LogGroup") },
            "Role": attribute("Role", "Arn"),
        }),
    );
    lambda.add_url(builder);
    lambda.add_schedule(builder);
    lambda.add_queues(builder);
    builder.output("arn", attribute("Function", "Arn"));
    builder.output("name", reference("Function"));
    builder.output("logGroup", reference("LogGroup"));
    builder.output("roleArn", attribute("Role", "Arn"));
    Ok(())
}

impl Lambda {
    fn code(&self) -> Result<Value, Problems> {
        let kinds = [!self.image.is_null(), self.code.is_some(), self.inline.is_some()];
        if kinds.iter().filter(|given| **given).count() != 1 {
            return problem("a function is made of one thing", "write one of `image`, `code` and `inline`");
        }
        if !self.image.is_null() {
            if self.runtime.is_some() || !self.handler.is_null() {
                return problem("an image has its own runtime and handler", "take `runtime` and `handler` away");
            }
            return Ok(json!({ "ImageUri": self.image }));
        }
        if self.runtime.is_none() {
            return problem(
                "a function that is no image needs a `runtime`",
                "write one such as python3.13 or nodejs22.x",
            );
        }
        if !self.command.is_null() {
            return problem("`command` is for images", "write `handler` instead");
        }
        if let Some(code) = &self.code {
            if self.handler.is_null() {
                return problem(
                    "a function from an archive needs a `handler`",
                    "write what is called, such as index.handler",
                );
            }
            return Ok(json!({ "S3Bucket": code.bucket, "S3Key": code.key, "S3ObjectVersion": code.version }));
        }
        let scripts =
            self.runtime.as_deref().is_some_and(|name| name.starts_with("python") || name.starts_with("nodejs"));
        match scripts {
            true => Ok(json!({ "ZipFile": self.inline })),
            false => problem("`inline` is for Python and Node.js", "write `code` or `image` instead"),
        }
    }

    /// The network configuration, with a security group of its own.
    fn network(&self, builder: &mut Builder<'_>) -> Result<Option<Value>, Problems> {
        if !self.vpc {
            let given = [
                ("network", self.network.is_some()),
                ("securityGroupIds", !self.security_group_ids.is_empty()),
                ("access", !self.connections.is_empty()),
            ];
            return match given.iter().find(|(_, given)| *given) {
                Some((field, _)) => problem(format!("`{field}` reaches into a network"), "write `vpc: true` as well"),
                None => Ok(None),
            };
        }
        let place = Place::of(builder, self.network.as_ref())?;
        let about = format!("Function {}", builder.request.component);
        builder.add_tagged("SecurityGroup", "AWS::EC2::SecurityGroup", security_group(&place.vpc, &about, Vec::new()));
        builder.output("securityGroupId", attribute("SecurityGroup", "GroupId"));
        let others = self.security_group_ids.iter().chain(&self.connections).cloned();
        let groups: Value = std::iter::once(attribute("SecurityGroup", "GroupId")).chain(others).collect();
        Ok(Some(json!({ "SubnetIds": place.inner()?, "SecurityGroupIds": groups })))
    }

    fn allowed(&self) -> Vec<Value> {
        let mut allowed = vec![allow(&["logs:CreateLogStream", "logs:PutLogEvents"], attribute("LogGroup", "Arn"))];
        if self.vpc {
            let actions = [
                "ec2:CreateNetworkInterface",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DeleteNetworkInterface",
                "ec2:DescribeSubnets",
                "ec2:AssignPrivateIpAddresses",
                "ec2:UnassignPrivateIpAddresses",
            ];
            allowed.push(allow(&actions, json!("*")));
        }
        if self.tracing {
            allowed.push(allow(&["xray:PutTraceSegments", "xray:PutTelemetryRecords"], json!("*")));
        }
        if !self.queues.is_empty() {
            let actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
            allowed.push(allow(&actions, json!(self.queues)));
        }
        allowed.extend(statements(&self.grants, &self.permissions));
        allowed
    }

    fn add_url(&self, builder: &mut Builder<'_>) {
        let Some(who) = &self.url else { return };
        let public = who == "public";
        let auth = if public { "NONE" } else { "AWS_IAM" };
        builder.add(
            "Url",
            "AWS::Lambda::Url",
            json!({ "AuthType": auth, "TargetFunctionArn": attribute("Function", "Arn") }),
        );
        if public {
            let permission = |action: &str| json!({ "Action": action, "FunctionName": attribute("Function", "Arn"), "Principal": "*" });
            let mut by_url = permission("lambda:InvokeFunctionUrl");
            by_url["FunctionUrlAuthType"] = json!(auth);
            builder.add("UrlPermission", "AWS::Lambda::Permission", by_url);
            let mut invoke = permission("lambda:InvokeFunction");
            invoke["InvokedViaFunctionUrl"] = json!(true);
            builder.add("UrlInvokePermission", "AWS::Lambda::Permission", invoke);
        }
        builder.output("url", attribute("Url", "FunctionUrl"));
    }

    fn add_schedule(&self, builder: &mut Builder<'_>) {
        let Some(expression) = &self.schedule else { return };
        let schedule = Schedule { expression, time_zone: self.time_zone.as_deref(), enabled: true, retries: 3 };
        let call = allow(&["lambda:InvokeFunction"], attribute("Function", "Arn"));
        schedule.add(builder, vec![call], json!({ "Arn": attribute("Function", "Arn") }));
    }

    fn add_queues(&self, builder: &mut Builder<'_>) {
        for (at, queue) in self.queues.iter().enumerate() {
            builder.add_tagged(
                &format!("QueueSource{}", at + 1),
                "AWS::Lambda::EventSourceMapping",
                json!({
                    "EventSourceArn": queue,
                    "FunctionName": reference("Function"),
                    "BatchSize": self.batch_size.unwrap_or(10),
                    // Only the messages that failed come again.
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                }),
            );
        }
    }
}
