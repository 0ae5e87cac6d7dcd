use super::*;
use crate::expression::{Outputs, Resolver};
use crate::manifest::{COMPONENT_TYPES, Value as Variable, typed};

fn scope(environment: &str) -> Scope {
    Scope {
        tenant: "acme-team".parse().unwrap(),
        stack: "shop".parse().unwrap(),
        environment: environment.parse().unwrap(),
        region: Some("eu-central-1".to_owned()),
        role_arn: None,
    }
}

fn known(name: &str) -> &'static ComponentType {
    COMPONENT_TYPES.iter().find(|known| known.name == name).unwrap()
}

fn try_compile(component_type: &str, fields: &str) -> Result<Compiled> {
    let component_type = known(component_type);
    let typed = typed::read(component_type, fields).expect("the fields can be read");
    let variables: Values = [
        ("SECONDS".to_owned(), Variable::Plain("90".to_owned())),
        ("TOKEN".to_owned(), Variable::Sensitive("s3cret".to_owned().into())),
    ]
    .into_iter()
    .collect();
    let pending = BTreeMap::from([("web.topic".parse().unwrap(), Outputs::Pending)]);
    let scope = scope("development");
    let resolver = Resolver::new(scope.clone(), variables.clone(), pending);
    let values = typed.values.iter().map(|(path, text)| (path.clone(), resolver.resolve(text).unwrap())).collect();
    compile(&TemplateRequest {
        component: &"web.thing".parse().unwrap(),
        place: &Place { file: "stack.yaml".into(), line: 7, column: 3 },
        component_type,
        on_destroy: OnDestroy::Retain,
        fields: &typed.fields,
        written: &typed.values,
        values: &values,
        variables: &variables,
        scope: &scope,
        network: None,
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
        "stack.yaml:7:3: `delay` must be a whole number from 0 to 900, not \"90000\""
    );
    let error = try_compile("sqs-queue", "delay: ${var.TOKEN}\n").unwrap_err();
    assert!(error.problems[0].to_string().contains("cannot be a secret"), "{error}");
}

#[test]
fn wrong_fields_are_told_with_their_place() {
    let problems = |component_type, text| typed::read(known(component_type), text).unwrap_err().join("\n");
    assert_eq!(
        problems("sqs-queue", "visibilityTimout: 3\nfifo: maybe\ndelay: ${web.topic.arn}\nmaxReceives: 0\n"),
        "stack.yaml:1:1: unknown field `visibilityTimout` in `component`; did you mean `visibilityTimeout`?\n\
         stack.yaml:2:7: `fifo` must be true or false, not \"maybe\"\n\
         stack.yaml:3:8: `delay` must be known before anything is deployed, so it cannot be ${web.topic.arn}; \
         write the value, or a variable such as ${var.NAME}\n\
         stack.yaml:4:14: `maxReceives` must be a whole number from 1 to 1000, not \"0\""
    );
}
