//! Each thing that goes wrong with AWS, and what a person is told.

use std::time::{Duration, Instant};

use deployer_daemon::aws::{Clients, S3Objects, SecretsManager, StsIdentity};
use deployer_domain::backend::{BackendRef, WhoAmI};
use deployer_domain::key::PlatformSpace;
use deployer_domain::object::{ETag, ObjectStore, PortError, PortResult, WriteIf};
use deployer_domain::secret_store::SecretStore;
use harness::aws::{LocalAws, free_address};
use harness::canned::{Answer, Canned};
use harness::proxy::{Fault, Proxy, Refusal, Rule};

use super::{BUCKET, caller, clients, place};

fn at(endpoint: String) -> [(&'static str, String); 4] {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "a".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "s".to_owned()),
        ("AWS_REGION", "eu-west-1".to_owned()),
    ]
}

async fn against(server: &Canned) -> Clients {
    Clients::open(&caller(at(server.endpoint())), &place()).await.unwrap()
}

async fn read(server: &Canned) -> PortError {
    S3Objects::new(against(server).await, BUCKET).read(&PlatformSpace.registry()).await.unwrap_err()
}

async fn write(server: &Canned, condition: WriteIf) -> PortResult<ETag> {
    S3Objects::new(against(server).await, BUCKET).write(&PlatformSpace.registry(), vec![1], condition).await
}

#[tokio::test]
async fn a_wrong_bucket_is_named() {
    let aws = LocalAws::start();
    let store = S3Objects::new(clients(&aws).await, "nobody-has-this");
    let key = PlatformSpace.registry();
    let wrong = PortError::NoSuchBackend("the bucket nobody-has-this does not exist".to_owned());
    assert_eq!(store.read(&key).await, Err(wrong.clone()));
    assert_eq!(store.write(&key, vec![], WriteIf::Absent).await, Err(wrong.clone()));
    assert_eq!(store.write(&key, vec![], WriteIf::Unchanged(ETag("\"x\"".to_owned()))).await, Err(wrong.clone()));
    assert_eq!(store.list(&PlatformSpace.audits()).await, Err(wrong));
}

