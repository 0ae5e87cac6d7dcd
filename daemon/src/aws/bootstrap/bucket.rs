use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, ObjectOwnership,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, Tag, Tagging, VersioningConfiguration,
};
use deployer_domain::backend::BuiltPart;
use deployer_domain::object::{PortError, PortResult};

use super::{PURPOSE, lifecycle, part};
use crate::aws::Clients;
use crate::aws::error::port_error;

/// The region whose buckets have no location constraint.
const FIRST_REGION: &str = "us-east-1";

pub(super) fn place(bucket: &str) -> String {
    format!("the bucket {bucket}")
}

/// Makes the bucket, unless it was `made` a moment ago, and gives it what our documents need; leaves alone what somebody
/// already chose.
pub(super) async fn ensure(clients: &Clients, bucket: &str, made: bool) -> PortResult<Vec<BuiltPart>> {
    let created = if exists(clients, bucket).await? { made } else { create(clients, bucket).await? };
    let mut parts = vec![part(format!("S3 bucket {bucket}"), created)];
    let settings = [
        (versioning(clients, bucket).await?, "versioning"),
        (encryption(clients, bucket).await?, "encryption"),
        (public_access(clients, bucket).await?, "public access block"),
        (policy(clients, bucket).await?, "policy"),
        (lifecycle::ensure(clients, bucket).await?, "lifecycle"),
    ];
    if !created {
        let changed = settings.iter().filter(|(changed, _)| *changed);
        parts.extend(changed.map(|(_, what)| part(format!("{what} of S3 bucket {bucket}"), true)));
    }
    Ok(parts)
}

pub(super) async fn exists(clients: &Clients, bucket: &str) -> PortResult<bool> {
    match clients.s3.head_bucket().bucket(bucket).send().await {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_response().map(|raw| raw.status().as_u16()) {
            Some(404) => Ok(false),
            // The answer to HEAD has no body that could say more.
            Some(403) => Err(PortError::Denied(format!(
                "{} exists, and either it is somebody else's or you may not use it",
                place(bucket)
            ))),
            _ => Err(port_error(error, &place(bucket))),
        },
    }
}

async fn create(clients: &Clients, bucket: &str) -> PortResult<bool> {
    let region = clients.region();
    let location = (region != FIRST_REGION).then(|| {
        CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
    });
    let request = clients.s3.create_bucket().bucket(bucket).set_create_bucket_configuration(location);
    let error = match request.object_ownership(ObjectOwnership::BucketOwnerEnforced).send().await {
        Ok(_) => return tag(clients, bucket).await.map(|()| true),
        Err(error) => error,
    };
    match error.code() {
        // Somebody else bootstraps at the same moment.
        Some("BucketAlreadyOwnedByYou") => Ok(false),
        Some("BucketAlreadyExists") => Err(PortError::Invalid(format!(
            "the name {bucket} is taken by another AWS account; bucket names are unique in the world"
        ))),
        Some("InvalidLocationConstraint" | "IllegalLocationConstraintException") => {
            Err(PortError::Invalid(format!("{region} is not a region where this account can make a bucket")))
        }
        _ => Err(port_error(error, &place(bucket))),
    }
}

async fn tag(clients: &Clients, bucket: &str) -> PortResult<()> {
    let invalid = |error: aws_sdk_s3::error::BuildError| PortError::Invalid(error.to_string());
    let tag = Tag::builder().key(PURPOSE).value("Deployer Multi-Tenant State").build().map_err(invalid)?;
    let tags = Tagging::builder().tag_set(tag).build().map_err(invalid)?;
    let sent = clients.s3.put_bucket_tagging().bucket(bucket).tagging(tags).send().await;
    sent.map(drop).map_err(|error| port_error(error, &place(bucket)))
}

async fn versioning(clients: &Clients, bucket: &str) -> PortResult<bool> {
    let found = clients.s3.get_bucket_versioning().bucket(bucket).send().await;
    let found = found.map_err(|error| port_error(error, &place(bucket)))?;
    if found.status() == Some(&BucketVersioningStatus::Enabled) {
        return Ok(false);
    }
    let wanted = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let sent = clients.s3.put_bucket_versioning().bucket(bucket).versioning_configuration(wanted).send().await;
    sent.map_err(|error| port_error(error, &place(bucket)))?;
    Ok(true)
}

