mod golden;

use super::*;
use crate::expression::{Outputs, Resolver};
use crate::manifest::{COMPONENT_TYPES, Component, Definition, Manifest, SourceFile, Value as Variable};

fn scope(environment: &str) -> Scope {
    Scope {
        tenant: "acme-team".parse().unwrap(),
        stack: "shop".parse().unwrap(),
        environment: environment.parse().unwrap(),
        region: Some("eu-central-1".to_owned()),
        role_arn: None,
        network: None,
    }
}

/// A stack with a topic and, at line 9, a component of this type; its fields are indented by eight spaces.
fn parse(component_type: &str, fields: &str) -> std::result::Result<Manifest, Vec<Problem>> {
    let fields: String = fields.lines().map(|line| format!("        {line}\n")).collect();
    let text = format!(
        "apiVersion: deployer/v1\nkind: Stack\nname: shop\nvariables: {{ SECONDS: {{ default: 90 }}, TOKEN: {{ sensitive: true \
         }} }}\nenvironments: {{ development: {{}} }}\nservices:\n  web:\n    components:\n      thing:\n        \
         type: {component_type}\n{fields}      topic: {{ type: sns-topic }}\n"
    );
    Manifest::parse(&SourceFile::decode("stack.yaml", text.into_bytes()).unwrap(), &[])
}

fn try_compile(component_type: &str, fields: &str) -> Result<Compiled> {
    let manifest = parse(component_type, fields).expect("the fields can be read");
    let component = manifest.component(&"web.thing".parse().unwrap()).unwrap();
    let variables: Values = [
        ("SECONDS".to_owned(), Variable::Plain("90".to_owned())),
        ("TOKEN".to_owned(), Variable::Sensitive("s3cret".to_owned().into())),
    ]
    .into_iter()
    .collect();
    let pending = BTreeMap::from([("web.topic".parse().unwrap(), Outputs::Pending)]);
    let resolver = Resolver::new(scope("development"), variables, pending);
    compile_component(component, &resolver)
}

fn compile_component(component: &Component, resolver: &Resolver) -> Result<Compiled> {
    let Definition::Typed(typed) = &component.definition else { panic!("not typed") };
    let values = typed.values.iter().map(|(path, text)| (path.clone(), resolver.resolve(text).unwrap())).collect();
    compile(&TemplateRequest {
        component: &component.id,
        place: &component.place,
        component_type: component.component_type,
        on_destroy: component.on_destroy,
        fields: &typed.fields,
        written: &typed.values,
        values: &values,
        variables: resolver.values(),
        scope: resolver.scope(),
    })
}

fn compiled(component_type: &str, fields: &str) -> Compiled {
    try_compile(component_type, fields).unwrap()
}

#[test]
fn what_is_known_stands_in_the_template() {
    let queue = compiled("sqs-queue", "visibilityTimeout: ${var.SECONDS}\nfifo: true\n");
    let properties = &queue.template["Resources"]["Queue"]["Properties"];
    assert_eq!((&properties["VisibilityTimeout"], &properties["FifoQueue"]), (&90.into(), &true.into()));
    assert!(queue.parameters.is_empty() && queue.capabilities.is_empty());
    assert!(queue.template.get("Parameters").is_none());
}

#[test]
fn an_output_becomes_a_parameter_so_that_the_text_never_changes() {
    let queue = compiled("sqs-queue", "topics: ['${web.topic.arn}']\n");
    assert_eq!(queue.template["Resources"]["Subscription1"]["Properties"]["TopicArn"]["Ref"], "Topics0Input");
    assert_eq!(queue.template["Parameters"]["Topics0Input"]["Type"], "String");
    assert!(matches!(&queue.parameters["Topics0Input"], Resolved::Unknown(text) if text == "${web.topic.arn}"));
}

#[test]
fn a_secret_is_a_parameter_that_nobody_sees() {
    let topic = compiled("sns-topic", "displayName: x${var.TOKEN}\n");
    assert_eq!(topic.template["Parameters"]["DisplayNameInput"]["NoEcho"], true);
    assert!(!topic.text().contains("s3cret"));
    let both = compiled("sns-topic", "displayName: ${var.TOKEN}${web.topic.arn}\n");
    assert_eq!(both.template["Parameters"]["DisplayNameInput"]["NoEcho"], true);
}

#[test]
fn everything_that_takes_tags_says_whose_it_is() {
    let bucket = compiled("s3-bucket", "tags: { team: web }\n");
    let tags = &bucket.template["Resources"]["Bucket"]["Properties"]["Tags"];
    let keys: Vec<_> = tags.as_array().unwrap().iter().map(|tag| tag["Key"].as_str().unwrap()).collect();
    let ours = ["component", "environment", "service", "stack", "tenant"].map(|name| format!("deployer:{name}"));
    assert_eq!(keys[..5], ours);
    assert_eq!(keys[5..], ["team"]);
}

