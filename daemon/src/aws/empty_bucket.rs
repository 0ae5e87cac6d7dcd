//! Emptying a bucket that is to be deleted: S3 deletes only what is empty, and CloudFormation does not empty it.

use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use deployer_domain::object::{PortError, PortResult};

use super::Clients;
use super::error::port_error;

/// Deletes up to a thousand objects, versions and marks of deletions; answers how many there were.
pub(super) async fn some_of(clients: &Clients, bucket: &str) -> PortResult<usize> {
    let place = format!("the bucket {bucket}");
    let listed = match clients.s3.list_object_versions().bucket(bucket).send().await {
        Ok(listed) => listed,
        Err(error) => match port_error(error, &place) {
            PortError::NoSuchBackend(_) => return Ok(0),
            error => return Err(error),
        },
    };
    let versions = listed.versions.unwrap_or_default().into_iter().map(|found| (found.key, found.version_id));
    let marks = listed.delete_markers.unwrap_or_default().into_iter().map(|found| (found.key, found.version_id));
    let mut objects = Vec::new();
    for (key, version) in versions.chain(marks) {
        let object = ObjectIdentifier::builder().key(key.unwrap_or_default()).set_version_id(version).build();
        objects.push(object.map_err(|error| PortError::Invalid(error.to_string()))?);
    }
    if objects.is_empty() {
        return Ok(0);
    }
    let number = objects.len();
    let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
    let delete = delete.map_err(|error| PortError::Invalid(error.to_string()))?;
    let answer = clients.s3.delete_objects().bucket(bucket).delete(delete).send().await;
    let answer = answer.map_err(|error| port_error(error, &place))?;
    match answer.errors.unwrap_or_default().first() {
        None => Ok(number),
        Some(refused) => Err(PortError::Denied(format!(
            "{place} keeps {}: {}",
            refused.key().unwrap_or("an object"),
            refused.message().or(refused.code()).unwrap_or("no reason was given")
        ))),
    }
}
