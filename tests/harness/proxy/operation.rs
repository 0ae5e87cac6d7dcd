//! Which operation of which service a request asks for.

use std::fmt;

use hyper::header::{AUTHORIZATION, HeaderMap};
use hyper::{Method, Uri};

/// A service's operation, by the names that AWS documents: `S3.PutObject`, `DynamoDB.UpdateItem`, `STS.AssumeRole`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Operation(String);

impl Operation {
    /// Names an operation.
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Its name, such as `S3.PutObject`.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Its service, such as `S3`.
    pub fn service(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// Reads it from a request.
    pub fn of(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Self {
        if let Some((service, name)) = target(headers) {
            return Self(format!("{service}.{name}"));
        }
        if method == Method::POST
            && uri.path() == "/"
            && let Some(action) = form_value(body, "Action")
        {
            let service = signed_service(headers).unwrap_or_else(|| "query".to_owned());
            return Self(format!("{}.{action}", title(&service)));
        }
        Self(format!("S3.{}", s3(method, uri, headers)))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Services that speak JSON name the operation in a header: `DynamoDB_20120810.UpdateItem`.
fn target(headers: &HeaderMap) -> Option<(String, String)> {
    let (service, name) = headers.get("x-amz-target")?.to_str().ok()?.split_once('.')?;
    let service = service.split('_').next().unwrap_or(service);
    Some((title(service), name.to_owned()))
}

/// The service that the signature is for: `…Credential=KEY/DATE/REGION/SERVICE/aws4_request, …`.
fn signed_service(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let scope = text.split_once("Credential=")?.1.split(',').next()?;
    scope.split('/').nth(3).map(str::to_owned)
}

fn title(service: &str) -> String {
    match service.to_ascii_lowercase().as_str() {
        "dynamodb" => "DynamoDB".to_owned(),
        "secretsmanager" => "SecretsManager".to_owned(),
        "sts" => "STS".to_owned(),
        "cloudformation" => "CloudFormation".to_owned(),
        _ => service.to_owned(),
    }
}

fn form_value(body: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    text.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
}

/// Reads S3's operation from method, path and query, path style.
fn s3(method: &Method, uri: &Uri, headers: &HeaderMap) -> String {
    let query = uri.query().unwrap_or_default();
    let asks = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    if let Some(id) = query.split('&').find_map(|pair| pair.strip_prefix("x-id=")) {
        return id.to_owned();
    }
    let mut parts = uri.path().trim_start_matches('/').splitn(2, '/');
    let bucket = parts.next().unwrap_or_default();
    let key = parts.next().unwrap_or_default();
    let name = match (method.as_str(), bucket.is_empty(), key.is_empty()) {
        ("GET", true, _) => "ListBuckets",
        ("GET", _, true) => match () {
            () if asks("list-type") => "ListObjectsV2",
            () if asks("versions") => "ListObjectVersions",
            () if asks("location") => "GetBucketLocation",
            () if asks("versioning") => "GetBucketVersioning",
            () if asks("encryption") => "GetBucketEncryption",
            () if asks("policy") => "GetBucketPolicy",
            () => "ListObjects",
        },
        ("GET", ..) => "GetObject",
        ("HEAD", _, true) => "HeadBucket",
        ("HEAD", ..) => "HeadObject",
        ("PUT", _, true) => match () {
            () if asks("versioning") => "PutBucketVersioning",
            () if asks("encryption") => "PutBucketEncryption",
            () if asks("policy") => "PutBucketPolicy",
            () if asks("publicAccessBlock") => "PutPublicAccessBlock",
            () => "CreateBucket",
        },
        ("PUT", ..) if headers.contains_key("x-amz-copy-source") => "CopyObject",
        ("PUT", ..) if asks("uploadId") => "UploadPart",
        ("PUT", ..) => "PutObject",
        ("POST", ..) if asks("delete") => "DeleteObjects",
        ("POST", ..) if asks("uploads") => "CreateMultipartUpload",
        ("POST", ..) if asks("uploadId") => "CompleteMultipartUpload",
        ("DELETE", _, true) => "DeleteBucket",
        ("DELETE", ..) => "DeleteObject",
        _ => return format!("{method}"),
    };
    name.to_owned()
}
