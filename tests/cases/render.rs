//! Typed components become templates that anybody may read, and that CloudFormation's own linter has nothing against.

use std::process::Command;

use harness::aws::python_environment;
use harness::programs::root;
use harness::scenes::{Platform, team};

const STACK: &str = "\
apiVersion: deployer/v1
kind: Stack
name: shop
variables: { SECONDS: { default: 90 } }
environments: { development: {}, production: { region: eu-central-1 } }
services:
  web:
    components:
      jobs: { type: sqs-queue, visibilityTimeout: '${var.SECONDS}', topics: ['${web.news.arn}'] }
      news: { type: sns-topic }
      worker: { type: lambda, runtime: python3.13, inline: 'x = 1', access: { web.jobs: read } }
      seed: { type: command, apply: 'true' }
";

fn shop() -> Platform {
    let team = team();
    team.world.write("shop/stack.yaml", STACK);
    team
}

#[test]
fn one_component_s_template_is_printed_as_it_is() {
    let team = shop();
    let place = ["render", "--stack", "shop", "--environment", "development", "--component", "web.jobs"];
    let template = team.world.run(place).succeeds().json();
    assert_eq!(template["Resources"]["Queue"]["Properties"]["VisibilityTimeout"], 90);
    assert_eq!(template["Parameters"]["Topics0Input"]["Type"], "String");
    let tags = template["Resources"]["Queue"]["Properties"]["Tags"].as_array().unwrap();
    assert!(tags.contains(&serde_json::json!({ "Key": "deployer:component", "Value": "jobs" })), "{tags:?}");
    let more: Vec<&str> = place.into_iter().chain(["--var", "SECONDS=7"]).collect();
    let template = team.world.run(more).succeeds().json();
    assert_eq!(template["Resources"]["Queue"]["Properties"]["VisibilityTimeout"], 7);
}

#[test]
fn a_whole_stack_is_rendered_with_what_its_stacks_need() {
    let team = shop();
    let place = ["render", "--stack", "shop", "--environment", "production"];
    let json: Vec<&str> = place.into_iter().chain(["-o", "json"]).collect();
    let answer = team.world.run(json).succeeds().json();
    let templates = answer["templates"].as_array().unwrap();
    let ids: Vec<_> = templates.iter().map(|it| it["component"].as_str().unwrap()).collect();
    assert_eq!(ids, ["web.news", "web.jobs", "web.worker"]);
    assert_eq!(templates[1]["parameters"][0]["value"], "${web.news.arn}");
    assert_eq!(templates[2]["capabilities"], serde_json::json!(["CAPABILITY_IAM"]));
    assert!(templates[0]["stackName"].as_str().unwrap().starts_with("deployer-"));
    let text = team.world.run(place).succeeds();
    text.says("# web.jobs (sqs-queue)").says("# Topics0Input = ${web.news.arn}").says("# needs CAPABILITY_IAM");
}

#[test]
fn a_value_that_makes_no_sense_is_told_with_its_component() {
    let team = shop();
    let arguments = ["render", "--stack", "shop", "--environment", "development", "--var", "SECONDS=soon"];
    let output = team.world.run(arguments).exits(64);
    output.complains("stack.yaml:9:7").complains("visibilityTimeout").complains("soon");
}

#[test]
fn a_selection_that_names_nothing_is_refused() {
    let team = shop();
    let arguments = ["render", "--stack", "shop", "--environment", "development", "--component", "web.job"];
    team.world.run(arguments).exits(8).complains("web.job");
}

#[test]
fn golden_templates_pass_cfn_lint_without_a_warning() {
    let golden = root().join("tests/golden/templates");
    let count = walk(&golden);
    assert!(count > 40, "only {count} templates in {}", golden.display());
    let output = Command::new(python_environment().join("bin/cfn-lint"))
        .args(["--non-zero-exit-code", "informational", "--template"])
        .arg(golden.join("*/*.json"))
        .output()
        .expect("tests/setup installs cfn-lint");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.trim().is_empty(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

fn walk(directory: &std::path::Path) -> usize {
    let entries = directory.read_dir().unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(
            |path| {
                if path.is_dir() { walk(&path) } else { usize::from(path.extension().is_some_and(|it| it == "json")) }
            },
        )
        .sum()
}
