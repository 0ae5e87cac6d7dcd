use aws_sdk_s3::operation::put_object::PutObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use deployer_domain::object::{PortError, PortResult};
use ulid::Ulid;

use crate::aws::Clients;
use crate::aws::error::port_error;
use crate::aws::retry::OnlyIf;

/// Tries on an object of its own whether conditions of writes are honoured. A server that ignores them would answer
/// every write with success, and two people at work would overwrite each other without anybody noticing.
pub async fn conditional_writes(clients: &Clients, bucket: &str) -> PortResult<()> {
    let probe = Probe { clients, bucket, key: format!(".deployer-probe/{}", Ulid::generate()) };
    let mut versions = Vec::new();
    let outcome = probe.run(&mut versions).await;
    probe.clean(versions).await;
    outcome
}

struct Probe<'a> {
    clients: &'a Clients,
    bucket: &'a str,
    key: String,
}

impl Probe<'_> {
    async fn run(&self, versions: &mut Vec<Option<String>>) -> PortResult<()> {
        let mut done = |sent: PutObjectOutput| {
            versions.push(sent.version_id);
            sent.e_tag.unwrap_or_default()
        };
        let first = match self.send(self.put("1").if_none_match("*")).await? {
            Some(answer) => done(answer),
            None => return Err(self.broken("If-None-Match is refused where nothing is")),
        };
        if let Some(answer) = self.send(self.put("2").if_none_match("*")).await? {
            done(answer);
            return Err(self.broken("If-None-Match is ignored"));
        }
        match self.send(self.put("3").if_match(&first)).await? {
            Some(answer) => done(answer),
            None => return Err(self.broken("If-Match is refused for the current version")),
        };
        if let Some(answer) = self.send(self.put("4").if_match(&first)).await? {
            done(answer);
            return Err(self.broken("If-Match is ignored"));
        }
        Ok(())
    }

    fn put(&self, text: &'static str) -> PutObjectFluentBuilder {
        let body = aws_sdk_s3::primitives::ByteStream::from_static(text.as_bytes());
        self.clients.s3.put_object().bucket(self.bucket).key(&self.key).body(body)
    }

    /// Answers nothing when the condition was refused.
    async fn send(&self, put: PutObjectFluentBuilder) -> PortResult<Option<PutObjectOutput>> {
        let once = aws_sdk_s3::config::Builder::new().retry_classifier(OnlyIf::nothing_was_done());
        match put.customize().config_override(once).send().await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => match port_error(error, &super::bucket::place(self.bucket)) {
                PortError::Conflict => Ok(None),
                other => Err(other),
            },
        }
    }

    fn broken(&self, why: &str) -> PortError {
        PortError::Invalid(format!(
            "the server that holds the bucket {} does not keep conditional writes ({why}); state would get lost there",
            self.bucket
        ))
    }

    /// Leaves no version behind, as far as that can be had.
    async fn clean(&self, versions: Vec<Option<String>>) {
        for version in versions {
            let delete = self.clients.s3.delete_object().bucket(self.bucket).key(&self.key);
            if let Err(error) = delete.set_version_id(version.filter(|id| id != "null")).send().await {
                tracing::warn!(bucket = self.bucket, key = self.key, %error, "the probe's object could not be deleted");
            }
        }
    }
}
