use deployer_daemon::aws::bootstrap;
use deployer_domain::object::PortError;
use harness::aws::LocalAws;
use harness::canned::{Answer, Canned};
use harness::proxy::{Fault, Proxy, Refusal, Rule};

use super::{BUCKET, caller, clients, place};

const TABLE: &str = "acme-locks";

#[tokio::test]
async fn bootstrap_makes_what_is_missing_and_can_be_repeated() {
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    let first = bootstrap(&clients, BUCKET, TABLE).await.unwrap();
    let made: Vec<_> = first.iter().map(|part| (part.what.as_str(), part.created)).collect();
    let stack = ("CloudFormation stack deployer-backend-acme-state", true);
    assert_eq!(made, [stack, ("S3 bucket acme-state", true), ("DynamoDB table acme-locks", true)]);
    let second = bootstrap(&clients, BUCKET, TABLE).await.unwrap();
    assert!(second.iter().all(|part| !part.created), "{second:?}");
    let left = clients.s3.list_object_versions().bucket(BUCKET).send().await.unwrap();
    assert_eq!((left.versions().len(), left.delete_markers().len()), (0, 0), "the probe leaves nothing behind");
}

#[tokio::test]
async fn whoever_may_not_use_cloudformation_gets_the_same_by_single_calls() {
    let aws = LocalAws::start();
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    proxy.add(Rule::on("CloudFormation", Fault::Refuse(Refusal::Denied)));
    let mut variables = aws.environment();
    variables.retain(|(name, _)| *name != "AWS_ENDPOINT_URL");
    variables.push(("AWS_ENDPOINT_URL", proxy.endpoint()));
    let clients = deployer_daemon::aws::Clients::open(&caller(variables), &place()).await.unwrap();
    let parts = bootstrap(&clients, BUCKET, TABLE).await.unwrap();
    let made: Vec<_> = parts.iter().map(|part| (part.what.as_str(), part.created)).collect();
    assert_eq!(made, [("S3 bucket acme-state", true), ("DynamoDB table acme-locks", true)]);
    let rules = clients.s3.get_bucket_lifecycle_configuration().bucket(BUCKET).send().await.unwrap();
    assert_eq!(rules.rules().len(), 3);
}

#[tokio::test]
async fn the_table_is_the_one_that_the_design_describes() {
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    bootstrap(&clients, BUCKET, TABLE).await.unwrap();
    let table = clients.tables.describe_table().table_name(TABLE).send().await.unwrap().table.unwrap();
    assert_eq!(table.key_schema()[0].attribute_name(), "LockID");
    let index = &table.global_secondary_indexes()[0];
    assert_eq!(index.index_name(), Some("TenantIndex"));
    assert_eq!(index.key_schema()[0].attribute_name(), "TenantID");
    assert_eq!(index.projection().unwrap().non_key_attributes(), ["StackName", "Environment"]);
    assert_eq!(table.billing_mode_summary().unwrap().billing_mode().unwrap().as_str(), "PAY_PER_REQUEST");
    let expiry = clients.tables.describe_time_to_live().table_name(TABLE).send().await.unwrap();
    assert_eq!(expiry.time_to_live_description().unwrap().attribute_name(), Some("TTL"));
}

#[tokio::test]
async fn the_bucket_is_versioned_encrypted_and_private() {
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    bootstrap(&clients, BUCKET, TABLE).await.unwrap();
    let s3 = &clients.s3;
    assert_eq!(s3.get_bucket_versioning().bucket(BUCKET).send().await.unwrap().status().unwrap().as_str(), "Enabled");
    assert!(s3.get_bucket_encryption().bucket(BUCKET).send().await.is_ok());
    let block = s3.get_public_access_block().bucket(BUCKET).send().await.unwrap();
    assert_eq!(block.public_access_block_configuration().unwrap().block_public_policy(), Some(true));
    let policy = s3.get_bucket_policy().bucket(BUCKET).send().await.unwrap();
    assert!(policy.policy().unwrap().contains("StateOnlyUnderACondition"));
}

#[tokio::test]
async fn two_who_bootstrap_at_once_both_succeed() {
    let aws = LocalAws::start();
    let (one, other) = (clients(&aws).await, clients(&aws).await);
    let (one, other) = tokio::join!(bootstrap(&one, BUCKET, TABLE), bootstrap(&other, BUCKET, TABLE));
    assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
}

#[tokio::test]
async fn a_bucket_that_is_there_gets_what_it_lacks_and_keeps_its_own_policy() {
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    let place = aws_sdk_s3::types::CreateBucketConfiguration::builder();
    let place = place.location_constraint(clients.region().into()).build();
    clients.s3.create_bucket().bucket(BUCKET).create_bucket_configuration(place).send().await.unwrap();
    let own = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Mine","Effect":"Deny","Principal":"*","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::acme-state"}]}"#;
    clients.s3.put_bucket_policy().bucket(BUCKET).policy(own).send().await.unwrap();
    let parts = bootstrap(&clients, BUCKET, TABLE).await.unwrap();
    assert!(parts.iter().any(|part| part.what == "versioning of S3 bucket acme-state" && part.created), "{parts:?}");
    let policy = clients.s3.get_bucket_policy().bucket(BUCKET).send().await.unwrap();
    assert!(policy.policy().unwrap().contains("Mine"));
}

#[tokio::test]
async fn a_table_that_is_no_lock_table_is_refused() {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    let text = AttributeDefinition::builder().attribute_name("Id").attribute_type(ScalarAttributeType::S);
    let key = KeySchemaElement::builder().attribute_name("Id").key_type(KeyType::Hash);
    let create = clients.tables.create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
    let create = create.attribute_definitions(text.build().unwrap()).key_schema(key.build().unwrap());
    create.send().await.unwrap();
    let error = bootstrap(&clients, BUCKET, TABLE).await.unwrap_err();
    assert!(matches!(&error, PortError::Invalid(text) if text.contains("is not a lock table")), "{error}");
}

#[tokio::test]
async fn a_server_that_ignores_conditions_is_refused() {
    let careless = Canned::start(Answer { status: 200, headers: vec!["ETag: \"1\"".to_owned()], body: String::new() });
    let variables = [
        ("AWS_ENDPOINT_URL", careless.endpoint()),
        ("AWS_ACCESS_KEY_ID", "a".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "s".to_owned()),
        ("AWS_REGION", "eu-west-1".to_owned()),
    ];
    let clients = deployer_daemon::aws::Clients::open(&caller(variables), &place()).await.unwrap();
    let error = deployer_daemon::aws::probe_conditional_writes(&clients, BUCKET).await.unwrap_err();
    assert!(matches!(&error, PortError::Invalid(text) if text.contains("If-None-Match is ignored")), "{error}");
}
