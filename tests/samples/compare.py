"""Deploys each template of a directory directly and through the product; the resources, the outputs and the end must be the same."""
import json
import pathlib
import subprocess
import sys
import time

import boto3
import botocore.parsers
import cfnlint.decode

PASSWORD = "correct horse battery staple"
LARGEST = 51200
STACK = """apiVersion: deployer/v1
kind: Stack
name: samples
environments: { development: {} }
services: { s: { components: { t: { type: cloudformation, template: t.template, parameters: %s } } } }
"""
cloudformation = boto3.client("cloudformation")


def deployer(*arguments, given=None):
    return subprocess.run(["deployer", *arguments], input=given, capture_output=True, text=True, check=False)


def sign_in():
    for _ in range(200):
        done = deployer("admin", "bootstrap", "--backend", "s3://samples", "--password-stdin", given=PASSWORD)
        if done.returncode == 0:
            break
        time.sleep(0.1)
    deployer("admin", "login", "--backend", "s3://samples", "--password-stdin", given=PASSWORD).check_returncode()
    secret = deployer("tenant", "init", "web-team", "-q", "--no-input").stdout
    deployer("login", "--tenant", "web-team", "--backend", "s3://samples", "--secret-stdin", given=secret).check_returncode()


def value(name, parameter):
    """Something that fits a parameter without a default."""
    kind = str(parameter.get("Type", "String"))
    if parameter.get("AllowedValues"):
        return str(parameter["AllowedValues"][0])
    for part, text in [("VPC::Id", "vpc-12345678"), ("List<AWS::EC2::Subnet", "subnet-12345678,subnet-87654321")]:
        if part in kind:
            return text
    for part, text in [("Subnet", "subnet-12345678"), ("SecurityGroup", "sg-12345678"), ("List", "first,second")]:
        if part in kind:
            return text
    if kind == "Number":
        return str(parameter.get("MinValue", 1))
    if "cidr" in name.lower():
        return "10.0.0.0/16"
    return "a@example.com" if "Email" in name else "value".ljust(int(parameter.get("MinLength", 0) or 0), "1")


def parameters(path):
    try:
        template, _ = cfnlint.decode.decode(str(path))
    except Exception:  # What cfn-lint cannot read may still be a template.
        return {}
    declared = (template or {}).get("Parameters") or {}
    return {name: value(name, found) for name, found in declared.items() if "Default" not in found}


def described(name):
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
    found = [row for page in pages for row in page["StackResourceSummaries"]]
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
    outputs = sorted(row["OutputKey"] for row in stack.get("Outputs", []))
    return sorted((row["LogicalResourceId"], row["ResourceType"]) for row in found), outputs


def settled(name):
    while True:
        try:
            status = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        except cloudformation.exceptions.ClientError:
            return None
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(0.05)


def directly(text, given):
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    pairs = [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
    try:
        cloudformation.create_stack(StackName="direct", TemplateBody=text, Parameters=pairs, Capabilities=capabilities)
    except (cloudformation.exceptions.ClientError, botocore.parsers.ResponseParserError):
        return None
    made = described("direct") if settled("direct") == "CREATE_COMPLETE" else None
    cloudformation.delete_stack(StackName="direct")
    settled("direct")
    return made


def ours():
    stacks = cloudformation.get_paginator("describe_stacks").paginate().search("Stacks[].StackName")
    return [name for name in stacks if name.endswith("-samples-development-s-t")]


def through_us(text, given):
    directory = pathlib.Path("samples")
    directory.mkdir(exist_ok=True)
    (directory / "t.template").write_text(text)
    (directory / "stack.yaml").write_text(STACK % json.dumps(given))
    applied = deployer("apply", "--stack", "samples", "--yes")
    made = [described(name) for name in ours()]
    again = deployer("plan", "--stack", "samples", "--detailed-exitcode").returncode
    destroyed = deployer("destroy", "--stack", "samples", "--yes", "--delete-data")
    problems = [run.stderr for run in (applied, destroyed) if run.returncode != 0]
    problems += ["a second plan is not empty"] if again != 0 else []
    problems += [f"{name} is left" for name in ours()]
    return made, problems


def main():
    root = pathlib.Path(sys.argv[1])
    sign_in()
    same, differ, refused = 0, 0, 0
    paths = [path for path in sorted(root.rglob("*")) if path.suffix in {".yaml", ".yml", ".json", ".template"}]
    for path in paths:
        text = path.read_text(errors="replace")
        if "Resources" not in text or len(text.encode()) > LARGEST:
            continue
        given = parameters(path)
        expected = directly(text, given)
        if expected is None:
            refused += 1
            continue
        made, problems = through_us(text, given)
        if made == [expected] and not problems:
            same += 1
        else:
            differ += 1
            print(f"{path.relative_to(root)}: {made} instead of {expected}\n  " + "\n  ".join(problems))
    print(f"{same} the same, {differ} different, {refused} that are not accepted directly")
    sys.exit(0 if same and not differ else 1)


main()
