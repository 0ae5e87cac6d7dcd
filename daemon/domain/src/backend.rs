//! Which backend: where a platform team keeps its tenants.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::cloudformation::Stacks;
use crate::cost::CostSource;
use crate::engine_rights::EngineRights;
use crate::error::{Error, Reason, Result};
use crate::isolation::OwnRights;
use crate::lock::LockTable;
use crate::logs::LogGroups;
use crate::meter::Meters;
use crate::name::TenantId;
use crate::object::{ObjectStore, PortResult};
use crate::secret_store::SecretStore;
use crate::tenant_role::Roles;

/// The address of a backend as people write it: `local:PATH` or `s3://BUCKET`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BackendAddress {
    /// One SQLite file, absolute.
    Local(PathBuf),
    /// One bucket, by name.
    S3(String),
}

impl fmt::Display for BackendAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "local:{}", path.display()),
            Self::S3(bucket) => write!(f, "s3://{bucket}"),
        }
    }
}

impl FromStr for BackendAddress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(path) = text.strip_prefix("local:") {
            let path = PathBuf::from(path);
            if path.is_absolute() {
                return Ok(Self::Local(path));
            }
            return Err(refuse(text, "the path after local: must be absolute here"));
        }
        if let Some(bucket) = text.strip_prefix("s3://") {
            return bucket_name(bucket).map(Self::S3).map_err(|why| refuse(text, why));
        }
        Err(refuse(text, "write s3://BUCKET or local:PATH"))
    }
}

impl TryFrom<String> for BackendAddress {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<BackendAddress> for String {
    fn from(address: BackendAddress) -> String {
        address.to_string()
    }
}

fn refuse(text: &str, why: &str) -> Error {
    let shown: String = text.chars().take(80).collect();
    Error::new(Reason::InvalidRequest, format!("backend {shown:?} is not valid: {why}"))
        .hint("for example --backend s3://company-deployer-state or --backend local:./deployer.db")
}

/// S3's rules for bucket names, as far as they matter for an address:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
fn bucket_name(text: &str) -> std::result::Result<String, &'static str> {
    let good = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.');
    if text.len() < 3 || text.len() > 63 {
        return Err("a bucket's name has 3 to 63 characters");
    }
    if !text.chars().all(good) || text.starts_with(['-', '.']) || text.ends_with(['-', '.']) || text.contains("..") {
        return Err(
            "a bucket's name has lower-case letters, digits, hyphens and single dots, letters or digits at its ends",
        );
    }
    Ok(text.to_owned())
}

/// A backend with the parts of its location that are not in the address; what a context remembers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendRef {
    /// Where it is.
    pub address: BackendAddress,
    /// The AWS region, if it was said at sign-in; else the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The profile in the AWS configuration, if it was said at sign-in; else the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The role to assume for the tenant's storage, if it was said at sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// The tenant that signed in: the session tag of the role. Nothing for admins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
}

impl From<BackendAddress> for BackendRef {
    fn from(address: BackendAddress) -> Self {
        Self { address, region: None, profile: None, role_arn: None, tenant: None }
    }
}

/// Who the caller is to the cloud: an STS ARN, or the OS user on the embedded backend.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CloudIdentity {
    /// `arn:aws:sts::…` or `user:<name>@<host>`.
    pub principal: String,
    /// The AWS account, empty on the embedded backend.
    pub account: String,
}

impl CloudIdentity {
    /// Whether both are the same user, or sessions of the same role of the same account.
    pub fn is_same_role(&self, other: &Self) -> bool {
        self.account == other.account && role(&self.principal) == role(&other.principal)
    }

    /// Whether both may be one person: sessions of a role are, whatever they are named, unless IAM Identity Center named
    /// them after its users.
    pub fn is_same_person(&self, other: &Self) -> bool {
        let named_by_its_holder = !role(&self.principal).contains(IDENTITY_CENTER_ROLE);
        self == other || named_by_its_holder && self.is_same_role(other)
    }
}

/// How roles begin that IAM Identity Center makes; their sessions bear the user's name, and nobody else may assume them.
/// Source: AWS, IAM Identity Center User Guide, "Referencing permission sets in resource policies".
const IDENTITY_CENTER_ROLE: &str = ":assumed-role/AWSReservedSSO_";

/// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION` without the session, which its holder names as it likes.
fn role(principal: &str) -> &str {
    match principal.split_once(":assumed-role/").and_then(|(_, rest)| rest.split_once('/')) {
        Some((_, session)) => &principal[..principal.len() - session.len()],
        None => principal,
    }
}

/// An open backend, acting with one caller's credentials.
#[derive(Clone)]
pub struct Backend {
    /// The backend that was opened.
    pub place: BackendRef,
    /// Documents.
    pub objects: Arc<dyn ObjectStore>,
    /// Locks.
    pub locks: Arc<dyn LockTable>,
    /// The admin secret.
    pub secrets: Arc<dyn SecretStore>,
    /// Who the caller is.
    pub identity: Arc<dyn WhoAmI>,
}

