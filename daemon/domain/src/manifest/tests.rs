//! What a good file means. What is said about others is next door.

use std::time::Duration;

use super::*;

mod problems;
mod values;

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile::decode(name, text.as_bytes().to_vec()).unwrap()
}

fn parse(text: &str) -> Manifest {
    match Manifest::parse(&file("stack.yaml", text), &[]) {
        Ok(manifest) => manifest,
        Err(problems) => panic!("refused:\n{}", listing(&problems)),
    }
}

fn listing(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn refused(text: &str) -> String {
    listing(&Manifest::parse(&file("stack.yaml", text), &[]).expect_err("it was accepted"))
}

/// A stack whose only service is written by the test.
fn stack(service: &str) -> String {
    format!(
        "apiVersion: deployer/v1\nkind: Stack\nname: s\nenvironments: {{dev: {{}}}}\nservices:\n  a:\n    components:\n{service}"
    )
}

const GOOD: &str = r#"
apiVersion: deployer/v1
kind: Stack
name: notification-platform
description: Email and SMS notifications
variables:
  VERSION: { description: Image tag, default: latest }
  TOKEN: { sensitive: true }
environments:
  development: {}
  staging:
    variables: { VERSION: next }
  production:
    region: us-east-1
    accountId: 012345678901
    roleArn: arn:aws:iam::012345678901:role/deploy
    network: { vpcId: vpc-1, publicSubnetIds: [subnet-1, subnet-2], privateSubnetIds: [subnet-3] }
services:
  email:
    description: Sends mail
    components:
      migrate:
        type: command
        dependsOn: [email.database]
        inputs: [migrations/**, migrate.sh]
        timeout: 10m
        environment:
          DATABASE_HOST: ${email.database.endpoint}
          TAG: v${var.VERSION}-$${literal}
          PORT: 8080
        apply: ./migrate.sh up ${NOT_OURS}
        destroy: ./migrate.sh down
        check: ./migrate.sh status
      database:
        type: command
        description: Pretends to be one
        onDestroy: retain
        apply: "true"
        environment: { TOKEN: "${var.TOKEN}" }
"#;

#[test]
fn a_whole_file_is_read_in_its_order() {
    let manifest = parse(GOOD);
    assert_eq!(manifest.name.as_str(), "notification-platform");
    let names: Vec<String> = manifest.components.iter().map(|c| c.id.to_string()).collect();
    assert_eq!(names, ["email.migrate", "email.database"]);
    assert!(manifest.variables["TOKEN"].sensitive && !manifest.variables["VERSION"].sensitive);
    let production = &manifest.environments[&"production".parse().unwrap()];
    assert_eq!(production.account_id.as_deref(), Some("012345678901"));
    assert_eq!(production.network.as_ref().unwrap().public_subnet_ids, ["subnet-1", "subnet-2"]);
    let migrate = manifest.component(&"email.migrate".parse().unwrap()).unwrap();
    assert_eq!(migrate.dependencies, ["email.database".parse().unwrap()]);
    assert_eq!((migrate.place.line, migrate.place.column), (22, 7));
    let Definition::Command(command) = &migrate.definition else { panic!("no command") };
    assert_eq!(command.apply, "./migrate.sh up ${NOT_OURS}");
    assert_eq!(command.timeout, Some(Duration::from_secs(600)));
    assert_eq!(command.environment["PORT"].as_literal(), Some("8080"));
    assert_eq!(command.inputs[1].glob, "migrate.sh");
    let database = manifest.component(&"email.database".parse().unwrap()).unwrap();
    assert_eq!((migrate.on_destroy, database.on_destroy), (OnDestroy::Delete, OnDestroy::Retain));
    let order = manifest.graph().order();
    assert_eq!(order, [1, 0]);
}

#[test]
fn services_may_be_in_files_of_their_own() {
    let main = file("stack.yaml", &stack("      x: {type: command, apply: x, dependsOn: [b.y]}\n"));
    let other = file("services/b.yaml", "description: B\ncomponents:\n  y: {type: command, apply: y}\n");
    let manifest = Manifest::parse(&main, std::slice::from_ref(&other)).unwrap();
    assert_eq!(manifest.components.len(), 2);
    assert_eq!(manifest.components[1].place.file.as_ref(), "services/b.yaml");
    let twice = file("services/a.yaml", "components: {z: {type: comand, apply: y}}\n");
    let bad = file("services/Bad.yaml", "components: {}\n");
    let broken = file("services/c.yaml", "components: {\n");
    assert_eq!(
        listing(&Manifest::parse(&main, &[twice, bad, broken, other]).unwrap_err()),
        "services/a.yaml: the service `a` is described twice; keep it either in the main file or in services/\n\
         services/a.yaml:1:24: unknown type `comand`; did you mean `command`?\n\
         services/Bad.yaml: service name \"Bad\" is not valid: 'B' is not allowed; use lower-case letters, digits and hyphens\n\
         services/c.yaml:2:1: this is not valid YAML: while parsing a node, did not find expected node content"
    );
}

#[test]
fn extension_fields_and_merge_keys_save_repetition() {
    let text = stack(
        "      x: &base {type: command, apply: x, environment: {A: 1}}\n      y: {<<: *base, apply: y}\nx-note: [anything]\n",
    );
    let manifest = parse(&text);
    let Definition::Command(command) = &manifest.components[1].definition else { panic!("no command") };
    assert_eq!((command.apply.as_str(), command.environment["A"].as_literal()), ("y", Some("1")));
}

#[test]
fn the_environment_is_the_only_one_or_the_exact_one() {
    let one = parse(&stack("      x: {type: command, apply: x}\n"));
    assert_eq!(one.choose_environment(None).unwrap().as_str(), "dev");
    let several = parse(GOOD);
    let error = several.choose_environment(None).unwrap_err();
    assert_eq!(error.facts[0].1, "development, production, staging");
    let error = several.choose_environment(Some("prodcution")).unwrap_err();
    assert_eq!((error.reason, error.hints[0].as_str()), (Reason::NotFound, "did you mean `production`?"));
    assert!(several.choose_environment(Some("../x")).is_err());
}

#[test]
fn the_template_is_valid_and_names_the_stack() {
    let text = stack_template(&"my-stack".parse().unwrap());
    assert!(text.starts_with(&format!("# yaml-language-server: $schema=./{SCHEMA_FILE}\n")));
    let manifest = parse(&text);
    assert_eq!(manifest.name.as_str(), "my-stack");
    assert_eq!(manifest.components.len(), 2);
    let environment = "development".parse().unwrap();
    assert!(Values::resolve(&manifest, &environment, &[]).is_ok());
}
