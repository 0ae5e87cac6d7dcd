//! What an account needs is the same, whoever makes it: CloudFormation, Terraform, or `admin bootstrap`; and it is enough.

use std::path::Path;

use harness::aws::{LocalAws, REGION, python_environment};
use harness::boto::boto;
use harness::proxy::{Fault, Proxy, Refusal, Rule};
use harness::scenes::{PASSWORD, Platform};
use harness::{Command, World, programs};
use serde_json::Value;

const SCRIPT: &str = include_str!("../harness/infrastructure.py");

fn folder() -> std::path::PathBuf {
    programs::root().join("infrastructure")
}

fn has_terraform() -> bool {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).any(|path| path.join("terraform").exists())
}

/// Asks the script, which shares nothing with us.
#[track_caller]
fn told(arguments: &[&Path], variables: &[(&str, String)]) -> Value {
    let python = Command::new(python_environment().join("bin/python")).args(["-c", SCRIPT]).args(arguments);
    let path = std::env::var("PATH").unwrap_or_default();
    python.env("PATH", path).env("HOME", "/nonexistent").envs(variables.iter().cloned()).run().succeeds().json()
}

pub fn template() -> Value {
    let files = folder().join("cloudformation");
    told(&["template".as_ref(), &files.join("backend.yaml"), &files.join("tenant-role.yaml")], &[])
}

#[track_caller]
fn deploy(aws: &LocalAws, stack: &str, file: &str, parameters: &[(&str, &str)]) {
    let file = folder().join("cloudformation").join(file);
    let parameters: Vec<_> = parameters
        .iter()
        .map(|(key, value)| serde_json::json!({ "ParameterKey": key, "ParameterValue": value }))
        .collect();
    let made = boto(
        aws,
        &format!(
            "cf.create_stack(StackName='{stack}', TemplateBody=open('{}').read(), Parameters={},\n\
             \x20   Capabilities=['CAPABILITY_NAMED_IAM'])\n\
             cf.get_waiter('stack_create_complete').wait(StackName='{stack}', WaiterConfig={{'Delay': 1}})\n\
             answer(cf.describe_stacks(StackName='{stack}')['Stacks'][0]['StackStatus'])",
            file.display(),
            Value::from(parameters)
        ),
    );
    assert_eq!(made, "CREATE_COMPLETE");
}

fn world(aws: &LocalAws) -> World {
    let variables = aws.environment().into_iter();
    variables.fold(World::new(), |world, (name, value)| world.with(name, value)).with("DEPLOYER_REGION", REGION)
}

/// What an account has.
fn deployed(aws: &LocalAws) -> Value {
    let mut variables = aws.environment();
    variables.push(("AWS_DEFAULT_REGION", REGION.to_owned()));
    told(&["deployed".as_ref()], &variables)
}

/// The template's.
fn expected() -> Value {
    let wanted = template();
    serde_json::json!({ "bucket": wanted["bucket"], "table": wanted["table"], "secret": wanted["secret"] })
}

/// The template's, as the program asks for it where there is no TLS.
fn expected_without_tls() -> Value {
    let mut wanted = expected();
    wanted["bucket"]["policy"] = template()["policy_without_tls"].clone();
    wanted
}

/// CloudFormation of the local AWS forgets the tags of a bucket, and only those.
fn as_a_local_stack_makes_it(mut wanted: Value) -> Value {
    wanted["bucket"]["tags"] = serde_json::json!({});
    wanted
}

#[test]
fn terraform_and_cloudformation_make_the_same() {
    if !has_terraform() {
        eprintln!("skipped: terraform is not on the PATH");
        return;
    }
    let mut terraform = told(&["terraform".as_ref(), &folder().join("terraform")], &[]);
    let registry = terraform.as_object_mut().unwrap().remove("registry").unwrap();
    assert_eq!(terraform, template());
    let living = serde_json::json!([{ "ignore_changes": "all", "prevent_destroy": true }]);
    assert_eq!(registry, living, "a living tenants.yaml is neither overwritten nor removed");
}

#[test]
fn terraform_s_files_have_its_form() {
    if !has_terraform() {
        eprintln!("skipped: terraform is not on the PATH");
        return;
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let folder = folder();
    let words = ["fmt", "-check", "-diff", "-recursive"].map(std::ffi::OsStr::new);
    let check = Command::new("terraform").args(words.into_iter().chain([folder.as_os_str()]));
    check.env("PATH", path).env("HOME", "/nonexistent").run().succeeds();
}

#[test]
fn the_templates_have_no_faults() {
    let templates = folder().join("cloudformation");
    let lint = Command::new(python_environment().join("bin/cfn-lint")).env("PATH", "/usr/bin:/bin");
    lint.args(["backend.yaml", "tenant-role.yaml"].map(|name| templates.join(name))).run().succeeds();
}

#[test]
fn bootstrap_makes_what_the_template_makes() {
    let aws = LocalAws::start();
    let _platform = Platform::prepared(world(&aws), "s3://acme-state".to_owned());
    assert_eq!(deployed(&aws), as_a_local_stack_makes_it(expected_without_tls()));
    let stack = boto(&aws, "answer([stack['StackName'] for stack in stacks()])");
    assert_eq!(stack, serde_json::json!(["deployer-backend-acme-state"]));
}

#[test]
fn who_may_not_use_cloudformation_gets_the_same_by_single_calls() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    proxy.add(Rule::on("CloudFormation", Fault::Refuse(Refusal::Denied)));
    let world = world(&aws).with("AWS_ENDPOINT_URL", proxy.endpoint());
    let _platform = Platform::prepared(world, "s3://acme-state".to_owned());
    assert_eq!(deployed(&aws), expected_without_tls());
    assert_eq!(boto(&aws, "answer(len(stacks()))"), 0);
}