#[test]
fn data_outlives_its_stack() {
    let bucket = compiled("s3-bucket", "");
    assert_eq!(bucket.template["Resources"]["Bucket"]["DeletionPolicy"], "RetainExceptOnCreate");
    assert_eq!(bucket.template["Resources"]["Bucket"]["UpdateReplacePolicy"], "Retain");
}

#[test]
fn every_output_of_the_table_can_be_had() {
    let table = compiled("dynamodb-table", "partitionKey: id\nstream: new-image\n");
    let names = |compiled: &Compiled| compiled.outputs.iter().map(|output| output.name).collect::<Vec<_>>();
    assert_eq!(names(&table), ["name", "arn", "streamArn"]);
    assert_eq!(names(&compiled("dynamodb-table", "partitionKey: id\n")), ["name", "arn"]);
}

#[test]
fn what_a_variable_stands_for_is_checked_like_what_is_written() {
    let error = try_compile("sqs-queue", "delay: ${var.SECONDS}000\n").unwrap_err();
    assert_eq!(error.reason, Reason::ManifestInvalid);
    assert_eq!(
        error.problems[0].to_string(),
        "stack.yaml:9:7: `delay` must be a whole number from 0 to 900, not \"90000\""
    );
    let error = try_compile("sqs-queue", "delay: ${var.TOKEN}\n").unwrap_err();
    assert!(error.problems[0].to_string().contains("cannot be a secret"), "{error}");
}

#[test]
fn wrong_fields_are_told_with_their_place() {
    let fields =
        "visibilityTimout: 3\nfifo: maybe\ndelay: ${web.topic.arn}\nmaxReceives: 0\ntopics: ['${web.topic.anr}']\n";
    let problems = parse("sqs-queue", fields).unwrap_err();
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems.join("\n"),
        "stack.yaml:11:9: unknown field `visibilityTimout` in `web.thing`; did you mean `visibilityTimeout`?\n\
         stack.yaml:12:15: `fifo` must be true or false, not \"maybe\"\n\
         stack.yaml:13:16: `delay` must be known before anything is deployed, so it cannot be ${web.topic.arn}; \
         write the value, or a variable such as ${var.NAME}\n\
         stack.yaml:14:22: `maxReceives` must be a whole number from 1 to 1000, not \"0\"\n\
         stack.yaml:15:19: `web.topic` has no output `anr`; did you mean `arn`?"
    );
}

/// The sample of the design, as far as its types are compiled here.
#[test]
fn the_sample_compiles_with_what_a_platform_needs() {
    let text = include_bytes!("tests/sample.yaml").to_vec();
    let manifest = Manifest::parse(&SourceFile::decode("stack.yaml", text).unwrap(), &[]).unwrap();
    let (environment, described) = manifest.environments.first_key_value().unwrap();
    let variables = Values::resolve(&manifest, environment, &[&BTreeMap::new()]).unwrap();
    let pending = manifest.components.iter().map(|component| (component.id.clone(), Outputs::Pending)).collect();
    let scope = Scope { network: described.network.clone(), ..scope(environment.as_str()) };
    let resolver = Resolver::new(scope, variables, pending);
    let of = |id: &str| {
        let component = manifest.component(&id.parse().unwrap()).unwrap();
        compile_component(component, &resolver).unwrap().template["Resources"].clone()
    };
    let (database, api) = (of("email.database"), of("email.api"));
    assert_eq!(database["Database"]["Properties"]["MultiAZ"], true);
    assert_eq!(database["Database"]["Properties"]["DeletionProtection"], true);
    assert_eq!(database["Database"]["Properties"]["PubliclyAccessible"], false);
    let groups = &api["Service"]["Properties"]["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"];
    assert_eq!(groups[1]["Ref"], "Connections0Input", "it refers to the database, so it may connect");
    assert_eq!(api["LoadBalancer"]["Properties"]["Subnets"], serde_json::json!(["subnet-1", "subnet-2"]));
    assert_eq!(api["Service"]["Properties"]["DeploymentConfiguration"]["DeploymentCircuitBreaker"]["Rollback"], true);
}

#[test]
fn what_runs_somewhere_says_so_when_there_is_no_network() {
    let error = try_compile("ecs-service", "image: nginx\n").unwrap_err();
    let problem = error.problems[0].to_string();
    assert!(problem.contains("the environment `development` has no network"), "{problem}");
    assert!(problem.contains("add a component of type network"), "{problem}");
}

#[test]
fn access_that_makes_no_sense_is_refused_where_it_stands() {
    let problems = |fields: &str| {
        let problems = parse("lambda", &format!("runtime: python3.13\ninline: x\n{fields}")).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        problems("access: { web.topic: read }\n"),
        "stack.yaml:13:19: `read` is no access to a component of type sns-topic; write write"
    );
    assert!(problems("access: { web.nobody: read }\n").contains("unknown component `web.nobody`"));
    assert!(problems("vpc: true\nnetwork: web.topic\n").contains("`web.topic` is a sns-topic, not a network"));
}
