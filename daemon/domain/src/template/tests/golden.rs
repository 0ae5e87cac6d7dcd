//! What the stack files in `tests/golden/templates` compile to, word for word.
//!
//! `DEPLOYER_GOLDEN=write` writes the files anew; what changed is then read in the diff.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::manifest::Given;
use crate::state::Output;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/templates")
}

fn stacks() -> Vec<PathBuf> {
    let files = fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let mut stacks: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect();
    stacks.sort();
    stacks
}

/// The templates of a stack, by the names of their files.
fn compiled_stack(path: &Path) -> BTreeMap<String, Compiled> {
    let file = SourceFile::decode(path.display().to_string(), fs::read(path).unwrap()).unwrap();
    let manifest = match Manifest::parse(&file, &[]) {
        Ok(manifest) => manifest,
        Err(problems) => panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
    };
    let mut compiled = BTreeMap::new();
    for (name, environment) in &manifest.environments {
        let variables = Values::resolve(&manifest, name, &[&Given::new()]).unwrap();
        let pending = manifest.components.iter().map(|component| (component.id.clone(), Outputs::Pending)).collect();
        let scope =
            Scope { network: environment.network.clone(), stack: manifest.name.clone(), ..scope(name.as_str()) };
        let resolver = Resolver::new(scope, variables, pending);
        for component in &manifest.components {
            if let Definition::Typed(_) = &component.definition {
                let template = compile_component(component, &resolver).unwrap_or_else(|error| panic!("{error:?}"));
                compiled.insert(format!("{name}.{}.json", component.id), template);
            }
        }
    }
    compiled
}

#[test]
fn templates_are_what_they_were() {
    let write = std::env::var_os("DEPLOYER_GOLDEN").is_some_and(|value| value == "write");
    let mut differences = Vec::new();
    for path in stacks() {
        let directory = path.with_extension("");
        let compiled = compiled_stack(&path);
        if write {
            let _old = fs::remove_dir_all(&directory);
            fs::create_dir_all(&directory).unwrap();
            compiled.iter().for_each(|(name, template)| fs::write(directory.join(name), template.text()).unwrap());
        }
        let there: BTreeSet<String> =
            fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(there, compiled.keys().cloned().collect(), "{}", directory.display());
        for (name, template) in compiled {
            if fs::read_to_string(directory.join(&name)).unwrap() != template.text() {
                differences.push(directory.join(name).display().to_string());
            }
        }
    }
    assert!(differences.is_empty(), "DEPLOYER_GOLDEN=write writes them anew:\n{}", differences.join("\n"));
}

#[test]
fn every_type_has_goldens_and_every_output_is_in_one() {
    let mut missing: BTreeSet<(&str, &str)> =
        COMPONENT_TYPES.iter().flat_map(|known| known.outputs.iter().map(|output| (known.name, output.name))).collect();
    assert!(missing.len() > 50, "{missing:?}");
    for path in stacks() {
        for template in compiled_stack(&path).values() {
            let about = template.template["Description"].as_str().unwrap();
            missing.retain(|(component_type, output)| {
                !about.ends_with(&format!(" {component_type}")) || !template.template["Outputs"][output].is_object()
            });
        }
    }
    assert_eq!(missing, BTreeSet::new());
}

/// What takes no tags, or passes them on from what it belongs to.
const UNTAGGED: [&str; 15] = [
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::EC2::Route",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCEndpoint",
    "AWS::EC2::VPCGatewayAttachment",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Url",
    "AWS::Route53::RecordSet",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Scheduler::Schedule",
];

#[test]
fn everything_taggable_is_tagged_and_nothing_names_an_account_or_a_partition() {
    for path in stacks() {
        for (name, compiled) in compiled_stack(&path) {
            for (id, resource) in compiled.template["Resources"].as_object().unwrap() {
                let kind = resource["Type"].as_str().unwrap();
                let tags = resource["Properties"]["Tags"].as_array().map_or(0, |tags| {
                    tags.iter().filter(|tag| tag["Key"].as_str().unwrap().starts_with("deployer:")).count()
                });
                assert_eq!(tags, if UNTAGGED.contains(&kind) { 0 } else { 5 }, "{name}: {id}");
            }
            assert_eq!(compiled.capabilities.is_empty(), !compiled.text().contains("AWS::IAM::Role"), "{name}");
            assert!(!compiled.text().contains("s3cret"), "{name}");
        }
    }
}

#[test]
fn a_template_does_not_depend_on_what_outputs_are() {
    let path = directory().join("ecs-service.yaml");
    let file = SourceFile::decode("stack.yaml", fs::read(path).unwrap()).unwrap();
    let manifest = Manifest::parse(&file, &[]).unwrap();
    let (name, environment) = manifest.environments.first_key_value().unwrap();
    let variables = Values::resolve(&manifest, name, &[&Given::new()]).unwrap();
    let texts = |known: bool| -> Vec<String> {
        let outputs = manifest.components.iter().map(|component| {
            let known_outputs = component.component_type.outputs.iter().map(|output| output.name);
            let known_outputs = known_outputs.chain(["arn", "uri", "public"]);
            let values = known_outputs.map(|name| (name.to_owned(), Output::Value("sg-1".to_owned()))).collect();
            (component.id.clone(), if known { Outputs::Known(values) } else { Outputs::Pending })
        });
        let scope = Scope { network: environment.network.clone(), ..scope(name.as_str()) };
        let resolver = Resolver::new(scope, variables.clone(), outputs.collect());
        let typed = manifest.components.iter().filter(|it| matches!(it.definition, Definition::Typed(_)));
        typed.map(|component| compile_component(component, &resolver).unwrap().text()).collect()
    };
    assert_eq!(texts(true), texts(false));
}
