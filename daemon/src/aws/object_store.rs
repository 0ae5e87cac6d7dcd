use async_trait::async_trait;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::{PutObjectError, PutObjectOutput};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use deployer_domain::archive::Archived;
use deployer_domain::key::{KeyPrefix, ObjectKey};
use deployer_domain::object::{ETag, Listed, Object, ObjectStore, PortError, PortResult, Reread, WriteIf};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Clients;
use super::clients::time_for;
use super::error::port_error;
use super::retry::OnlyIf;

/// How long an address of a document can be used.
const LINK_LASTS: std::time::Duration = std::time::Duration::from_secs(900);

/// What stands for itself in the name of an object that is copied.
const SPELLED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'~');

type PutError = SdkError<PutObjectError, HttpResponse>;

/// Documents in a bucket.
#[derive(Debug, Clone)]
pub struct S3Objects {
    clients: Clients,
    bucket: String,
    page: Option<i32>,
}

impl S3Objects {
    /// Keeps documents in a bucket, with a caller's clients.
    pub fn new(clients: Clients, bucket: impl Into<String>) -> Self {
        Self { clients, bucket: bucket.into(), page: None }
    }

    /// Lists in pages of this size, smaller than the server's.
    #[must_use]
    pub fn with_page_size(mut self, rows: i32) -> Self {
        self.page = Some(rows);
        self
    }

    fn place(&self) -> String {
        format!("the bucket {}", self.bucket)
    }

    async fn get(&self, key: &ObjectKey, known: Option<&ETag>) -> PortResult<Reread> {
        let request = self.clients.s3.get_object().bucket(&self.bucket).key(key.as_str());
        match request.set_if_none_match(known.map(|etag| etag.0.clone())).send().await {
            Ok(answer) => self.object(answer).await.map(Reread::Changed),
            Err(error) if status(&error) == Some(304) => Ok(Reread::Unchanged),
            Err(error) => match error.as_service_error() {
                Some(GetObjectError::NoSuchKey(_)) => Ok(Reread::Gone),
                _ if status(&error) == Some(403) && self.is_missing(key).await => Ok(Reread::Gone),
                _ => Err(port_error(error, &self.place())),
            },
        }
    }

    /// To those who may list only their own prefix, as the roles of tenants, AWS says "denied" of what is not there.
    async fn is_missing(&self, key: &ObjectKey) -> bool {
        let request = self.clients.s3.list_objects_v2().bucket(&self.bucket).prefix(key.as_str()).max_keys(1);
        let found = request.send().await.map(|answer| answer.contents.unwrap_or_default());
        found.is_ok_and(|found| found.first().and_then(|first| first.key()) != Some(key.as_str()))
    }

    async fn object(&self, answer: GetObjectOutput) -> PortResult<Object> {
        let etag = answer.e_tag.ok_or_else(|| self.nonsense("an object without an ETag"))?;
        let modified = answer.last_modified.and_then(|at| Timestamp::from_second(at.secs()).ok());
        let body =
            answer.body.collect().await.map_err(|error| {
                PortError::Unavailable(format!("an answer of {} was cut off: {error}", self.place()))
            })?;
        let modified = modified.unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(Object { bytes: body.to_vec(), etag: ETag(etag), modified })
    }

    /// Size and checksum as the storage knows them; other makers' servers may know no checksum, so it is read there.
    async fn described(&self, key: &ObjectKey) -> PortResult<Archived> {
        let request = self.clients.s3.head_object().bucket(&self.bucket).key(key.as_str());
        let answer = request.checksum_mode(ChecksumMode::Enabled).send().await;
        let answer = answer.map_err(|error| port_error(error, &self.place()))?;
        let size = answer.content_length().and_then(|size| u64::try_from(size).ok());
        let sha256 = answer.checksum_sha256().and_then(|text| BASE64_STANDARD.decode(text).ok());
        if let (Some(size), Some(sha256)) = (size, sha256) {
            return Ok(Archived::known(size, &sha256));
        }
        let object = self.read(key).await?.ok_or_else(|| self.nonsense("that a copy is not there"))?;
        Ok(Archived::of(&object.bytes))
    }

    fn nonsense(&self, what: &str) -> PortError {
        PortError::Invalid(format!("{} answered {what}", self.place()))
    }

    fn put(&self, key: &ObjectKey, bytes: Vec<u8>, condition: &WriteIf) -> PutObjectFluentBuilder {
        let request = self.clients.s3.put_object().bucket(&self.bucket).key(key.as_str()).body(bytes.into());
        let request = request.content_type(content_type(key.as_str()));
        match condition {
            WriteIf::Always => request,
            WriteIf::Absent => request.if_none_match("*"),
            WriteIf::Unchanged(etag) => request.if_match(&etag.0),
        }
    }

