use std::sync::atomic::{AtomicUsize, Ordering};

use deployer_daemon::aws::{Clients, S3Objects, SecretsManager};
use deployer_domain::key::PlatformSpace;
use deployer_domain::key::TenantSpace;
use deployer_domain::laws;
use deployer_domain::object::{ObjectStore, PortResult, WriteIf};
use deployer_domain::secret_store::{SecretStore, StoredSecret};
use harness::aws::LocalAws;
use secrecy::SecretString;

use super::clients;

async fn bucket(clients: &Clients, name: &str) -> S3Objects {
    use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
    let region = BucketLocationConstraint::from(clients.region());
    let place = CreateBucketConfiguration::builder().location_constraint(region).build();
    clients.s3.create_bucket().bucket(name).create_bucket_configuration(place).send().await.unwrap();
    S3Objects::new(clients.clone(), name)
}

#[tokio::test]
async fn s3_obeys_the_laws_of_documents() {
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    let number = AtomicUsize::new(0);
    laws::objects::all(async || bucket(&clients, &format!("b{}", 100 + number.fetch_add(1, Ordering::SeqCst))).await)
        .await;
}

#[tokio::test]
async fn a_listing_of_many_pages_is_complete() {
    let aws = LocalAws::start();
    let store = bucket(&clients(&aws).await, "pages").await.with_page_size(2);
    let space = TenantSpace::new("acme-team".parse().unwrap(), "v1".parse().unwrap());
    for name in ["a", "b", "c", "d", "e"] {
        let stack = space.stack(&name.parse().unwrap(), &"dev".parse().unwrap());
        store.write(&stack.state(), vec![], WriteIf::Always).await.unwrap();
    }
    assert_eq!(store.list(&space.stacks()).await.unwrap().len(), 5);
    assert_eq!(store.folders(&space.stacks()).await.unwrap(), ["a", "b", "c", "d", "e"]);
}

#[tokio::test]
async fn documents_have_types_that_the_providers_tools_show() {
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    let store = bucket(&clients, "types").await;
    store.write(&PlatformSpace.registry(), b"apiVersion: x".to_vec(), WriteIf::Absent).await.unwrap();
    let found = clients.s3.head_object().bucket("types").key("tenants.yaml").send().await.unwrap();
    assert_eq!(found.content_type(), Some("application/yaml"));
}

/// Secrets of one Secrets Manager, kept apart by a prefix, so that each law begins with nothing.
struct Apart(SecretsManager, String);

#[async_trait::async_trait]
impl SecretStore for Apart {
    async fn read(&self, name: &str) -> PortResult<Option<StoredSecret>> {
        self.0.read(&format!("{}{name}", self.1)).await
    }

    async fn create(&self, name: &str, document: &SecretString) -> PortResult<()> {
        self.0.create(&format!("{}{name}", self.1), document).await
    }

    async fn replace(&self, name: &str, document: &SecretString) -> PortResult<()> {
        self.0.replace(&format!("{}{name}", self.1), document).await
    }

    async fn repeat(&self, name: &str, current: &StoredSecret) -> PortResult<()> {
        self.0.repeat(&format!("{}{name}", self.1), current).await
    }
}

#[tokio::test]
async fn secrets_manager_obeys_the_laws_of_secrets() {
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    let number = AtomicUsize::new(0);
    let fresh =
        || Apart(SecretsManager::new(clients.clone()), format!("/law-{}", number.fetch_add(1, Ordering::SeqCst)));
    laws::secrets::all(async || fresh()).await;
}

#[tokio::test]
async fn a_secret_that_was_made_without_a_value_is_created_by_its_first_value() {
    let aws = LocalAws::start();
    let clients = clients(&aws).await;
    clients.secrets.create_secret().name("/empty").send().await.unwrap();
    let store = SecretsManager::new(clients);
    assert!(store.read("/empty").await.unwrap().is_none());
    store.create("/empty", &SecretString::from("{}")).await.unwrap();
    assert!(store.create("/empty", &SecretString::from("{}")).await.is_err());
}
