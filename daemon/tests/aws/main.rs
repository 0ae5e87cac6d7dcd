//! The AWS adapters against a local AWS, and against servers that answer what no local AWS can be made to answer.

mod bootstrap;
mod credentials;
mod errors;
mod laws;

use std::collections::BTreeMap;

use deployer_daemon::aws::Clients;
use deployer_domain::backend::{BackendAddress, BackendRef};
use deployer_domain::caller::Caller;
use harness::aws::LocalAws;

const BUCKET: &str = "acme-state";

fn place() -> BackendRef {
    BackendRef::from(BackendAddress::S3(BUCKET.to_owned()))
}

/// A caller with these variables and a home where nothing is.
fn caller<V: AsRef<str>>(variables: impl IntoIterator<Item = (&'static str, V)>) -> Caller {
    let mut environment = BTreeMap::from([("HOME".to_owned(), "/nonexistent".into())]);
    environment.extend(variables.into_iter().map(|(name, value)| (name.to_owned(), value.as_ref().into())));
    Caller { environment, cwd: "/".into(), actor: "alice@acme.com".to_owned(), ..Caller::default() }
}

async fn clients(aws: &LocalAws) -> Clients {
    Clients::open(&caller(aws.environment()), &place()).await.unwrap()
}