async fn encryption(clients: &Clients, bucket: &str) -> PortResult<bool> {
    match clients.s3.get_bucket_encryption().bucket(bucket).send().await {
        Ok(_) => return Ok(false),
        Err(error) if error.code() == Some("ServerSideEncryptionConfigurationNotFoundError") => {}
        Err(error) => return Err(port_error(error, &place(bucket))),
    }
    let invalid = |error: aws_sdk_s3::error::BuildError| PortError::Invalid(error.to_string());
    let default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build();
    let rule =
        ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default.map_err(invalid)?).build();
    let wanted = ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(invalid)?;
    let put = clients.s3.put_bucket_encryption().bucket(bucket).server_side_encryption_configuration(wanted);
    put.send().await.map_err(|error| port_error(error, &place(bucket)))?;
    Ok(true)
}

async fn public_access(clients: &Clients, bucket: &str) -> PortResult<bool> {
    match clients.s3.get_public_access_block().bucket(bucket).send().await {
        Ok(found) if found.public_access_block_configuration().is_some_and(blocks_all) => return Ok(false),
        Ok(_) => {}
        Err(error) if error.code() == Some("NoSuchPublicAccessBlockConfiguration") => {}
        Err(error) => return Err(port_error(error, &place(bucket))),
    }
    let wanted = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build();
    let put = clients.s3.put_public_access_block().bucket(bucket).public_access_block_configuration(wanted);
    put.send().await.map_err(|error| port_error(error, &place(bucket)))?;
    Ok(true)
}

fn blocks_all(found: &PublicAccessBlockConfiguration) -> bool {
    [
        found.block_public_acls(),
        found.block_public_policy(),
        found.ignore_public_acls(),
        found.restrict_public_buckets(),
    ]
    .iter()
    .all(|set| *set == Some(true))
}

/// A policy that somebody wrote is never replaced.
async fn policy(clients: &Clients, bucket: &str) -> PortResult<bool> {
    match clients.s3.get_bucket_policy().bucket(bucket).send().await {
        Ok(_) => return Ok(false),
        Err(error) if error.code() == Some("NoSuchBucketPolicy") => {}
        Err(error) => return Err(port_error(error, &place(bucket))),
    }
    let wanted = policy_document(bucket, clients.region(), !clients.is_plain());
    let sent = clients.s3.put_bucket_policy().bucket(bucket).policy(wanted.to_string()).send().await;
    sent.map_err(|error| port_error(error, &place(bucket)))?;
    Ok(true)
}

/// Nothing without TLS, and no state written without saying which version it follows.
fn policy_document(bucket: &str, region: &str, encrypted: bool) -> serde_json::Value {
    let partition = match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    let arn = format!("arn:{partition}:s3:::{bucket}");
    let mut statements = vec![serde_json::json!({
        "Sid": "StateOnlyUnderACondition",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": format!("{arn}/tenants/*/stacks/*/state.json"),
        "Condition": { "Null": { "s3:if-match": "true", "s3:if-none-match": "true" } },
    })];
    // A local server without TLS would be locked out of its own bucket.
    if encrypted {
        statements.push(serde_json::json!({
            "Sid": "OnlyWithTls",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, format!("{arn}/*")],
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }));
    }
    serde_json::json!({ "Version": "2012-10-17", "Statement": statements })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_the_partition_and_asks_for_tls_where_there_is_tls() {
        let text = policy_document("acme-state", "cn-north-1", true).to_string();
        assert!(text.contains("arn:aws-cn:s3:::acme-state/tenants/*/stacks/*/state.json"), "{text}");
        assert!(text.contains("aws:SecureTransport"), "{text}");
        assert!(!policy_document("acme-state", "eu-west-1", false).to_string().contains("SecureTransport"));
    }
}
