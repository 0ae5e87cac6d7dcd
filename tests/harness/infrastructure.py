"""What infrastructure/ makes, told in one shape: from the CloudFormation templates, the Terraform files, or an account.

    template BACKEND.yaml ROLE.yaml | terraform DIRECTORY | deployed
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

BUCKET, TABLE, SECRET, TENANT, ACCOUNT = "acme-state", "acme-locks", "/deployer/admin-credentials", "web-team", "000000000000"
PRINCIPAL = f"arn:aws:iam::{ACCOUNT}:role/web-team"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def plain_list(value):
    return value if isinstance(value, list) else [value]


def lifecycle(id, status, prefix=None, days=None, newer=None, uploads=None, expire=None):
    return {"id": id, "status": status, "prefix": prefix or "", "days": days, "newer": newer, "uploads": uploads, "expire": expire}


class Template:
    """A CloudFormation template with its parameters filled in."""

    def __init__(self, path, **given):
        import yaml

        class Loader(yaml.SafeLoader):
            pass

        def tagged(loader, suffix, node):
            kind = {yaml.ScalarNode: loader.construct_scalar, yaml.SequenceNode: loader.construct_sequence}
            value = kind[type(node)](node, deep=True) if type(node) is yaml.SequenceNode else kind[type(node)](node)
            return {"!" + suffix: value}

        Loader.add_multi_constructor("!", tagged)
        self.document = yaml.load(pathlib.Path(path).read_text(), Loader)
        defaults = {name: of.get("Default") for name, of in self.document["Parameters"].items()}
        pseudo = {"AWS::Partition": "aws", "AWS::AccountId": ACCOUNT, "AWS::NoValue": None}
        self.names = {**defaults, **pseudo, **given}

    def value(self, node):
        if isinstance(node, list):
            return [value for value in map(self.value, node) if value is not None]
        if not isinstance(node, dict):
            return node
        (key, argument), *_ = node.items() or [(None, None)]
        if key == "!Ref":
            return self.names.get(argument, argument)
        if key == "!Sub":
            text = re.sub(r"\$\{([^!}]+)\}", lambda found: str(self.names[found[1]]), argument)
            return text.replace("${!", "${")
        if key == "!If":
            return self.value(argument[1] if self.value(self.document["Conditions"][argument[0]]) else argument[2])
        if key == "!Equals":
            return self.value(argument[0]) == self.value(argument[1])
        if key == "!Not":
            return not self.value(argument[0])
        assert not (key or "").startswith("!"), key
        return {name: self.value(of) for name, of in node.items()}

    def of(self, kind):
        (found,) = [of for of in self.document["Resources"].values() if of["Type"] == kind]
        return self.value(found["Properties"])


def tags(listed):
    """Those of ours: the cloud adds some of its own."""
    return {tag["Key"]: tag["Value"] for tag in listed if not tag["Key"].startswith("aws:")}


def template_backend(path):
    template = Template(path, BucketName=BUCKET, TableName=TABLE)
    plain = Template(path, BucketName=BUCKET, TableName=TABLE, RequireTls="false")
    bucket, table = template.of("AWS::S3::Bucket"), template.of("AWS::DynamoDB::Table")
    secret = template.of("AWS::SecretsManager::Secret")
    (encryption,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    (index,) = table["GlobalSecondaryIndexes"]
    rule = lambda of: lifecycle(
        of["Id"], of["Status"], of.get("Prefix"),
        of.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
        of.get("NoncurrentVersionExpiration", {}).get("NewerNoncurrentVersions"),
        of.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        of.get("ExpirationInDays"),
    )
    return {
        "bucket": {
            "name": bucket["BucketName"],
            "versioning": bucket["VersioningConfiguration"]["Status"],
            "encryption": encryption["ServerSideEncryptionByDefault"]["SSEAlgorithm"],
            "private": [bucket["PublicAccessBlockConfiguration"][key] for key in PUBLIC],
            "ownership": [rule["ObjectOwnership"] for rule in bucket["OwnershipControls"]["Rules"]],
            "lifecycle": [rule(of) for of in bucket["LifecycleConfiguration"]["Rules"]],
            "policy": template.of("AWS::S3::BucketPolicy")["PolicyDocument"],
            "tags": tags(bucket["Tags"]),
        },
        "table": {
            "name": table["TableName"],
            "billing": table["BillingMode"],
            "attributes": {of["AttributeName"]: of["AttributeType"] for of in table["AttributeDefinitions"]},
            "key": [of["AttributeName"] for of in table["KeySchema"]],
            "index": [index["IndexName"], *[of["AttributeName"] for of in index["KeySchema"]]],
            "projected": [index["Projection"]["ProjectionType"], *index["Projection"]["NonKeyAttributes"]],
            "ttl": table["TimeToLiveSpecification"]["Enabled"] and table["TimeToLiveSpecification"]["AttributeName"],
            "backups": table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
            "tags": tags(table["Tags"]),
        },
        "secret": {"name": secret["Name"], "description": secret["Description"], "tags": tags(secret["Tags"])},
        "policy_without_tls": plain.of("AWS::S3::BucketPolicy")["PolicyDocument"],
    }


PUBLIC = ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"]


def template_role(path, **given):
    role = Template(path, BucketName=BUCKET, TableName=TABLE, **given).of("AWS::IAM::Role")
    (policy,) = role["Policies"]
    return {
        "name": role["RoleName"],
        "description": role["Description"],
        "seconds": role["MaxSessionDuration"],
        "trust": role["AssumeRolePolicyDocument"],
        "policy": [policy["PolicyName"], policy["PolicyDocument"]],
    }


def template(backend, role):
    return {
        **template_backend(backend),
        "roles": [
            template_role(role, Tenant="", Principals=[ROOT]),
            template_role(role, Tenant=TENANT, Principals=[PRINCIPAL]),
        ],
    }


class Files:
    """The resources of a folder of Terraform files; what its expressions mean is told by `names`."""

    def __init__(self, directory, names):
        import hcl2

        self.names, self.resources = names, {}
        for path in sorted(pathlib.Path(directory).glob("*.tf")):
            for block in hcl2.loads(path.read_text()).get("resource", []):
                ((kind, named),) = block.items()
                ((_, body),) = named.items()
                self.resources[kind.strip('"')] = self.value(body)

    def value(self, node):
        if isinstance(node, list):
            return [self.value(of) for of in node]
        if isinstance(node, dict):
            hidden = ("__is_block__", "__comments__", "depends_on")
            return {name.strip('"'): self.value(of) for name, of in node.items() if name not in hidden}
        if not isinstance(node, str):
            return node
        if node.startswith("${"):
            return self.names.get(node[2:-1], node)
        return node.strip('"')


def evaluated(modules, **given):
    """What Terraform itself makes of the policies, which are a module without resources."""
    with tempfile.TemporaryDirectory() as directory:
        arguments = "".join(f"  {name} = {json.dumps(value)}\n" for name, value in given.items())
        module = f'module "policies" {{\n  source = "{modules}/policies"\n{arguments}}}\n'
        output = 'output "all" {\n  value = module.policies\n}\n'
        pathlib.Path(directory, "main.tf").write_text(module + output)
        terraform = lambda *words: subprocess.run(
            ["terraform", *words], cwd=directory, check=True, stdout=subprocess.PIPE, env={**os.environ, "CHECKPOINT_DISABLE": "1"}
        ).stdout
        terraform("init", "-no-color")
        terraform("apply", "-auto-approve", "-no-color")
        found = json.loads(terraform("output", "-json", "all"))
        return {name: json.loads(text) for name, text in found.items()}


def terraform_role(directory, name, **given):
    policies = evaluated(f"{directory}/modules", bucket_name=BUCKET, table_name=TABLE, account_id=ACCOUNT, **given)
    names = {
        'var.tenant == "" ? "deployer-tenant" : "deployer-tenant-${var.tenant}"': name,
        "module.policies.tenant": policies["tenant"],
        "module.policies.tenant_trust": policies["tenant_trust"],
    }
    files = Files(f"{directory}/modules/tenant-role", names).resources
    role, policy = files["aws_iam_role"], files["aws_iam_role_policy"]
    return {
        "name": role["name"],
        "description": role["description"],
        "seconds": role["max_session_duration"],
        "trust": role["assume_role_policy"],
        "policy": [policy["name"], policy["policy"]],
    }


def terraform(directory):
    policies = evaluated(f"{directory}/modules", bucket_name=BUCKET, table_name=TABLE)
    names = {"var.bucket_name": BUCKET, "var.table_name": TABLE, "var.admin_secret_name": SECRET, "module.policies.bucket": policies["bucket"]}
    files = Files(directory, names).resources
    bucket, table = files["aws_s3_bucket"], files["aws_dynamodb_table"]
    of = lambda kind: files[f"aws_s3_bucket_{kind}"]
    (index,) = table["global_secondary_index"]
    first = lambda blocks: (blocks or [{}])[0]
    rule = lambda of: lifecycle(
        of["id"], of["status"], first(of["filter"]).get("prefix"),
        first(of.get("noncurrent_version_expiration")).get("noncurrent_days"),
        first(of.get("noncurrent_version_expiration")).get("newer_noncurrent_versions"),
        first(of.get("abort_incomplete_multipart_upload")).get("days_after_initiation"),
        first(of.get("expiration")).get("days"),
    )
    encryption = of("server_side_encryption_configuration")["rule"][0]["apply_server_side_encryption_by_default"][0]
    block, secret = of("public_access_block"), files["aws_secretsmanager_secret"]
    snake = lambda name: re.sub("(?<!^)([A-Z])", r"_\1", name).lower()
    return {
        "bucket": {
            "name": bucket["bucket"],
            "versioning": of("versioning")["versioning_configuration"][0]["status"],
            "encryption": encryption["sse_algorithm"],
            "private": [block[snake(key)] for key in PUBLIC],
            "ownership": [rule["object_ownership"] for rule in of("ownership_controls")["rule"]],
            "lifecycle": [rule(of) for of in of("lifecycle_configuration")["rule"]],
            "policy": of("policy")["policy"],
            "tags": bucket["tags"],
        },
        "table": {
            "name": table["name"],
            "billing": table["billing_mode"],
            "attributes": {of["name"]: of["type"] for of in table["attribute"]},
            "key": [table["hash_key"]],
            "index": [index["name"], index["hash_key"]],
            "projected": [index["projection_type"], *index["non_key_attributes"]],
            "ttl": table["ttl"][0]["enabled"] and table["ttl"][0]["attribute_name"],
            "backups": table["point_in_time_recovery"][0]["enabled"],
            "tags": table["tags"],
        },
        "secret": {"name": secret["name"], "description": secret["description"], "tags": secret["tags"]},
        "policy_without_tls": evaluated(f"{directory}/modules", bucket_name=BUCKET, table_name=TABLE, require_tls=False)["bucket"],
        "roles": [
            terraform_role(directory, "deployer-tenant", tenant="", principals=[ROOT]),
            terraform_role(directory, f"deployer-tenant-{TENANT}", tenant=TENANT, principals=[PRINCIPAL]),
        ],
        "registry": files["aws_s3_object"]["lifecycle"],
    }


def bucket_tags(s3):
    from botocore.exceptions import ClientError

    try:
        return tags(s3.get_bucket_tagging(Bucket=BUCKET)["TagSet"])
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchTagSet", error
        return {}


def deployed():
    import boto3

    s3, dynamodb = boto3.client("s3"), boto3.client("dynamodb")
    secret = boto3.client("secretsmanager").describe_secret(SecretId=SECRET)
    table = dynamodb.describe_table(TableName=TABLE)["Table"]
    (index,) = table["GlobalSecondaryIndexes"]
    ttl = dynamodb.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=TABLE)["ContinuousBackupsDescription"]
    (encryption,) = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
    block = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    ownership = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"]
    rule = lambda of: lifecycle(
        of["ID"], of["Status"], of["Filter"].get("Prefix"),
        of.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays"),
        of.get("NoncurrentVersionExpiration", {}).get("NewerNoncurrentVersions"),
        of.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation"),
        of.get("Expiration", {}).get("Days"),
    )
    return {
        "bucket": {
            "name": BUCKET,
            "versioning": s3.get_bucket_versioning(Bucket=BUCKET)["Status"],
            "encryption": encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"],
            "private": [block[key] for key in PUBLIC],
            "ownership": [rule["ObjectOwnership"] for rule in ownership],
            "lifecycle": [rule(of) for of in s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]],
            "policy": json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"]),
            "tags": bucket_tags(s3),
        },
        "table": {
            "name": table["TableName"],
            "billing": table["BillingModeSummary"]["BillingMode"],
            "attributes": {of["AttributeName"]: of["AttributeType"] for of in table["AttributeDefinitions"]},
            "key": [of["AttributeName"] for of in table["KeySchema"]],
            "index": [index["IndexName"], *[of["AttributeName"] for of in index["KeySchema"]]],
            "projected": [index["Projection"]["ProjectionType"], *index["Projection"]["NonKeyAttributes"]],
            "ttl": ttl["TimeToLiveStatus"] == "ENABLED" and ttl["AttributeName"],
            "backups": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED",
            "tags": tags(dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]),
        },
        "secret": {"name": secret["Name"], "description": secret["Description"], "tags": tags(secret["Tags"])},
    }


print(json.dumps({"template": template, "terraform": terraform, "deployed": deployed}[sys.argv[1]](*sys.argv[2:])))
