//! `s3-bucket`: a bucket, encrypted and private.

use serde::Deserialize;
use serde_json::{Value, json};

use super::intrinsic::{attribute, reference, sub};
use super::statement::{policy, refuse_plain_requests};
use super::{Builder, Problems};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct S3Bucket {
    versioning: Option<bool>,
    old_versions_days: Option<u32>,
    expire_days: Option<u32>,
    infrequent_access_days: Option<u32>,
    cors: Vec<Cors>,
    kms_key_arn: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cors {
    origins: Value,
    methods: Value,
    #[serde(default)]
    headers: Value,
    #[serde(default)]
    expose_headers: Value,
    max_age: Option<u32>,
}

pub(super) fn compile(builder: &mut Builder<'_>, bucket: &S3Bucket) -> Result<(), Problems> {
    if let (Some(expire), Some(moved)) = (bucket.expire_days, bucket.infrequent_access_days)
        && expire <= moved
    {
        return super::problem(
            format!("objects expire after {expire} days, before they move to infrequent access after {moved}"),
            "let `expireDays` be more than `infrequentAccessDays`",
        );
    }
    builder.add_data(
        "Bucket",
        "AWS::S3::Bucket",
        json!({
            "BucketEncryption": { "ServerSideEncryptionConfiguration": [encryption(&bucket.kms_key_arn)] },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": true,
                "BlockPublicPolicy": true,
                "IgnorePublicAcls": true,
                "RestrictPublicBuckets": true,
            },
            "OwnershipControls": { "Rules": [{ "ObjectOwnership": "BucketOwnerEnforced" }] },
            "VersioningConfiguration": { "Status": if bucket.versioning == Some(false) { "Suspended" } else { "Enabled" } },
            "LifecycleConfiguration": { "Rules": lifecycle(bucket) },
            "CorsConfiguration": cors(&bucket.cors),
        }),
    );
    let resources = json!([attribute("Bucket", "Arn"), sub("${Bucket.Arn}/*")]);
    builder.add(
        "BucketPolicy",
        "AWS::S3::BucketPolicy",
        json!({
            "Bucket": reference("Bucket"),
            "PolicyDocument": policy(vec![refuse_plain_requests("s3:*", resources)]),
        }),
    );
    builder.output("name", reference("Bucket"));
    builder.output("arn", attribute("Bucket", "Arn"));
    builder.output("domainName", attribute("Bucket", "RegionalDomainName"));
    Ok(())
}

fn encryption(key: &Value) -> Value {
    match key {
        Value::Null => json!({ "ServerSideEncryptionByDefault": { "SSEAlgorithm": "AES256" } }),
        key => json!({
            "ServerSideEncryptionByDefault": { "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key },
            // Without a bucket key every object costs a request to KMS.
            "BucketKeyEnabled": true,
        }),
    }
}

fn lifecycle(bucket: &S3Bucket) -> Vec<Value> {
    let mut rules = vec![json!({
        "Id": "unfinished-uploads",
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": 7 },
    })];
    if bucket.versioning != Some(false) {
        rules.push(json!({
            "Id": "old-versions",
            "Status": "Enabled",
            "NoncurrentVersionExpiration": { "NoncurrentDays": bucket.old_versions_days.unwrap_or(90) },
        }));
    }
    if let Some(days) = bucket.infrequent_access_days {
        let transition = json!({ "StorageClass": "STANDARD_IA", "TransitionInDays": days });
        rules.push(json!({ "Id": "infrequent-access", "Status": "Enabled", "Transitions": [transition] }));
    }
    if let Some(days) = bucket.expire_days {
        rules.push(json!({ "Id": "expiry", "Status": "Enabled", "ExpirationInDays": days }));
    }
    rules
}

fn cors(rules: &[Cors]) -> Value {
    if rules.is_empty() {
        return Value::Null;
    }
    let rules = rules.iter().map(|rule| {
        json!({
            "AllowedOrigins": rule.origins,
            "AllowedMethods": rule.methods,
            "AllowedHeaders": rule.headers,
            "ExposedHeaders": rule.expose_headers,
            "MaxAge": rule.max_age,
        })
    });
    json!({ "CorsRules": rules.collect::<Value>() })
}