/// Answers who the caller is to the backend.
#[async_trait]
pub trait WhoAmI: Send + Sync {
    /// Asks (on AWS: STS `GetCallerIdentity`, once for each opened backend).
    async fn identity(&self) -> PortResult<CloudIdentity>;
}

/// What `admin bootstrap` found or made of the parts that a backend consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltPart {
    /// Such as `S3 bucket company-deployer-state`.
    pub what: String,
    /// Whether it was made now; otherwise it was there.
    pub created: bool,
}

/// Credentials that are lent to a program that is not ours.
#[derive(Clone)]
pub struct Lent {
    /// The variables that hold them.
    pub variables: BTreeMap<String, SecretString>,
    /// When they end, where that is known.
    pub end: Option<Timestamp>,
}

/// Opens backends for callers.
#[async_trait]
pub trait BackendFactory: Send + Sync {
    /// Opens a backend with a caller's credentials. Contacts nothing yet; on the embedded backend the file must
    /// exist. `lock_table` is the table's name where it is known (from `tenants.yaml`), else
    /// [`default_lock_table`] applies.
    async fn open(&self, place: &BackendRef, lock_table: Option<&str>, caller: &Caller) -> Result<Backend>;

    /// Opens CloudFormation with a caller's credentials: in the region and with the profile and role that the place
    /// says. Contacts nothing yet.
    async fn stacks(&self, place: &BackendRef, caller: &Caller) -> Result<Arc<dyn Stacks>>;

    /// Lends a caller's cloud credentials to a program that is not ours: those in use at a place, renewed where they
    /// end sooner than `at_least` from now and that can be done. None where the caller has none.
    async fn lend(&self, place: &BackendRef, caller: &Caller, at_least: Duration) -> Result<Option<Lent>>;

    /// Opens the provider's logs in the same way.
    async fn logs(&self, place: &BackendRef, caller: &Caller) -> Result<Arc<dyn LogGroups>>;

    /// Opens the provider's bills with a caller's own credentials.
    async fn costs(&self, place: &BackendRef, caller: &Caller) -> Result<Arc<dyn CostSource>>;

    /// Opens what measures resources in the region that the place says, with a caller's own credentials.
    async fn meters(&self, place: &BackendRef, caller: &Caller) -> Result<Arc<dyn Meters>>;

    /// Opens the roles of the account with a caller's own credentials.
    async fn roles(&self, place: &BackendRef, caller: &Caller) -> Result<Arc<dyn Roles>>;

    /// Opens the rights that engines work with: a caller's own, in the region that the place says.
    async fn engine_rights(&self, place: &BackendRef, caller: &Caller) -> Result<Arc<dyn EngineRights>>;

    /// The caller's own rights in the storage, where a role is assumed for it; none where nothing stands between.
    async fn own_rights(&self, place: &BackendRef, caller: &Caller) -> Result<Option<Arc<dyn OwnRights>>>;

    /// Creates what the backend needs (file; bucket and table), each part only where it is missing.
    async fn build(&self, place: &BackendRef, lock_table: &str, caller: &Caller) -> Result<Vec<BuiltPart>>;
}

/// The lock table that goes with a backend unless `tenants.yaml` or `--table` names another: the reference's pair is
/// `company-deployer-state` and `company-deployer-locks`.
pub fn default_lock_table(address: &BackendAddress) -> String {
    match address {
        BackendAddress::Local(_) => "locks".to_owned(),
        BackendAddress::S3(bucket) => match bucket.strip_suffix("-state") {
            Some(stem) => format!("{stem}-locks"),
            None => format!("{bucket}-locks"),
        },
    }
}

/// Refuses a name that no table in DynamoDB can have: 3 to 255 of `a-z A-Z 0-9 _ . -`
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>).
pub fn check_lock_table(name: &str) -> Result<()> {
    let known = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    if (3..=255).contains(&name.len()) && name.chars().all(known) {
        return Ok(());
    }
    let message = format!("\"{name}\" cannot be the name of a table");
    Err(Error::new(Reason::InvalidRequest, message).hint("3 to 255 of these: a-z, A-Z, 0-9, _, . and -"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_names_that_dynamodb_knows() {
        for good in ["acme-locks", "a_b.C", &"x".repeat(255)] {
            assert!(check_lock_table(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", "x y z", "läuft", &"x".repeat(256)] {
            assert!(check_lock_table(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_read_back_as_they_are_written() {
        for text in ["s3://company-deployer-state", "local:/home/a/deployer.db"] {
            assert_eq!(text.parse::<BackendAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn bad_addresses_are_refused_with_the_forms_that_are_right() {
        for text in ["", "bucket", "s3://", "s3://A_b", "s3://a/b/c", "local:", "local:relative", "http://x"] {
            let error = text.parse::<BackendAddress>().unwrap_err();
            assert_eq!(error.reason, Reason::InvalidRequest);
            assert!(!error.hints.is_empty());
        }
    }

    #[test]
    fn the_default_table_follows_the_references_pair() {
        let table = |text: &str| default_lock_table(&text.parse().unwrap());
        assert_eq!(table("s3://company-deployer-state"), "company-deployer-locks");
        assert_eq!(table("s3://acme"), "acme-locks");
    }
}
