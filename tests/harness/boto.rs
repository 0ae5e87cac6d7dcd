//! Looking at a local AWS with boto3, which shares nothing with us.

use serde_json::Value;

use crate::aws::{LocalAws, REGION, python_environment};
use crate::command::Command;
use crate::wait;

const PRELUDE: &str = "import boto3, json, sys, urllib.request\n\
    from botocore.exceptions import ClientError\n\
    cf = boto3.client('cloudformation')\n\
    def stacks():\n\
    \x20   pages = cf.get_paginator('describe_stacks').paginate()\n\
    \x20   return [stack for page in pages for stack in page['Stacks']]\n\
    def of(name):\n\
    \x20   tagged = lambda s: {t['Key']: t['Value'] for t in s.get('Tags', [])}.get('deployer:component') == name\n\
    \x20   return [s for s in stacks() if tagged(s)]\n\
    def answer(value): print(json.dumps(value, default=str))\n";

/// Runs Python text with `cf`, a client of CloudFormation, `stacks()`, `of(component)` and `answer(value)`; answers
/// what it told.
#[track_caller]
pub fn boto(aws: &LocalAws, text: &str) -> Value {
    python(aws, text).run().succeeds().json()
}

/// The same with the access key of somebody else.
#[track_caller]
pub fn boto_as(aws: &LocalAws, [id, key]: [&str; 2], text: &str) -> Value {
    python(aws, text).env("AWS_ACCESS_KEY_ID", id).env("AWS_SECRET_ACCESS_KEY", key).run().succeeds().json()
}

fn python(aws: &LocalAws, text: &str) -> Command {
    let python = Command::new(python_environment().join("bin/python"));
    let python = python.args(["-c", &format!("{PRELUDE}{text}")]).envs(aws.environment());
    python.env("AWS_DEFAULT_REGION", REGION).env("PATH", "/usr/bin:/bin")
}

/// The statuses of a component's stacks.
#[track_caller]
pub fn statuses(aws: &LocalAws, component: &str) -> Vec<String> {
    let found = boto(aws, &format!("answer([s['StackStatus'] for s in of('{component}')])"));
    found.as_array().unwrap_or(&Vec::new()).iter().filter_map(|status| status.as_str().map(str::to_owned)).collect()
}

/// Waits until a component's only stack has a status.
#[track_caller]
pub fn wait_for_status(aws: &LocalAws, component: &str, status: &str) {
    wait::until(&format!("the stack of {component} is {status}"), || statuses(aws, component) == [status]);
}

/// Lets the wait condition of a component's stack succeed.
#[track_caller]
pub fn signal(aws: &LocalAws, component: &str) {
    end_waiting(aws, component, "SUCCESS");
}

/// Lets the wait condition of a component's stack fail, and with it what is done to the stack.
#[track_caller]
pub fn fail(aws: &LocalAws, component: &str) {
    end_waiting(aws, component, "FAILURE");
}

#[track_caller]
fn end_waiting(aws: &LocalAws, component: &str, status: &str) {
    let text = format!(
        "stack = of('{component}')[0]['StackId']\n\
         found = cf.describe_stack_resources(StackName=stack)['StackResources']\n\
         handle = [r for r in found if r['ResourceType'].endswith('WaitConditionHandle')][-1]['PhysicalResourceId']\n\
         body = json.dumps({{'Status': '{status}', 'UniqueId': '1', 'Data': 'x', 'Reason': 'done'}}).encode()\n\
         request = urllib.request.Request(handle, data=body, method='PUT', headers={{'Content-Type': ''}})\n\
         answer(urllib.request.urlopen(request).status)"
    );
    boto(aws, &text);
}