#[tokio::test]
async fn no_credentials_are_said_to_be_none_and_quickly() {
    let clients = Clients::open(&caller([("AWS_REGION", "eu-west-1")]), &place()).await.unwrap();
    let begun = Instant::now();
    for error in [
        S3Objects::new(clients.clone(), BUCKET).read(&PlatformSpace.registry()).await.unwrap_err(),
        StsIdentity::new(clients.clone()).identity().await.unwrap_err(),
        SecretsManager::new(clients).read("x").await.map(drop).unwrap_err(),
    ] {
        assert!(matches!(error, PortError::NoCredentials(_)), "{error:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_endpoint_where_nobody_listens_is_unavailable() {
    let nobody = format!("http://{}", free_address());
    let clients = Clients::open(&caller(at(nobody)), &place()).await.unwrap();
    let error = S3Objects::new(clients, BUCKET).read(&PlatformSpace.registry()).await.unwrap_err();
    assert!(matches!(&error, PortError::Unavailable(text) if text.contains("cannot be reached")), "{error:?}");
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn what_the_server_says_becomes_the_right_kind_of_error() {
    let cases = [
        (403, "AccessDenied", "Denied"),
        (403, "InvalidAccessKeyId", "Denied"),
        (403, "SignatureDoesNotMatch", "Denied"),
        (400, "ExpiredToken", "CredentialsExpired"),
        (503, "SlowDown", "Throttled"),
        (503, "ServiceUnavailable", "Unavailable"),
        (500, "InternalError", "Unavailable"),
        (404, "NoSuchBucket", "NoSuchBackend"),
        (400, "InvalidBucketName", "Invalid"),
        (400, "AuthorizationHeaderMalformed", "Invalid"),
    ];
    for (status, code, kind) in cases {
        let error = read(&Canned::start(Answer::s3_error(status, code))).await;
        assert!(format!("{error:?}").starts_with(kind), "{status} {code}: {error:?}");
        assert!(!error.to_string().is_empty());
    }
}

#[tokio::test]
async fn a_bucket_in_another_region_says_which() {
    let moved = Answer::s3_error(301, "PermanentRedirect").header("x-amz-bucket-region: us-west-2");
    let error = read(&Canned::start(moved)).await;
    assert_eq!(error, PortError::Invalid("the bucket acme-state is in the region us-west-2".to_owned()));
}

#[tokio::test]
async fn an_answer_that_is_no_answer_is_unavailable_and_shows_no_page() {
    let page = Answer { status: 502, headers: vec![], body: "<html>bad gateway</html>".repeat(50) };
    let error = read(&Canned::start(page)).await;
    assert!(matches!(&error, PortError::Unavailable(text) if text.len() < 200), "{error:?}");
}

#[tokio::test]
async fn a_conditional_write_is_repeated_only_where_nothing_was_done() {
    let throttled = Canned::start(Answer::s3_error(503, "SlowDown"));
    assert!(matches!(write(&throttled, WriteIf::Absent).await, Err(PortError::Throttled(_))));
    assert_eq!(throttled.requests(), 3);
    for status in [500, 503] {
        let broken = Canned::start(Answer::s3_error(status, "InternalError"));
        assert!(matches!(write(&broken, WriteIf::Absent).await, Err(PortError::Unavailable(_))));
        assert_eq!(broken.requests(), 1, "the first may have been carried out");
    }
}

#[tokio::test]
async fn refused_conditions_are_told_apart() {
    let known = || WriteIf::Unchanged(ETag("\"x\"".to_owned()));
    let cases = [
        (412, "PreconditionFailed", WriteIf::Absent, PortError::Conflict),
        (412, "PreconditionFailed", known(), PortError::Conflict),
        (409, "ConditionalRequestConflict", known(), PortError::Conflict),
        (404, "NoSuchKey", known(), PortError::Gone),
    ];
    for (status, code, condition, expected) in cases {
        let server = Canned::start(Answer::s3_error(status, code));
        assert_eq!(write(&server, condition).await, Err(expected));
        assert!(server.seen()[0].to_lowercase().contains("if-"));
    }
}

#[tokio::test]
async fn secrets_manager_and_dynamodb_speak_json_and_are_understood() {
    let denied = Canned::start(Answer::json_error(400, "AccessDeniedException"));
    let error = SecretsManager::new(against(&denied).await).read("x").await.map(drop).unwrap_err();
    assert!(matches!(error, PortError::Denied(_)), "{error:?}");
    let throttled = Canned::start(Answer::json_error(400, "ThrottlingException"));
    let error = SecretsManager::new(against(&throttled).await).read("x").await.map(drop).unwrap_err();
    assert!(matches!(error, PortError::Throttled(_)), "{error:?}");
}

#[tokio::test]
async fn a_bad_region_endpoint_or_profile_is_invalid_before_anything_is_asked() {
    let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "s")];
    for region in ["moon", "eu west 1", "eu-west-1.evil.com/", "EU-WEST-1", "eu-west-"] {
        let place = BackendRef { region: Some(region.to_owned()), ..place() };
        let error = Clients::open(&caller(keys), &place).await.unwrap_err();
        assert!(matches!(&error, PortError::Invalid(text) if text.contains("region")), "{region}: {error:?}");
    }
    let nonsense = keys.into_iter().chain([("AWS_REGION", "eu-west-1"), ("AWS_ENDPOINT_URL_S3", "localhost:4566")]);
    let error = Clients::open(&caller(nonsense), &place()).await.unwrap_err();
    assert!(matches!(&error, PortError::Invalid(text) if text.contains("AWS_ENDPOINT_URL_S3")), "{error:?}");
    let place = BackendRef { profile: Some("nobody".to_owned()), region: Some("eu-west-1".to_owned()), ..place() };
    let error = Clients::open(&caller(keys), &place).await.unwrap_err();
    assert!(matches!(&error, PortError::Invalid(text) if text.contains("nobody")), "{error:?}");
}

#[tokio::test]
async fn a_clock_that_is_off_by_two_hours_still_signs() {
    // The first answer refuses and tells the time; what comes after must be signed with it.
    let refusal = Answer::s3_error(403, "RequestTimeTooSkewed").header("Date: Mon, 15 Jan 2035 12:00:00 GMT");
    let server = Canned::start(refusal);
    let _refused = read(&server).await;
    let seen = server.seen();
    assert!(seen.len() >= 2, "it was tried again");
    assert!(seen.last().unwrap().contains("20350115T12"), "{}", seen.last().unwrap());
}

#[tokio::test]
async fn lock_requests_are_repeated_for_a_wrong_clock_and_for_nothing_else() {
    for (code, requests) in [("InvalidSignatureException", 2), ("ThrottlingException", 1), ("InternalServerError", 1)] {
        let answer = Answer::json_error(400, code).header("Date: Mon, 15 Jan 2035 12:00:00 GMT");
        let server = Canned::start(answer);
        let _refused = against(&server).await.dynamodb.get_item().table_name("t").send().await;
        assert_eq!(server.requests(), requests, "{code}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_told_from_what_may_not_be_read() {
    let aws = LocalAws::start();
    let open = clients(&aws).await;
    deployer_daemon::aws::bootstrap(&open, BUCKET, "acme-locks").await.unwrap();
    let key = PlatformSpace.registry();
    // As AWS answers whoever may list only a prefix: everything that cannot be read is denied.
    let proxy = Proxy::start(&aws.endpoint()).unwrap();
    proxy.add(Rule::on("S3.GetObject", Fault::Refuse(Refusal::Denied)));
    let confined = Clients::open(&caller(at(proxy.endpoint())), &place()).await.unwrap();
    let store = S3Objects::new(confined, BUCKET);
    assert_eq!(store.read(&key).await, Ok(None));
    S3Objects::new(open, BUCKET).write(&key, vec![1], WriteIf::Absent).await.unwrap();
    assert!(matches!(store.read(&key).await, Err(PortError::Denied(_))));
    proxy.add(Rule::on("S3.ListObjectsV2", Fault::Refuse(Refusal::Denied)));
    assert!(matches!(store.read(&PlatformSpace.registry()).await, Err(PortError::Denied(_))));
}
