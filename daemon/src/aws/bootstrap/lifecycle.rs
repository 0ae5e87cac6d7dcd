use aws_sdk_s3::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration,
};
use deployer_domain::object::{PortError, PortResult};

use super::bucket::place;
use crate::aws::Clients;
use crate::aws::error::port_error;

/// A document can be brought back for this long, and its last versions for longer.
const OLDER_VERSIONS: i32 = 90;
const KEPT_VERSIONS: i32 = 10;
const UPLOADS: i32 = 7;

/// Lets old versions go, as the templates of `infrastructure/` do. Rules that somebody wrote are never replaced; other
/// makers' servers need not have them.
pub(super) async fn ensure(clients: &Clients, bucket: &str) -> PortResult<bool> {
    match clients.s3.get_bucket_lifecycle_configuration().bucket(bucket).send().await {
        Ok(_) => return Ok(false),
        Err(error) if error.code() == Some("NoSuchLifecycleConfiguration") => {}
        Err(_) if clients.is_elsewhere() => return Ok(false),
        Err(error) => return Err(port_error(error, &place(bucket))),
    }
    let wanted = rules().map_err(|error| PortError::Invalid(error.to_string()))?;
    let put = clients.s3.put_bucket_lifecycle_configuration().bucket(bucket).lifecycle_configuration(wanted);
    match put.send().await {
        Ok(_) => Ok(true),
        Err(error) if clients.is_elsewhere() => {
            tracing::warn!(bucket, error = error.code(), "old versions are kept for ever: the server has no lifecycle");
            Ok(false)
        }
        Err(error) => Err(port_error(error, &place(bucket))),
    }
}

fn rules() -> Result<BucketLifecycleConfiguration, BuildError> {
    let of = |id: &str, prefix: &str| {
        let filter = LifecycleRuleFilter::builder().prefix(prefix).build();
        LifecycleRule::builder().id(id).status(ExpirationStatus::Enabled).filter(filter)
    };
    let older = || NoncurrentVersionExpiration::builder();
    let versions = older().noncurrent_days(OLDER_VERSIONS).newer_noncurrent_versions(KEPT_VERSIONS).build();
    let uploads = AbortIncompleteMultipartUpload::builder().days_after_initiation(UPLOADS).build();
    let probes = of("probes", ".deployer-probe/").expiration(LifecycleExpiration::builder().days(1).build());
    BucketLifecycleConfiguration::builder()
        .rules(of("older-versions", "").noncurrent_version_expiration(versions).build()?)
        .rules(of("unfinished-uploads", "").abort_incomplete_multipart_upload(uploads).build()?)
        .rules(probes.noncurrent_version_expiration(older().noncurrent_days(1).build()).build()?)
        .build()
}