    async fn send(&self, key: &ObjectKey, bytes: Vec<u8>, condition: &WriteIf) -> Result<PutObjectOutput, PutError> {
        let mut settings = aws_sdk_s3::config::Builder::new().timeout_config(time_for(bytes.len()));
        if *condition != WriteIf::Always {
            settings = settings.retry_classifier(OnlyIf::nothing_was_done());
        }
        self.put(key, bytes, condition).customize().config_override(settings).send().await
    }
}

fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error.as_service_error().and_then(ProvideErrorMetadata::code)
}

fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

/// So that a browser and the provider's console show the document instead of saving it.
fn content_type(key: &str) -> &'static str {
    match key.rsplit_once('.').map(|(_, ending)| ending) {
        Some("json" | "tfstate") => "application/json",
        Some("jsonl") => "application/jsonl",
        Some("yaml") => "application/yaml",
        Some("zst") => "application/zstd",
        _ => "application/octet-stream",
    }
}

#[async_trait]
impl ObjectStore for S3Objects {
    async fn read(&self, key: &ObjectKey) -> PortResult<Option<Object>> {
        match self.get(key, None).await? {
            Reread::Changed(object) => Ok(Some(object)),
            Reread::Gone => Ok(None),
            Reread::Unchanged => Err(self.nonsense("304 to a request without a condition")),
        }
    }

    async fn reread(&self, key: &ObjectKey, known: &ETag) -> PortResult<Reread> {
        self.get(key, Some(known)).await
    }

    async fn write(&self, key: &ObjectKey, bytes: Vec<u8>, condition: WriteIf) -> PortResult<ETag> {
        match self.send(key, bytes, &condition).await {
            Ok(answer) => answer.e_tag.map(ETag).ok_or_else(|| self.nonsense("a write without an ETag")),
            Err(error) => {
                let missing = code(&error) != Some("NoSuchBucket") && status(&error) == Some(404);
                match condition {
                    WriteIf::Unchanged(_) if missing => Err(PortError::Gone),
                    _ => Err(port_error(error, &self.place())),
                }
            }
        }
    }

    async fn copy(&self, from: &ObjectKey, to: &ObjectKey) -> PortResult<Option<Archived>> {
        let source = format!("{}/{}", self.bucket, utf8_percent_encode(from.as_str(), SPELLED));
        let request = self.clients.s3.copy_object().bucket(&self.bucket).key(to.as_str()).copy_source(source);
        match request.checksum_algorithm(ChecksumAlgorithm::Sha256).send().await {
            Ok(_) => self.described(to).await.map(Some),
            Err(error) => match code(&error) {
                Some("NoSuchKey") => Ok(None),
                _ => Err(port_error(error, &self.place())),
            },
        }
    }

    async fn link(&self, key: &ObjectKey) -> PortResult<Option<String>> {
        let lasting = PresigningConfig::expires_in(LINK_LASTS)
            .map_err(|error| PortError::Invalid(format!("an address cannot be signed: {error}")))?;
        let request = self.clients.s3.get_object().bucket(&self.bucket).key(key.as_str());
        let signed = request.presigned(lasting).await.map_err(|error| port_error(error, &self.place()))?;
        Ok(Some(signed.uri().to_owned()))
    }

    async fn delete(&self, key: &ObjectKey) -> PortResult<()> {
        let sent = self.clients.s3.delete_object().bucket(&self.bucket).key(key.as_str()).send().await;
        sent.map(drop).map_err(|error| port_error(error, &self.place()))
    }

    async fn delete_unchanged(&self, key: &ObjectKey, known: &ETag) -> PortResult<()> {
        let request = self.clients.s3.delete_object().bucket(&self.bucket).key(key.as_str()).if_match(&known.0);
        let only_once = aws_sdk_s3::config::Builder::new().retry_classifier(OnlyIf::nothing_was_done());
        match request.customize().config_override(only_once).send().await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(404) && code(&error) != Some("NoSuchBucket") => Err(PortError::Gone),
            Err(error) => Err(port_error(error, &self.place())),
        }
    }

    async fn list(&self, prefix: &KeyPrefix) -> PortResult<Vec<Listed>> {
        let request = self.clients.s3.list_objects_v2().bucket(&self.bucket).prefix(prefix.as_str());
        let mut pages = request.set_max_keys(self.page).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error(error, &self.place()))?;
            found.extend(page.contents.unwrap_or_default().into_iter().filter_map(|row| {
                let size = row.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
                Some(Listed { key: prefix.listed(&row.key?)?, size })
            }));
        }
        found.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(found)
    }

    async fn folders(&self, prefix: &KeyPrefix) -> PortResult<Vec<String>> {
        let request = self.clients.s3.list_objects_v2().bucket(&self.bucket).prefix(prefix.as_str()).delimiter("/");
        let mut pages = request.set_max_keys(self.page).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error(error, &self.place()))?;
            found.extend(
                page.common_prefixes.unwrap_or_default().into_iter().filter_map(|row| {
                    Some(row.prefix?.strip_prefix(prefix.as_str())?.trim_end_matches('/').to_owned())
                }),
            );
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}
