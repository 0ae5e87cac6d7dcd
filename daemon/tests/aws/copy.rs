use deployer_daemon::aws::{Clients, S3Objects};
use deployer_domain::archive::Archived;
use deployer_domain::key::PlatformSpace;
use deployer_domain::object::ObjectStore;
use harness::canned::{Answer, Canned};

use super::{BUCKET, caller, place};

/// The local AWS computes no checksum of a copy, so that its copies are read; S3 computes it.
#[tokio::test]
async fn a_copy_within_s3_has_the_checksum_that_s3_computed_and_is_not_read() {
    let body = "<CopyObjectResult><ETag>\"1\"</ETag></CopyObjectResult>".to_owned();
    let answer = Answer { status: 200, headers: vec![], body: body.clone() };
    let server = Canned::start(answer.header("x-amz-checksum-sha256: ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="));
    let endpoint = server.endpoint();
    let variables = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "A"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    let objects = S3Objects::new(Clients::open(&caller(variables), &place()).await.unwrap(), BUCKET);
    let from = PlatformSpace.tenant_folder(&"acme".parse().unwrap()).listed("tenants/acme/v1/a b+c").unwrap();
    let copied = objects.copy(&from, &PlatformSpace.registry()).await.unwrap().unwrap();
    assert_eq!(copied, Archived { size: body.len() as u64, ..Archived::of(b"abc") });
    let seen = server.seen();
    let methods: Vec<_> = seen.iter().map(|request| request.split(' ').next().unwrap()).collect();
    assert_eq!(methods, ["PUT", "HEAD"]);
    let asked = seen[0].to_lowercase();
    assert!(asked.contains("x-amz-copy-source: acme-state/tenants/acme/v1/a%20b%2bc"), "{asked}");
    assert!(asked.contains("x-amz-checksum-algorithm: sha256"), "{asked}");
}
