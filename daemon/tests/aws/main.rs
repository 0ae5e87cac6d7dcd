//! The AWS adapters against a local AWS, and against servers that answer what no local AWS can be made to answer.
#![allow(clippy::unwrap_used, reason = "these are tests and what they share")]

mod bootstrap;
mod copy;
mod credentials;
mod errors;
mod isolation;
mod laws;

use std::collections::BTreeMap;
use std::fs;

use deployer_daemon::aws::Clients;
use deployer_domain::backend::{BackendAddress, BackendRef};
use deployer_domain::caller::Caller;
use deployer_domain::object::PortResult;
use harness::aws::LocalAws;

const BUCKET: &str = "acme-state";

fn place() -> BackendRef {
    BackendRef::from(BackendAddress::S3(BUCKET.to_owned()))
}

/// A caller with these variables, a home where nothing is, and no machine that lends credentials.
fn caller<V: AsRef<str>>(variables: impl IntoIterator<Item = (&'static str, V)>) -> Caller {
    let mut environment = BTreeMap::from([
        ("HOME".to_owned(), "/nonexistent".into()),
        ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".into()),
    ]);
    environment.extend(variables.into_iter().map(|(name, value)| (name.to_owned(), value.as_ref().into())));
    Caller { environment, cwd: "/".into(), actor: "alice@acme.com".into(), ..Caller::default() }
}

async fn clients(aws: &LocalAws) -> Clients {
    Clients::open(&caller(aws.environment()), &place()).await.unwrap()
}

async fn key(caller: &Caller, place: &BackendRef) -> PortResult<String> {
    Clients::open(caller, place).await?.access_key().await
}

fn home(config: &str, credentials: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws/config"), config).unwrap();
    fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
    home
}

fn at_home(home: &tempfile::TempDir, more: &[(&'static str, &str)]) -> Caller {
    let own = [("HOME", home.path().to_str().unwrap()), ("PATH", "/usr/bin:/bin")];
    caller(own.into_iter().chain(more.iter().copied()))
}