#[test]
fn a_backend_that_people_deployed_themselves_is_found_and_used() {
    let aws = LocalAws::start();
    // The local AWS has no TLS, and asks nobody for it.
    deploy(&aws, "backend", "backend.yaml", &[("BucketName", "acme-state"), ("TableName", "acme-locks")]);
    let platform = Platform::prepared(world(&aws), "s3://acme-state".to_owned());
    assert_eq!(deployed(&aws), as_a_local_stack_makes_it(expected()));
    let team = platform.with_team("web-team").in_development();
    team.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    team.apply("shop").succeeds();
    let stacks = boto(&aws, "answer(len(stacks()))");
    assert_eq!(stacks, 1, "bootstrap made no second stack");
}

#[test]
fn terraform_s_first_registry_is_read_and_kept() {
    let aws = LocalAws::start();
    deploy(
        &aws,
        "backend",
        "backend.yaml",
        &[("BucketName", "acme-state"), ("TableName", "acme-locks"), ("RequireTls", "false")],
    );
    let template = std::fs::read_to_string(folder().join("terraform/templates/tenants.yaml.tpl")).unwrap();
    let values =
        [("now", "2024-01-15T10:00:00Z"), ("bucket", "acme-state"), ("region", REGION), ("table", "acme-locks")];
    let first = values.iter().fold(template, |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
    boto(
        &aws,
        &format!(
            "boto3.client('s3').put_object(Bucket='acme-state', Key='tenants.yaml', Body={}.encode())\nanswer(1)",
            serde_json::to_string(&first).unwrap()
        ),
    );
    let world = world(&aws);
    let arguments = ["admin", "bootstrap", "--backend", "s3://acme-state", "--password-stdin"];
    let bootstrapped = world.command(arguments).stdin(PASSWORD).run().succeeds();
    assert!(!bootstrapped.stdout.contains("Created tenants.yaml"), "{bootstrapped}");
    let platform = Platform::prepared(world, "s3://acme-state".to_owned()).with_team("web-team");
    let registry = platform.document("tenants.yaml");
    assert!(registry.contains("created: 2024-01-15T10:00:00Z") && registry.contains("web-team"), "{registry}");
}

#[test]
fn a_tenant_s_role_is_assumed_by_a_sign_in_that_names_it() {
    let aws = LocalAws::start();
    let platform = Platform::prepared(world(&aws), "s3://acme-state".to_owned());
    let secret = platform.create_tenant("web-team");
    let names = [
        ("BucketName", "acme-state"),
        ("TableName", "acme-locks"),
        ("Tenant", "web-team"),
        ("Principals", "arn:aws:iam::000000000000:root"),
    ];
    deploy(&aws, "role", "tenant-role.yaml", &names);
    let role = "arn:aws:iam::000000000000:role/deployer-tenant-web-team";
    let login = ["login", "--tenant", "web-team", "--backend", "s3://acme-state", "--role-arn", role, "--secret-stdin"];
    platform.world.command(login).stdin(secret).run().succeeds();
    // The local AWS refuses nobody anything, and a role alone is not taken for a wall.
    platform.world.run(["session"]).succeeds().says("Isolation: advisory");
    platform.world.run(["doctor"]).says("advisory: your own cloud credentials may read tenants.yaml");
    platform.write_stack("shop", &["a: { type: command, apply: 'true' }"]);
    platform.world.run(["apply", "--stack", "shop", "--environment", "development", "--yes"]).succeeds();
}

#[test]
fn the_role_that_the_program_makes_is_that_of_the_template() {
    let aws = LocalAws::start();
    let platform = Platform::prepared(world(&aws), "s3://acme-state".to_owned());
    platform.create_tenant("web-team");
    let principal = "arn:aws:iam::000000000000:role/web-team";
    platform.world.run(["tenant", "policy", "web-team", "--principal", principal, "--apply", "--yes"]).succeeds();
    let made = boto(
        &aws,
        "iam = boto3.client('iam'); (name,) = [r['RoleName'] for r in iam.list_roles()['Roles'] if 'tenant' in r['RoleName']]\n\
         role = iam.get_role(RoleName=name)['Role']; (policy,) = iam.list_role_policies(RoleName=name)['PolicyNames']\n\
         answer({'name': name, 'description': role['Description'], 'seconds': role['MaxSessionDuration'],\n\
         \x20   'trust': role['AssumeRolePolicyDocument'],\n\
         \x20   'policy': [policy, iam.get_role_policy(RoleName=name, PolicyName=policy)['PolicyDocument']]})",
    );
    assert_eq!(made, template()["roles"][1]);
}
